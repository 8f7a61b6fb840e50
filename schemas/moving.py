"""Moving to another phone: the codes that let it in, and what becomes of the old one."""

from citylife.accounts.moving import CodeKind, OldPhones
from schemas.fields import Identity, Moment, OneOf, Resource, Said, Text, Truth

LONGEST_CODE = 60
"""Characters, with whatever blanks and hyphens a person puts between."""


class TransferCodeSchema(Resource):
    """A code to type on the new phone."""

    code = Said(metadata={"description": "Ten characters in two groups, told once", "example": "7K3QX-0M9DH"})
    expires_at = Moment(metadata={"description": "Ten minutes from now"})


class RecoveryCodeSchema(Resource):
    """A code to print and put away; it replaces the one before."""

    code = Said(
        metadata={"description": "25 characters in five groups, told once", "example": "7K3QX-0M9DH-V5T2B-4RWJ8-N6YCA"}
    )
    made_at = Moment()


class RecoverySchema(Resource):
    """Whether a recovery code stands."""

    stands = Truth()
    made_at = Moment(allow_none=True, metadata={"description": "Since when; null when none stands"})


class MoveSchema(Resource):
    """What the new phone sends."""

    code = Text(
        required=True,
        longest=LONGEST_CODE,
        metadata={
            "description": "A transfer code or a recovery code. Case, blanks and hyphens do not matter; O is read "
            "as 0, I and L as 1.",
            "example": "7K3QX-0M9DH",
        },
    )
    old_phones = OneOf(
        OldPhones,
        required=True,
        metadata={
            "description": "keep: the phones you had go on. sign-out: their tokens end, their devices are removed, "
            "and so is every other code of yours, the printed one too."
        },
    )
    cookie = Truth(
        load_default=False,
        metadata={
            "description": "For our own pages: the token goes into an HttpOnly cookie instead of the answer, in place "
            "of the one that is there."
        },
    )


class MovedSchema(Resource):
    """The citizen, and the token of the new phone: it is said once."""

    id = Identity()
    token = Said(metadata={"description": "Absent when it went into the cookie"})
    used = OneOf(CodeKind)
    recovery_stands = Truth(metadata={"description": "Whether a printed code of yours still works"})
    advice = Said(
        allow_none=True, metadata={"description": "In the caller's language, when a new code should be printed"}
    )
