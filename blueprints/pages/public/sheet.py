"""The week's offers of a commune on one sheet of A4: for a notice board, a town hall's counter, a letter box.

Black on white, in type for old eyes: large where there are few offers, in two columns where there are many. What finds
no room is counted, and said.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from blueprints.pages.paper import BOLD, Paper, lines, writable
from citylife.clock import PARIS
from citylife.moments import clock_words, date_words
from citylife.wording import Sentence, say

WIDTH: Final = 210.0
HEIGHT: Final = 297.0
MARGIN: Final = 14.0
"""Millimetres, as everywhere here; sizes of type are points."""
MARK: Final = 32.0
LIST_TOP: Final = 53.0
LIST_BOTTOM: Final = HEIGHT - 31.0
GUTTER: Final = 8.0
BETWEEN: Final = 3.2
POINT: Final = 25.4 / 72
"""In millimetres: how thick a rule is, is said in points."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the sheet says of an offer: four lines, each of which may be long, and empty but for the first two."""

    title: str
    shop: str
    price: str
    until: str


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above the list: the address that is written out, and the one that the code leads to."""

    commune: str
    address: str
    leads_to: str


@dataclass(frozen=True, slots=True)
class Setting:
    """How the list is set: its columns, and the type of titles and of the rest."""

    columns: int
    title: float
    text: float

    @property
    def width(self) -> float:
        """Of one column."""
        return (WIDTH - 2 * MARGIN - (self.columns - 1) * GUTTER) / self.columns


SETTINGS: Final = (Setting(1, 21, 16), Setting(1, 17, 14), Setting(1, 14.5, 12), Setting(2, 12.5, 11))
"""From the largest type to the smallest that is still easily read."""


def drawn(
    heading: Heading, entries: Sequence[Entry], *, total: int, language: str, now: dt.datetime
) -> tuple[bytes, int]:
    """The PDF, and how many of the entries stand on it; `total` is how many offers there are, drawn or not.

    The same offers in the same minute are the same bytes, for caches to recognise.
    """
    sheet = _Sheet(heading, language, now)
    setting = next((each for each in SETTINGS if _room_for(entries, each) == len(entries)), SETTINGS[-1])
    count = _room_for(entries, setting)
    sheet.head()
    sheet.list(entries[:count], setting)
    sheet.foot(total - count, empty=not entries)
    return sheet.finished(), count


class _Sheet:
    """One page that is being drawn; measured from its top, though PDF measures from below."""

    def __init__(self, heading: Heading, language: str, now: dt.datetime) -> None:
        self.heading, self.language = heading, language
        self.moment = now.astimezone(PARIS)
        self.paper = Paper(WIDTH, HEIGHT)

    def head(self) -> None:
        """The commune, when the sheet was printed, and the code of the commune's page."""
        width = WIDTH - 2 * MARGIN - MARK - GUTTER
        name = self.heading.commune
        spelt = writable(name)
        size = next((size for size in (30.0, 24.0, 19.0) if len(list(lines(spelt, width, size, BOLD))) == 1), 16.0)
        y = self.paper.write(MARGIN, MARGIN - 2, width, size, name, bold=True)
        subtitle = self._say(Sentence("Les offres de la semaine, chez vos commerces"))
        y = self.paper.write(MARGIN, y + 1, width, 15, subtitle)
        said = self._say(
            Sentence(
                "Feuille imprimée le {day} à {time}.",
                day=date_words(self.moment.date(), self.language),
                time=clock_words(self.moment.time()),
            )
        )
        y = self.paper.write(MARGIN, y + 1.5, width, 11.5, said)
        leads = self._say(Sentence("Le code mène à la page de la commune, tenue à jour."))
        self.paper.write(MARGIN, y + 0.5, width, 11.5, leads)
        self.paper.mark(WIDTH - MARGIN - MARK, MARGIN - 3, MARK, self.heading.leads_to)
        self._rule(LIST_TOP - 5, 1.5)

    def list(self, entries: Sequence[Entry], setting: Setting) -> None:
        """The entries, from the top of the first column to the bottom of the last."""
        column, y = 0, LIST_TOP
        for entry in entries:
            height = _height(entry, setting)
            if y + height > LIST_BOTTOM:
                column, y = column + 1, LIST_TOP
            below = y
            for text, size, bold in _parts(entry, setting):
                left = MARGIN + column * (setting.width + GUTTER)
                below = self.paper.write(left, below, setting.width, size, text, bold=bold)
            y += height + BETWEEN

    def foot(self, rest: int, *, empty: bool) -> None:
        """What found no room, what an offer is worth, and where more is to be read."""
        width, y = WIDTH - 2 * MARGIN, LIST_BOTTOM + 3
        if empty:
            nothing = self._say(Sentence("Aucune offre en ce moment. Demandez la feuille de la semaine prochaine."))
            self.paper.write(MARGIN, LIST_TOP + 4, width, 16, nothing)
        self._rule(y - 1, 0.8)
        if rest > 0:
            y = self.paper.write(MARGIN, y + 0.5, width, 12.5, self._rest(rest), bold=True)
        advice = self._say(
            Sentence(
                "Chaque commerce écrit ses offres ; elles valent tant qu’il en reste. Sans smartphone : demandez à "
                "l’accueil de la mairie, ou appelez le commerce."
            )
        )
        y = self.paper.write(MARGIN, y + 1, width, 10.5, advice)
        self.paper.write(MARGIN, y + 0.5, width, 10.5, self.heading.address)

    def finished(self) -> bytes:
        """The document."""
        title = self._say(Sentence("{commune} : les offres de la semaine", commune=self.heading.commune))
        return self.paper.pdf(title=title, language=self.language)

    def _rest(self, rest: int) -> str:
        if rest == 1:
            return self._say(Sentence("Et 1 autre offre, qui ne tient pas sur cette feuille : voir le code ci-dessus."))
        return self._say(
            Sentence(
                "Et {count} autres offres, qui ne tiennent pas sur cette feuille : voir le code ci-dessus.", count=rest
            )
        )

    def _rule(self, y: float, thickness: float) -> None:
        self.paper.rule(MARGIN, y, WIDTH - 2 * MARGIN, thickness * POINT)

    def _say(self, sentence: Sentence) -> str:
        return say(sentence, self.language)


def _room_for(entries: Sequence[Entry], setting: Setting) -> int:
    """How many of the entries, from the first on, find room."""
    column, y = 0, LIST_TOP
    for count, entry in enumerate(entries):
        height = _height(entry, setting)
        if y + height > LIST_BOTTOM:
            column, y = column + 1, LIST_TOP
            if column == setting.columns:
                return count
        y += height + BETWEEN
    return len(entries)


def _parts(entry: Entry, setting: Setting) -> Iterator[tuple[str, float, bool]]:
    """What is written of an entry, in which size, bold or not."""
    yield entry.title, setting.title, True
    for text, bold in ((entry.shop, False), (entry.price, True), (entry.until, False)):
        if text:
            yield text, setting.text, bold


def _height(entry: Entry, setting: Setting) -> float:
    paper = Paper(WIDTH, HEIGHT)
    return sum(paper.height_of(text, setting.width, size, bold=bold) for text, size, bold in _parts(entry, setting))
