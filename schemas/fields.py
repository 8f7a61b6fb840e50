"""The kinds of field the contract is made of, each refusing a wrong value in a sentence that can be translated.

JSON types are taken as they are: "12" is no number here, 1 is no boolean.
"""

import datetime as dt
import enum
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from marshmallow import Schema, ValidationError, fields, validate

from citylife.geography import read_cell, written_cell
from citylife.wording import Sentence

E = TypeVar("E", bound=enum.Enum)

FIELD_MESSAGES: Final[dict[str, str]] = {
    "required": Sentence("Ce champ est obligatoire."),
    "null": Sentence("Ce champ ne peut pas être vide (null)."),
    "validator_failed": Sentence("Cette valeur n’est pas acceptée."),
}
SCHEMA_MESSAGES: Final[dict[str, str]] = {
    "type": Sentence("Un objet JSON est attendu."),
    "unknown": Sentence("Ce champ est inconnu."),
}
NOT_TEXT: Final = Sentence("Un texte est attendu.")
NOT_WHOLE: Final = Sentence("Un nombre entier est attendu.")
NOT_TRUTH: Final = Sentence("« true » ou « false » est attendu.")
NOT_MOMENT: Final = Sentence("Une date et une heure RFC 3339 avec leur décalage sont attendues.")
NOT_DAY: Final = Sentence("Une date est attendue, comme « 2026-11-24 ».")
NOT_TIME: Final = Sentence("Une heure est attendue, comme « 20:00 ».")
NOT_ID: Final = Sentence("Un identifiant UUID est attendu.")
NOT_CELL: Final = Sentence("Une cellule H3 de résolution 7 est attendue, comme « 871949d45ffffff ».")
NOT_CHOICE: Final = Sentence("Une de ces valeurs est attendue : {choices}.")
NOT_MONEY: Final = Sentence("Un montant en euros est attendu, comme « 4.50 », avec deux décimales au plus.")
NOT_EUROS: Final = Sentence("La seule monnaie acceptée est « EUR ».")
NEGATIVE: Final = Sentence("Un prix ne peut pas être négatif.")
CONTROLS: Final = Sentence("Les caractères de contrôle ne sont pas acceptés.")
TOO_LONG: Final = Sentence("Au plus {max} caractères sont acceptés.")
TOO_SHORT: Final = Sentence("Au moins {min} caractères sont attendus.")
OUT_OF_RANGE: Final = Sentence("Une valeur de {min} à {max} est attendue.")
TOO_SMALL: Final = Sentence("Une valeur d’au moins {min} est attendue.")

RFC3339: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII)
EARLIEST: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATEST: Final = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)
AMOUNT: Final = re.compile(r"(-?)(\d{1,9})(?:\.(\d{1,2}))?", re.ASCII)
CALENDAR_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
CLOCK_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
CENTS: Final = 100
LARGEST: Final = 2**63 - 1
"""What the databases count up to."""


def messages(**own: str) -> dict[str, Any]:
    """What a kind of field says of a wrong value."""
    return {**FIELD_MESSAGES, **own}


class Resource(Schema):
    """A JSON object of the contract: a field it does not know is refused."""

    error_messages = SCHEMA_MESSAGES


