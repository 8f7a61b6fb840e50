"""Signing in, sessions, API keys and teams: what merchants and staff send and read of their accounts."""

from citylife.accounts.merchants import Role, Scope
from citylife.accounts.sessions import AccountKind
from schemas.fields import Day, Identity, Moment, OneOf, Resource, Said, Several, Text, Truth

LONGEST_EMAIL = 254
LONGEST_LABEL = 80


class SignInSchema(Resource):
    """Who wants to sign in."""

    email = Text(required=True, longest=LONGEST_EMAIL, metadata={"example": "camille@boulangerie.example"})
    kind = OneOf(AccountKind, data_key="for", load_default=AccountKind.MERCHANT)
    begin = Truth(
        load_default=False,
        metadata={
            "description": "For a merchant: write to any address, and make the account once the letter's link or code "
            "is used. The answer is the same, whoever has the address"
        },
    )


class SignInAskedSchema(Resource):
    """The same answer, whoever has the address or not."""

    request_id = Identity(metadata={"description": "To be sent with the six-digit code"})
    expires_at = Moment()


class SignInCodeSchema(Resource):
    """The code of the letter, typed on this device."""

    request_id = Identity(required=True)
    code = Text(required=True, longest=20, metadata={"example": "123 456"})
    cookie = Truth(
        load_default=False,
        metadata={"description": "Keep the session in an HttpOnly cookie, which no script reads; from our pages only"},
    )


class SessionSchema(Resource):
    """A browser or a program that is signed in."""

    id = Identity()
    kind = OneOf(AccountKind, data_key="for")
    browser = Said(metadata={"description": "The family of the browser, or nothing"})
    created_at = Moment()
    seen_at = Moment(metadata={"description": "To the hour"})
    expires_at = Moment()
    current = Truth(metadata={"description": "Whether it is the one that asks"})


class NewSessionSchema(Resource):
    """A session that has just been opened."""

    id = Identity()
    kind = OneOf(AccountKind, data_key="for")
    expires_at = Moment()
    token = Said(metadata={"description": "`cls_…`, said once; absent where a cookie was asked for"})


class NewKeySchema(Resource):
    """An API key to make."""

    label = Text(required=True, shortest=1, longest=LONGEST_LABEL, metadata={"example": "Caisse"})
    scopes = Several(OneOf(Scope), required=True)
    expires_at = Moment(
        load_default=None,
        allow_none=True,
        metadata={"description": "From when on it opens nothing; null: only once it is revoked"},
    )


class KeySchema(Resource):
    """An API key; its token is not said again."""

    id = Identity()
    label = Said()
    scopes = Several(Said())
    created_at = Moment()
    expires_at = Moment(allow_none=True, metadata={"description": "Null where it stands until it is revoked"})
    used_on = Day(
        allow_none=True, metadata={"example": "2026-11-24", "description": "The last day it was used, nothing finer"}
    )


class MadeKeySchema(KeySchema):
    """An API key that has just been made."""

    token = Said(metadata={"description": "`clk_…`, said once"})


class InvitationSchema(Resource):
    """Somebody to take into a shop's team."""

    email = Text(required=True, longest=LONGEST_EMAIL, metadata={"example": "lou@boulangerie.example"})
    role = OneOf(Role, load_default=Role.SELLER)


class MemberSchema(Resource):
    """A member of a shop's team."""

    id = Identity(metadata={"description": "The id of her place in this team"})
    email = Said()
    role = OneOf(Role)
    since = Moment()
    pending = Truth(metadata={"description": "Whether she was invited, and has not come since; told to owners"})
