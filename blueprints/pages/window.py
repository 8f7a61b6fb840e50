"""What a shop hangs in its window: a poster on A4 or A5, and a sticker, whose QR code leads to the shop's page.

Black on white, so that any printer does; in French, whoever prints it: it speaks to the street. The name is set in the
largest type that finds room, whatever its length, and never cut off.
"""

from dataclasses import dataclass
from typing import Final

from flask import url_for

from blueprints.house import house
from blueprints.pages.arrival import QR, marked
from blueprints.pages.paper import PLAIN_SPACES, Paper, writable
from citylife.shops import Shop
from citylife.wording import DEFAULT_LOCALE, Sentence, say

WIDTH: Final = 210.0
HEIGHT: Final = 297.0
"""Of A4, millimetres, as everywhere here; sizes of type are points."""
A5: Final = (148.0, 210.0)
"""The smaller poster is the larger one, reduced."""
MARGIN: Final = 16.0
MARK: Final = 108.0
"""With its white border: the code alone measures more than 80."""
QUIET: Final = 4
"""Modules of white around a code, as its norm asks (ISO/IEC 18004)."""
ERROR: Final = "q"
"""How much of a code may be hidden by a reflection or a handle: a quarter."""
STICKER_WIDTH: Final = 110.0
STICKER_HEIGHT: Final = 148.0
STICKER_MARK: Final = 84.0
SHRINK: Final = 0.92

INVITATION: Final = Sentence("Suivez-nous sans compte")
STEPS: Final = (
    Sentence("Scannez ce code avec votre téléphone."),
    Sentence("Touchez « Suivre » sur notre page."),
    Sentence("Touchez « Me prévenir » : nos offres viennent à vous."),
)
PROMISE: Final = Sentence("Ni adresse ni numéro à donner. On arrête d’un geste.")
FICTIONAL: Final = Sentence("(commerce fictif)")


@dataclass(frozen=True, slots=True)
class Window:
    """What a window says of a shop: its name, the address of its page, and whether it is made up."""

    name: str
    address: str
    fictional: bool = False

    @property
    def typed(self) -> str:
        """The address as one types it."""
        return self.address.removeprefix("https://")

    @property
    def title(self) -> str:
        """What the document is called."""
        return say(Sentence("Affiche de {shop}", shop=self.name), DEFAULT_LOCALE)


def window_of(shop: Shop) -> Window:
    """What the window of a shop says."""
    address = house().settings.base_url + url_for("citizen.read_shop", slug=shop.slug)
    return Window(shop.name, address, fictional=shop.fictional)


def poster(window: Window, *, reduced: bool = False) -> bytes:
    """The poster as a PDF, on A4; on A5 where it is `reduced`."""
    return drawn_poster(window).pdf(title=window.title, language=DEFAULT_LOCALE, size=A5 if reduced else None)


def picture(window: Window) -> bytes:
    """The poster as an SVG, to be looked at."""
    return drawn_poster(window).svg(title=window.title, language=DEFAULT_LOCALE)


def drawn_poster(window: Window) -> Paper:
    """The poster, on A4."""
    paper = Paper(WIDTH, HEIGHT)
    inner = WIDTH - 2 * MARGIN
    _name(paper, window, top=14, room=37, largest=36)
    paper.rule(MARGIN, 55, inner, 0.7)
    _largest(paper, say(INVITATION, DEFAULT_LOCALE), top=58, room=18, largest=40)
    paper.mark((WIDTH - MARK) / 2, 73, MARK, marked(window.address, QR), error=ERROR, quiet=QUIET)
    _largest(paper, window.typed, top=182, room=20, largest=20, bold=False)
    y = 207.0
    for number, step in enumerate(STEPS, 1):
        paper.write(MARGIN + 6, y, 12, 24, str(number), bold=True)
        y = paper.write(MARGIN + 18, y + 1.65, inner - 18, 19, say(step, DEFAULT_LOCALE)) + 7.5
    paper.rule(MARGIN, 272, inner, 0.7)
    paper.write(MARGIN, 274, inner, 17, say(PROMISE, DEFAULT_LOCALE), centred=True)
    return paper


def sticker(window: Window) -> bytes:
    """The sticker as an SVG: what the poster says, but for its steps; the name in its own script."""
    paper = Paper(STICKER_WIDTH, STICKER_HEIGHT, any_script=True)
    _largest(paper, say(INVITATION, DEFAULT_LOCALE), top=6, room=12, largest=22, margin=7)
    paper.mark(
        (STICKER_WIDTH - STICKER_MARK) / 2, 17, STICKER_MARK, marked(window.address, QR), error=ERROR, quiet=QUIET
    )
    _largest(paper, window.typed, top=102, room=12, largest=12, bold=False, margin=7)
    _name(paper, window, top=116, room=25, largest=20, margin=7)
    return paper.svg(title=window.title, language=DEFAULT_LOCALE)


def written_whole(name: str) -> bool:
    """Whether the poster, as a PDF, has every letter of a name; the sticker has."""
    return writable(name) == name.translate(PLAIN_SPACES)


def _name(paper: Paper, window: Window, *, top: float, room: float, largest: float, margin: float = MARGIN) -> None:
    """The shop's name in the middle of its room; that it is made up, where it is."""
    said = say(FICTIONAL, DEFAULT_LOCALE) if window.fictional else ""
    name = f"{window.name} {said}".strip()
    _largest(paper, name, top=top, room=room, largest=largest, margin=margin)


def _largest(
    paper: Paper,
    text: str,
    *,
    top: float,
    room: float,
    largest: float,
    bold: bool = True,
    margin: float = MARGIN,
) -> None:
    """Write a text centred, in the largest type that leaves it in its room, in the middle of it."""
    width, size = paper.width - 2 * margin, largest
    while (tall := paper.height_of(text, width, size, bold=bold)) > room:
        size *= SHRINK
    paper.write(margin, top + (room - tall) / 2, width, size, text, bold=bold, centred=True)