class Text(fields.String):
    """A text without control characters; `multiline` keeps line ends. Lengths count characters."""

    default_error_messages = messages(invalid=NOT_TEXT, invalid_utf8=NOT_TEXT, controls=CONTROLS)

    def __init__(
        self, *, longest: int | None = None, shortest: int | None = None, multiline: bool = False, **options: Any
    ) -> None:
        checks = list(options.pop("validate", ()))
        if longest is not None:
            checks.append(validate.Length(max=longest, error=TOO_LONG))
        if shortest is not None:
            checks.append(validate.Length(min=shortest, error=TOO_SHORT))
        self.allowed = "\n\r\t" if multiline else ""
        super().__init__(validate=checks, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if any(
            (character < " " or "\x7f" <= character <= "\x9f") and character not in self.allowed for character in text
        ):
            raise self.make_error("controls")
        return text


class Whole(fields.Integer):
    """A whole number; `written` reads it from text, as a URL carries it."""

    default_error_messages = messages(invalid=NOT_WHOLE, too_large=NOT_WHOLE)

    def __init__(
        self, *, least: int | None = None, most: int | None = None, written: bool = False, **options: Any
    ) -> None:
        self.written = written
        checks = list(options.pop("validate", ()))
        if least is not None or most is not None:
            error = OUT_OF_RANGE if least is not None and most is not None else TOO_SMALL
            checks.append(validate.Range(min=least, max=most, error=error))
        super().__init__(strict=True, validate=checks, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if self.written and isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
            raise self.make_error("invalid")
        return super()._deserialize(value, *args, **kwargs)


class Number(fields.Float):
    """A finite number within bounds."""

    default_error_messages = messages(
        invalid=Sentence("Un nombre est attendu."),
        too_large=Sentence("Un nombre est attendu."),
        special=Sentence("Un nombre est attendu."),
    )

    def __init__(self, *, least: float, most: float, **options: Any) -> None:
        super().__init__(validate=validate.Range(min=least, max=most, error=OUT_OF_RANGE), **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.make_error("invalid")
        return super()._deserialize(value, *args, **kwargs)


class Truth(fields.Boolean):
    """True or false, as JSON writes them; `written` reads it from text, as a URL carries it."""

    default_error_messages = messages(invalid=NOT_TRUTH)

    def __init__(self, *, written: bool = False, **options: Any) -> None:
        self.written = written
        super().__init__(**options)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        if self.written and isinstance(value, str):
            value = {"true": True, "false": False}.get(value)
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class Moment(fields.AwareDateTime):
    """A moment, RFC 3339 with its offset; kept and said in UTC."""

    default_error_messages = messages(invalid=NOT_MOMENT, invalid_awareness=NOT_MOMENT, format=NOT_MOMENT)

    def _serialize(self, value: dt.datetime | None, *args: Any, **kwargs: Any) -> Any:
        moment = None if value is None else value.astimezone(dt.UTC)
        return super()._serialize(moment, *args, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dt.datetime:
        if not isinstance(value, str) or not RFC3339.fullmatch(value):
            raise self.make_error("invalid")
        moment: dt.datetime = super()._deserialize(value, *args, **kwargs)
        if not EARLIEST < moment < LATEST:  # aware moments compare without leaving the calendar
            raise self.make_error("invalid")
        return moment.astimezone(dt.UTC)


class Day(fields.Date):
    """A date of the calendar, such as 2026-11-24."""

    default_error_messages = messages(invalid=NOT_DAY, format=NOT_DAY)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dt.date:
        if not isinstance(value, str) or not CALENDAR_DAY.fullmatch(value):
            raise self.make_error("invalid")
        day: dt.date = super()._deserialize(value, *args, **kwargs)
        return day


class ClockTime(fields.Time):
    """A time of day to the minute, such as 20:00, where the citizen lives."""

    default_error_messages = messages(invalid=NOT_TIME, format=NOT_TIME)

    def _serialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str | None:
        return None if value is None else value.strftime("%H:%M")

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> dt.time:
        match = CLOCK_TIME.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise self.make_error("invalid")
        return dt.time(int(match[1]), int(match[2]))


class Identity(fields.UUID):
    """An identifier."""

    default_error_messages = messages(invalid=NOT_ID, invalid_utf8=NOT_ID, invalid_uuid=NOT_ID)

    def _validated(self, value: Any) -> uuid.UUID:
        if isinstance(value, uuid.UUID):
            return value
        if not isinstance(value, str):
            raise self.make_error("invalid_uuid")
        return super()._validated(value)


class Cell(fields.Field[int]):
    """An H3 cell of resolution 7: 15 hexadecimal digits on the wire, its number inside."""

    default_error_messages = messages(invalid=NOT_CELL)

    def _serialize(self, value: int | None, *_args: Any, **_kwargs: Any) -> str | None:
        return None if value is None else written_cell(value)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int:
        cell = read_cell(value) if isinstance(value, str) else None
        if cell is None:
            raise self.make_error("invalid")
        return cell


class OneOf(fields.Enum[E]):
    """One of an enumeration, by its value."""

    default_error_messages = messages(unknown=NOT_CHOICE)

    def __init__(self, choices: type[E], **options: Any) -> None:
        super().__init__(choices, by_value=True, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str):
            raise self.make_error("unknown", choices=self.choices_text)
        return super()._deserialize(value, *args, **kwargs)


class Money(fields.Field[int]):
    """An amount: `{"amount": "4.50", "currency": "EUR"}` on the wire, cents inside."""

    default_error_messages = messages(
        invalid=NOT_MONEY, currency=NOT_EUROS, negative=NEGATIVE, unknown=SCHEMA_MESSAGES["unknown"]
    )

    def _serialize(self, value: int | None, *_args: Any, **_kwargs: Any) -> Any:
        if value is None:
            return None
        return {"amount": f"{value // CENTS}.{value % CENTS:02d}", "currency": "EUR"}

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int:
        if not isinstance(value, Mapping):
            raise self.make_error("invalid")
        faults: dict[str, Any] = {
            name: [self.error_messages["unknown"]] for name in value if name not in {"amount", "currency"}
        }
        for name in ("amount", "currency"):
            if name not in value:
                faults[name] = [self.error_messages["required"]]
        if not faults and value["currency"] != "EUR":
            faults["currency"] = [self.error_messages["currency"]]
        match = AMOUNT.fullmatch(value["amount"]) if isinstance(value.get("amount"), str) else None
        if "amount" not in faults and match is None:
            faults["amount"] = [self.error_messages["invalid"]]
        if match is not None and match[1]:
            faults["amount"] = [self.error_messages["negative"]]
        if faults or match is None:
            raise ValidationError(faults)
        return int(match[2]) * CENTS + int((match[3] or "0").ljust(2, "0"))


class Several(fields.List[Any]):
    """A list."""

    default_error_messages = messages(invalid=Sentence("Une liste est attendue."))


class Facts(fields.Dict):
    """Facts by their names, on their way out; which ones depends on what happened."""


class Part(fields.Nested):
    """An object within."""

    default_error_messages = messages(type=SCHEMA_MESSAGES["type"])


class Said(fields.String):
    """A text of ours on its way out."""


def one_of(values: Sequence[str]) -> validate.OneOf:
    """A check that a text is one of `values`."""
    return validate.OneOf(values, error=NOT_CHOICE)
