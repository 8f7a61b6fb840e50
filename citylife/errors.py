"""The Refusal family: what the rules of the house say no to, each stating the fact in a sentence.

A refusal knows the kind of answer it calls for (`status`, the number RFC 9110 gives it) and a stable `slug`
(the last part of its problem type, RFC 9457), but nothing of HTTP itself. Modules add their own refusals beside the
rule that raises them; the ones here are shared.
"""

from typing import Any, ClassVar

from citylife.wording import Sentence


class Refusal(Exception):
    """A rule said no. `detail` is the sentence for the person, `pointer` the JSON pointer of the field at fault."""

    slug: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "La demande ne peut pas être satisfaite"
    sentence: ClassVar[str] = "La demande ne peut pas être satisfaite."

    def __init__(self, detail: Sentence | None = None, *, pointer: str | None = None, **values: Any) -> None:
        self.detail = detail if detail is not None else Sentence(self.sentence, **values)
        self.pointer = pointer
        super().__init__(str(self.detail))


class Absent(Refusal):
    """There is no such thing, or it is somebody else's: the two are never told apart."""

    slug = "not-found"
    status = 404
    title = "Introuvable"
    sentence = "Cette ressource n’existe pas."


class NotYours(Absent):
    """It exists and belongs to somebody else; the answer is exactly an absent one's."""


class Invalid(Refusal):
    """A value is well formed and still breaks a rule; `pointer` names the field."""

    slug = "invalid"
    status = 422
    title = "Données refusées"
    sentence = "Les données envoyées ne respectent pas les règles."


class TooMany(Refusal):
    """A limit of the house is reached (devices, places, « toujours »…)."""

    slug = "limit-reached"
    status = 409
    title = "Limite atteinte"
    sentence = "La limite est atteinte."


class Stale(Refusal):
    """The thing has changed since it was read (a lost update)."""

    slug = "changed-meanwhile"
    status = 412
    title = "Modifié entre-temps"
    sentence = "Cette ressource a changé depuis votre dernière lecture. Relisez-la, puis recommencez."
