"""What the forms of the console share: an act that is refused shows its page again, with why and what was written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from flask import Response, make_response, redirect, request

from blueprints.pages.language import page_locale
from blueprints.storage import db
from citylife.errors import Invalid, Refusal
from citylife.wording import Sentence, say

EVERYTHING: Final = Sentence("tout")
"""The word that is typed to hold or resume all sending, in the reader's language."""
LONGEST_TYPED: Final = 2_000
OK: Final = 200


class Unconfirmed(Invalid):
    """What cannot be taken back was not confirmed."""

    slug: ClassVar[str] = "unconfirmed"
    title: ClassVar[str] = "À confirmer"
    sentence: ClassVar[str] = "Cochez la case qui confirme : rien n’a été fait."


class WordNotTyped(Invalid):
    """The word that confirms was not typed."""

    slug: ClassVar[str] = "word-not-typed"
    title: ClassVar[str] = "À confirmer"
    sentence: ClassVar[str] = "Écrivez « {word} » pour confirmer : rien n’a été fait."


@dataclass(frozen=True, slots=True)
class Failed:
    """Which form was refused, why, and what stood in it."""

    act: str
    words: str
    status: int

    @classmethod
    def told(cls, act: str, refusal: Refusal) -> "Failed":
        """What a refusal says of a form, in the reader's language."""
        return cls(act, say(refusal.detail, page_locale()), refusal.status)

    def of(self, act: str, name: str) -> str:
        """What was written in a field of this form; empty in every other form."""
        return typed(name) if act == self.act else ""


NOTHING_FAILED: Final = Failed("", "", OK)


def typed(name: str) -> str:
    """A field of the form as it was sent, cut where nobody could have meant it."""
    return request.form.get(name, "")[:LONGEST_TYPED]


def confirmed() -> None:
    """Go on only where the box that confirms was ticked.

    Raises:
        Unconfirmed: it was not.
    """
    if request.form.get("confirm") != "yes":
        raise Unconfirmed


def word_typed() -> None:
    """Go on only where the word for everything was typed, however it is spelt in capitals.

    Raises:
        WordNotTyped: it was not.
    """
    word = say(EVERYTHING, page_locale())
    if typed("word").strip().casefold() != word.casefold():
        raise WordNotTyped(word=word)


def carried_out(name: str, act: Callable[[], object], *, to: str, again: Callable[[Failed], Response]) -> Response:
    """Where it leads once it is done; the page again where it is refused, and then nothing of it is written."""
    try:
        act()
    except Refusal as refusal:
        db.session().rollback()
        return again(Failed.told(name, refusal))
    return make_response(redirect(to, 303))
