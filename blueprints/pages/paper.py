"""What is printed: text and QR codes placed on a sheet, measured from its top left, written as a PDF or as an SVG.

Both have the fonts that every reader has, so that nothing is embedded; a character that those of a PDF lack is written
without its accent, or left out. Lengths are millimetres, sizes of type are points.
"""

import io
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from xml.sax.saxutils import escape

import segno

MM: Final = 72 / 25.4
"""Points in a millimetre."""
ENCODING: Final = "windows-1252"
LEADING: Final = 0.43
"""Millimetres a line takes for each point of its type."""
DESCENT: Final = 0.1
"""Of these, what lies under the line that letters stand on."""
PLAIN: Final = "Helvetica"
BOLD: Final = "Helvetica-Bold"
FAMILY: Final = "Helvetica, Arial, 'Liberation Sans', sans-serif"
"""The same type where a browser draws: the three have the same widths."""
PLAIN_SPACES: Final = str.maketrans("\N{NARROW NO-BREAK SPACE}\N{NON-BREAKING HYPHEN}", "\N{NO-BREAK SPACE}-")
WIDEST: Final = 1.4
"""How wide a character that Helvetica lacks is taken to be, of the size of its type: no font draws emoji wider."""
UNWRITTEN: Final = frozenset({"Cc", "Cs", "Cn"})
"""Categories of characters that no document may hold, or that mean nothing."""
NO_WIDTH: Final = frozenset({"Mn", "Me", "Cf"})
"""Categories of characters that take no room: accents of their own, joiners."""


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text: from where, or around what, on which line its letters stand, and how wide it is."""

    x: float
    y: float
    size: float
    words: str
    bold: bool
    centred: bool
    width: float

    @property
    def font(self) -> str:
        """By its PDF name."""
        return BOLD if self.bold else PLAIN


@dataclass(frozen=True, slots=True)
class Bar:
    """A black rectangle, from its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(slots=True)
class Paper:
    """A sheet that is being drawn. `any_script`: its text keeps characters that the fonts of a PDF lack."""

    width: float
    height: float
    any_script: bool = False
    placed: list[Text | Bar] = field(default_factory=list, init=False)

    def write(
        self, x: float, y: float, width: float, size: float, text: str, *, bold: bool = False, centred: bool = False
    ) -> float:
        """Write a paragraph below `y`; where it ends."""
        font = BOLD if bold else PLAIN
        for line in lines(self.spelt(text), width, size, font):
            y += size * LEADING
            taken = width_of(line, size, font)
            left = x + width / 2 if centred else x
            self.placed.append(Text(left, y - size * DESCENT, size, line, bold, centred, taken))
        return y

    def height_of(self, text: str, width: float, size: float, *, bold: bool = False) -> float:
        """How tall a paragraph would be."""
        return size * LEADING * len(list(lines(self.spelt(text), width, size, BOLD if bold else PLAIN)))

    def spelt(self, text: str) -> str:
        """The text in the characters that will be there."""
        return sound(text) if self.any_script else writable(text)

    def rule(self, x: float, y: float, width: float, thickness: float) -> None:
        """A line across, `thickness` millimetres tall, in the middle of which `y` lies."""
        self.placed.append(Bar(x, y - thickness / 2, width, thickness))

    def mark(self, x: float, y: float, side: float, address: str, *, error: str = "m", quiet: int = 2) -> None:
        """The QR code of an address with so many modules of white around it: each dark run of a row is a rectangle."""
        rows = list(segno.make_qr(address, error=error).matrix_iter(border=quiet))
        module = side / len(rows)
        for down, row in enumerate(rows):
            for start, length in _runs(row):
                self.placed.append(Bar(x + start * module, y + down * module, length * module, module))

    def pdf(self, *, title: str, language: str, size: tuple[float, float] | None = None) -> bytes:
        """The sheet as a PDF of one page, reduced or enlarged to a `size`; the same sheet is the same bytes."""
        from reportlab.pdfgen.canvas import Canvas  # noqa: PLC0415 - six megabytes that few requests need

        written = io.BytesIO()
        width, height = size or (self.width, self.height)
        scale = min(width / self.width, height / self.height)
        canvas = Canvas(written, pagesize=(width * MM, height * MM), lang=language, invariant=1)
        canvas.setTitle(sound(title))
        canvas.setAuthor("Citylife")
        canvas.setViewerPreference("DisplayDocTitle", "true")
        if size is not None:
            canvas.translate((width - self.width * scale) / 2 * MM, (height - self.height * scale) / 2 * MM)
            canvas.scale(scale, scale)
        for one in self.placed:
            if isinstance(one, Bar):
                bottom = (self.height - one.y - one.height) * MM
                canvas.rect(one.x * MM, bottom, one.width * MM, one.height * MM, stroke=0, fill=1)
            else:
                canvas.setFont(one.font, one.size)
                draw = canvas.drawCentredString if one.centred else canvas.drawString
                draw(one.x * MM, (self.height - one.y) * MM, one.words)
        canvas.showPage()
        canvas.save()
        return written.getvalue()

    def svg(self, *, title: str, language: str) -> bytes:
        """The sheet as an SVG of its true size, black on white, without script or style."""
        bars = "".join(
            f"M{one.x:.3f} {one.y:.3f}h{one.width:.3f}v{one.height:.3f}h-{one.width:.3f}z"
            for one in self.placed
            if isinstance(one, Bar)
        )
        texts = "".join(_svg_text(one) for one in self.placed if isinstance(one, Text))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:g}mm" height="{self.height:g}mm" '
            f'viewBox="0 0 {self.width:g} {self.height:g}" role="img" lang="{language}">'
            f"<title>{escape(sound(title))}</title>"
            f'<path fill="#ffffff" d="M0 0h{self.width:g}v{self.height:g}H0z"/>'
            f'<path shape-rendering="crispEdges" d="{bars}"/>'
            f'<g font-family="{FAMILY}">{texts}</g></svg>\n'
        ).encode()


