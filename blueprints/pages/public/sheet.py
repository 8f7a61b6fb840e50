"""The week's offers of a commune on one sheet of A4: for a notice board, a town hall's counter, a letter box.

Black on white, in type for old eyes: large where there are few offers, in two columns where there are many. What finds
no room is counted, and said. The PDF has the fonts that every reader has, so that nothing is embedded; a character that
they lack is written without its accent, or left out.
"""

import datetime as dt
import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import segno
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from citylife.clock import PARIS
from citylife.moments import clock_words, date_words
from citylife.wording import Sentence, say

ENCODING: Final = "windows-1252"
WIDTH: Final = 210.0
HEIGHT: Final = 297.0
MARGIN: Final = 14.0
"""Millimetres, as everywhere here; sizes of type are points."""
MARK: Final = 32.0
LIST_TOP: Final = 53.0
LIST_BOTTOM: Final = HEIGHT - 31.0
GUTTER: Final = 8.0
BETWEEN: Final = 3.2
LEADING: Final = 0.43
"""Millimetres a line takes for each point of its type."""
DESCENT: Final = 0.1
"""Of these, what lies under the line that letters stand on."""
PLAIN: Final = "Helvetica"
BOLD: Final = "Helvetica-Bold"
PLAIN_SPACES: Final = str.maketrans("\N{NARROW NO-BREAK SPACE}\N{NON-BREAKING HYPHEN}", "\N{NO-BREAK SPACE}-")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the sheet says of an offer: four lines, each of which may be long, and empty but for the first two."""

    title: str
    shop: str
    price: str
    until: str


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above the list, and the address that is written out and drawn as a code."""

    commune: str
    address: str


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


def writable(text: str) -> str:
    """The text in the characters that the fonts have."""
    text = text.translate(PLAIN_SPACES)
    written = []
    for mark in text:
        if _has(mark):
            written.append(mark)
        else:
            written.append("".join(part for part in unicodedata.normalize("NFKD", mark) if _has(part)))
    return "".join(written)


def _has(mark: str) -> bool:
    if mark < " " or mark == "\x7f":
        return False
    try:
        mark.encode(ENCODING)
    except UnicodeEncodeError:
        return False
    return True


class _Sheet:
    """One page that is being drawn; measured from its top, though PDF measures from below."""

    def __init__(self, heading: Heading, language: str, now: dt.datetime) -> None:
        self.heading, self.language = heading, language
        self.moment = now.astimezone(PARIS)
        self.bytes = io.BytesIO()
        self.canvas = Canvas(self.bytes, pagesize=(WIDTH * mm, HEIGHT * mm), lang=language, invariant=1)
        self.canvas.setTitle(self._say(Sentence("{commune} : les offres de la semaine", commune=heading.commune)))
        self.canvas.setAuthor("Citylife")
        self.canvas.setViewerPreference("DisplayDocTitle", "true")

    def head(self) -> None:
        """The commune, when the sheet was printed, and the code of the commune's page."""
        width = WIDTH - 2 * MARGIN - MARK - GUTTER
        name = self.heading.commune
        size = next((size for size in (30.0, 24.0, 19.0) if len(list(_lines(name, width, size, BOLD))) == 1), 16.0)
        y = self._write(MARGIN, MARGIN - 2, width, size, name, bold=True)
        subtitle = self._say(Sentence("Les offres de la semaine, chez vos commerces"))
        y = self._write(MARGIN, y + 1, width, 15, subtitle)
        said = self._say(
            Sentence(
                "Feuille imprimée le {day} à {time}.",
                day=date_words(self.moment.date(), self.language),
                time=clock_words(self.moment.time()),
            )
        )
        y = self._write(MARGIN, y + 1.5, width, 11.5, said)
        leads = self._say(Sentence("Le code mène à la page de la commune, tenue à jour."))
        self._write(MARGIN, y + 0.5, width, 11.5, leads)
        self._mark(WIDTH - MARGIN - MARK, MARGIN - 3)
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
                below = self._write(left, below, setting.width, size, text, bold=bold)
            y += height + BETWEEN

    def foot(self, rest: int, *, empty: bool) -> None:
        """What found no room, what an offer is worth, and where more is to be read."""
        width, y = WIDTH - 2 * MARGIN, LIST_BOTTOM + 3
        if empty:
            nothing = self._say(Sentence("Aucune offre en ce moment. Demandez la feuille de la semaine prochaine."))
            self._write(MARGIN, LIST_TOP + 4, width, 16, nothing)
        self._rule(y - 1, 0.8)
        if rest > 0:
            y = self._write(MARGIN, y + 0.5, width, 12.5, self._rest(rest), bold=True)
        advice = self._say(
            Sentence(
                "Chaque commerce écrit ses offres ; elles valent tant qu’il en reste. Sans smartphone : demandez à "
                "l’accueil de la mairie, ou appelez le commerce."
            )
        )
        y = self._write(MARGIN, y + 1, width, 10.5, advice)
        self._write(MARGIN, y + 0.5, width, 10.5, self.heading.address)

    def finished(self) -> bytes:
        """The document."""
        self.canvas.showPage()
        self.canvas.save()
        return self.bytes.getvalue()

    def _rest(self, rest: int) -> str:
        if rest == 1:
            return self._say(Sentence("Et 1 autre offre, qui ne tient pas sur cette feuille : voir le code ci-dessus."))
        return self._say(
            Sentence(
                "Et {count} autres offres, qui ne tiennent pas sur cette feuille : voir le code ci-dessus.", count=rest
            )
        )

    def _write(self, x: float, y: float, width: float, size: float, text: str, *, bold: bool = False) -> float:
        """Write a paragraph below `y`; where it ends."""
        font = BOLD if bold else PLAIN
        self.canvas.setFont(font, size)
        for line in _lines(text, width, size, font):
            y += size * LEADING
            self.canvas.drawString(x * mm, (HEIGHT - y + size * DESCENT) * mm, line)
        return y

    def _rule(self, y: float, thickness: float) -> None:
        self.canvas.setLineWidth(thickness)
        self.canvas.line(MARGIN * mm, (HEIGHT - y) * mm, (WIDTH - MARGIN) * mm, (HEIGHT - y) * mm)

    def _mark(self, x: float, y: float) -> None:
        """The code of the address: each dark run of a row is a rectangle, sharp at any size."""
        rows = list(segno.make_qr(self.heading.address, error="m").matrix_iter(border=2))
        side = MARK / len(rows)
        for down, row in enumerate(rows):
            for across, dark in enumerate(row):
                if dark:
                    left, bottom = x + across * side, HEIGHT - y - (down + 1) * side
                    self.canvas.rect(left * mm, bottom * mm, side * mm, side * mm, stroke=0, fill=1)

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
    return sum(
        size * LEADING * len(list(_lines(text, setting.width, size, BOLD if bold else PLAIN)))
        for text, size, bold in _parts(entry, setting)
    )


def _lines(text: str, width: float, size: float, font: str) -> Iterator[str]:
    """The text in lines that are no wider; only plain spaces break it, and a word longer than a line where it must."""
    line = ""
    for whole in writable(text).split(" "):
        word = whole
        longer = f"{line} {word}" if line else word
        if stringWidth(longer, font, size) <= width * mm:
            line = longer
            continue
        if line:
            yield line
        while stringWidth(word, font, size) > width * mm:
            fits = next(at for at in range(len(word), 0, -1) if stringWidth(word[:at], font, size) <= width * mm)
            yield word[:fits]
            word = word[fits:]
        line = word
    if line:
        yield line
