"""What forms of the settings are answered: a fault said at its field, and a consent with the words that she read."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import request

from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.storage import db
from citylife.accounts.citizens import Citizen
from citylife.consent import Purpose, TextUnknown, record_consent
from citylife.errors import Refusal
from citylife.wording import say

AGREED: Final = "agreed"
"""The box below what she is asked to agree to."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a form was refused for: at which field, what to say, and what had been written."""

    field: str
    words: str
    written: dict[str, Any] = dataclasses.field(default_factory=dict)


def fault_of(refusal: Refusal, fields: Sequence[str], written: dict[str, Any] | None = None) -> Fault:
    """The fault that a refusal is, at its field or at the box of a consent; else at the first of the form."""
    name = (refusal.pointer or "/")[1:]
    return Fault(name if name in {*fields, AGREED} else fields[0], say(refusal.detail, page_locale()), written or {})


def described(fault: Fault | None, name: str, hint: str | None = None) -> Mapping[str, str | None]:
    """The attributes that lead from a field to its fault, and to what explains it; for `xmlattr`."""
    wrong = fault is not None and fault.field == name
    ids = [f"{name}-probleme"] * wrong + ([] if hint is None else [hint])
    return {"aria-invalid": "true" if wrong else None, "aria-describedby": " ".join(ids) or None}


def agreed_to(citizen: Citizen, purpose: Purpose, *, otherwise: type[Refusal]) -> None:
    """Record what she agrees to by the form that was sent.

    Raises:
        TextUnknown: she read other words than today's.
        Refusal: the one of `otherwise`, where she did not tick the box; the pointer of both is the box.
    """
    if request.form.get(AGREED) != "1":
        raise otherwise(pointer=f"/{AGREED}")
    version, words = request.form.get("text_version", ""), page_locale()
    try:
        record_consent(db.session(), citizen, purpose, granted=True, text_version=version, locale=words, now=now())
    except TextUnknown as refusal:
        raise TextUnknown(refusal.detail, pointer=f"/{AGREED}") from None
