"""Every sentence a person reads, written in French at its source and translated when it is said.

A `Sentence` is a string (the French one, filled in) that remembers its template and its values, so that whoever
meets the reader last, and knows her language, can say it again in that language.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Final, Self

from babel import Locale, UnknownLocaleError, dates, numbers
from babel.messages.pofile import read_po

LOCALES: Final = ("fr", "en")
DEFAULT_LOCALE: Final = "fr"


class Sentence(str):
    """A French sentence with named blanks, filled in and still translatable.

    >>> str(Sentence("Au plus {most} caractères.", most=80))
    'Au plus 80 caractères.'
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> Self:
        """Fill in `values` where there are any; a template without values keeps its blanks for later."""
        self = super().__new__(cls, str.format(template, **values) if values else template)
        self.template = template
        self.values = values
        return self

    def format(self, *_args: Any, **values: Any) -> Self:  # marshmallow fills its messages in through this
        """The same sentence with its blanks filled in, still translatable."""
        return type(self)(self.template, **values)


@cache
def _catalog(locale: str) -> dict[str, str]:
    """The translations of one locale: French template → its translation. French needs none."""
    if locale == DEFAULT_LOCALE:
        return {}
    with files("citylife").joinpath("locale", f"{locale}.po").open("rb") as stream:
        catalog = read_po(stream, locale=locale)
    return {str(message.id): str(message.string) for message in catalog if message.id and message.string}


def translated(template: str, locale: str) -> str:
    """The template in `locale`, or in French where no translation is known."""
    return _catalog(locale).get(template, template)


def say(sentence: str, locale: str) -> str:
    """The sentence in the reader's language; a plain string is looked up as it stands.

    Values that are sentences themselves (a state, a field's name) are translated too.
    """
    if not isinstance(sentence, Sentence):
        return translated(sentence, locale)
    template = translated(sentence.template, locale)
    if not sentence.values:
        return template
    values = {
        name: say(value, locale) if isinstance(value, Sentence) else said_value(value, locale)
        for name, value in sentence.values.items()
    }
    return template.format(**values)


def said_value(value: Any, locale: str) -> Any:
    """Dates, times, numbers, and amounts in euros (`Decimal`) as the locale writes them; anything else as it is."""
    if isinstance(value, dt.datetime):
        return dates.format_datetime(value, "d MMMM y HH:mm", locale=locale)
    if isinstance(value, dt.date):
        return dates.format_date(value, "long", locale=locale)
    if isinstance(value, Decimal):
        return numbers.format_currency(value, "EUR", locale=locale)
    if isinstance(value, int) and not isinstance(value, bool):
        return numbers.format_decimal(value, locale=locale)
    return value


def best_locale(wanted: Sequence[str]) -> str:
    """The first of our locales among BCP 47 tags in order of preference; French when none is ours."""
    for tag in wanted:
        try:
            language = Locale.parse(tag, sep="-").language
        except (ValueError, UnknownLocaleError):
            continue
        if language in LOCALES:
            return language
    return DEFAULT_LOCALE