def writable(text: str) -> str:
    """The text in the characters that the fonts of a PDF have."""
    text = text.translate(PLAIN_SPACES)
    written = []
    for mark in text:
        if _has(mark):
            written.append(mark)
        else:
            written.append("".join(part for part in unicodedata.normalize("NFKD", mark) if _has(part)))
    return "".join(written)


def sound(text: str) -> str:
    """The text without what neither a title nor an XML may hold."""
    return "".join(mark for mark in text if unicodedata.category(mark) not in UNWRITTEN)


def lines(text: str, width: float, size: float, font: str) -> Iterator[str]:
    """The text in lines that are no wider; only plain spaces break it, and a word longer than a line where it must."""
    line = ""
    for whole in text.split(" "):
        word = whole
        longer = f"{line} {word}" if line else word
        if width_of(longer, size, font) <= width:
            line = longer
            continue
        if line:
            yield line
        while width_of(word, size, font) > width:
            fits = next(at for at in range(len(word), 0, -1) if at == 1 or width_of(word[:at], size, font) <= width)
            yield word[:fits]
            word = word[fits:]
        line = word
    if line:
        yield line


def width_of(text: str, size: float, font: str) -> float:
    """How wide a line is, in millimetres; what the font lacks is taken to be wide."""
    from reportlab.pdfbase.pdfmetrics import stringWidth  # noqa: PLC0415 - see above

    known = "".join(mark for mark in text if _has(mark))
    lacking = sum(WIDEST for mark in text if not _has(mark) and unicodedata.category(mark) not in NO_WIDTH)
    measured: float = (stringWidth(known, font, size) + lacking * size) / MM
    return measured


@lru_cache(maxsize=4096)
def _has(mark: str) -> bool:
    if mark < " " or mark == "\x7f":
        return False
    try:
        mark.encode(ENCODING)
    except UnicodeEncodeError:
        return False
    return True


def _runs(row: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Where the dark runs of a row begin, and how long each is."""
    start = None
    for at, dark in enumerate([*row, 0]):
        if dark and start is None:
            start = at
        elif not dark and start is not None:
            yield start, at - start
            start = None


def _svg_text(one: Text) -> str:
    """A line of text; where it was measured exactly, a browser with another font keeps it as wide."""
    exact = all(_has(mark) for mark in one.words)
    length = f' textLength="{one.width:.3f}" lengthAdjust="spacingAndGlyphs"' if exact and one.words.strip() else ""
    weight = ' font-weight="bold"' if one.bold else ""
    anchor = ' text-anchor="middle"' if one.centred else ""
    return (
        f'<text x="{one.x:.3f}" y="{one.y:.3f}" font-size="{one.size / MM:.3f}"{weight}{anchor}{length} '
        f'unicode-bidi="plaintext">{escape(one.words)}</text>'
    )
