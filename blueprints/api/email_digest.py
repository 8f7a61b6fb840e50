"""The digest by e-mail: a weekly letter, to an address that was confirmed from its own letter."""

from typing import Any, Final

from blueprints import guards
from blueprints.api.contract import ApiBlueprint
from blueprints.asking_by_mail import ask_by_mail
from blueprints.house import now
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.email_digest.asking import digest_of, stop_digest
from citylife.email_digest.tables import EmailDigest
from schemas.email_digest import DigestState, EmailDigestSchema, NewEmailDigestSchema

blueprint: Final = ApiBlueprint("email-digest", "What her shops offer, in one letter a week")


def shown(kept: EmailDigest | None) -> dict[str, Any]:
    """Where it stands."""
    if kept is None:
        return {"state": DigestState.NONE, "email": None, "asked_at": None, "confirmed_at": None, "next_at": None}
    return {
        "state": DigestState.UNCONFIRMED if kept.confirmed_at is None else DigestState.CONFIRMED,
        "email": kept.email,
        "asked_at": kept.asked_at,
        "confirmed_at": kept.confirmed_at,
        "next_at": kept.due_at,
    }


@blueprint.route("/me/email-digest")
@guards.citizen_required
@blueprint.response(200, EmailDigestSchema)
def read_email_digest() -> dict[str, Any]:
    """Read where your weekly letter goes, and when the next one is due."""
    return shown(digest_of(db.session(), guards.current_citizen().id, now=now()))


@blueprint.route("/me/email-digest", methods=("PUT",))
@guards.citizen_required
@transaction(rings=True)
@blueprint.response(200, EmailDigestSchema)
@blueprint.arguments(NewEmailDigestSchema)
def give_address(given: dict[str, Any]) -> dict[str, Any]:
    """Give an address for a weekly letter; consent to it comes first (`email-digest`).

    It is sent a request to confirm, and nothing else until its link was tapped. Unconfirmed, it is forgotten after
    three days. The answer is the same whether the request could be sent or not. Refused while nobody may be written to.
    """
    return shown(ask_by_mail(guards.current_citizen(), given["email"]))


@blueprint.route("/me/email-digest", methods=("DELETE",))
@guards.citizen_required
@transaction()
@blueprint.response(204)
def stop_email_digest() -> None:
    """Stop the letters: your address is forgotten at once, and your consent withdrawn."""
    stop_digest(db.session(), guards.current_citizen().id, now=now())
