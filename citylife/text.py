"""Text that strangers write: kept word for word (emoji, right-to-left, HTML, SQL), less what could deceive or break.

Control characters and the characters that overturn the reading order (UAX #9, « Trojan Source ») are refused rather
than removed, so that what was published is what was typed.
"""

import unicodedata
from typing import Final

from citylife.errors import Invalid
from citylife.wording import Sentence

OVERTURNING: Final = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
"""Bidirectional embeddings, overrides and isolates; plain right-to-left text needs none of them."""
_NO_CHARACTER: Final = frozenset(
    map(
        chr,
        (*range(0xFDD0, 0xFDF0), *(plane + low for plane in range(0, 0x110000, 0x10000) for low in (0xFFFE, 0xFFFF))),
    )
)
_SEEN: Final = frozenset("LNPS")
"""The first letters of the Unicode categories that leave ink on the page."""
_LINE_BREAKS: Final = ("\r\n", "\r", "\N{LINE SEPARATOR}", "\N{PARAGRAPH SEPARATOR}")


class TextRefused(Invalid):
    """A text is empty where something must stand, too long, or holds characters that are not for reading."""

    slug = "text-refused"
    title = "Texte refusé"
    sentence = "Ce texte ne peut pas être accepté."


def check_line(text: str, *, pointer: str, most: int, least: int = 1) -> str:
    """One line of text, in Unicode's composed form (NFC) and without blanks around it.

    Raises:
        TextRefused: shorter than `least` or longer than `most` characters, blank, or with a character not for reading.
    """
    return _checked(text, pointer=pointer, most=most, least=least, lines=False)


def check_lines(text: str, *, pointer: str, most: int, least: int = 0) -> str:
    """Several lines of text, under the same rules; line breaks become LF and are kept.

    Raises:
        TextRefused: as `check_line`.
    """
    for line_break in _LINE_BREAKS:
        text = text.replace(line_break, "\n")
    return _checked(text, pointer=pointer, most=most, least=least, lines=True)


def folded(text: str) -> str:
    """The text without case, accents nor ligatures, for comparing what people write in several ways."""
    text = text.casefold().replace("œ", "oe").replace("æ", "ae")
    return "".join(mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark)).casefold()


def plainly(name: str) -> str:
    """A name as its words alone: « L’Épi-d’Or » is « L'EPI D OR », whichever apostrophe a phone writes."""
    plain = folded(name)
    return " ".join("".join(mark if mark.isalnum() else " " for mark in plain).split()) or plain


def _checked(text: str, *, pointer: str, most: int, least: int, lines: bool) -> str:
    if any(_unreadable(mark) for mark in text if not (lines and mark == "\n")):
        raise TextRefused(Sentence("Ce texte contient un caractère de contrôle."), pointer=pointer)
    if not OVERTURNING.isdisjoint(text):
        raise TextRefused(Sentence("Ce texte contient un caractère qui renverse le sens de lecture."), pointer=pointer)
    text = unicodedata.normalize("NFC", text).strip()
    if least and not any(unicodedata.category(mark)[0] in _SEEN for mark in text):
        raise TextRefused(Sentence("Ce texte est obligatoire."), pointer=pointer)
    if len(text) < least:
        raise TextRefused(Sentence("Ce texte fait moins de {least} caractères.", least=least), pointer=pointer)
    if len(text) > most:
        raise TextRefused(Sentence("Ce texte dépasse {most} caractères.", most=most), pointer=pointer)
    return text


def _unreadable(mark: str) -> bool:
    """Controls, line and paragraph separators, lone surrogates, and code points that are no character."""
    return unicodedata.category(mark) in {"Cc", "Cs", "Zl", "Zp"} or mark in _NO_CHARACTER
