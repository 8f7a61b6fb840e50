"""Rows as a file that a French spreadsheet opens by a double click: semicolons, and a byte order mark before UTF-8.

No cell is ever taken for a formula: what begins as one is written as the text it is (CWE-1236).
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

from flask import Response

CSV: Final = "text/csv; charset=utf-8"
MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
NUMBER: Final = re.compile(r"-?[0-9]+(?:,[0-9]+)?")
Cell = str | int | None
"""A number with decimals is a text with a comma, as a French spreadsheet reads it."""


def spreadsheet(name: str, rows: Iterable[Sequence[Cell]]) -> Response:
    """The rows as a file to keep under `name`; None is an empty cell."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";", lineterminator="\r\n")
    writer.writerows([_cell(each) for each in row] for row in rows)
    response = Response(f"{MARK}{written.getvalue()}".encode(), content_type=CSV)
    response.headers["Content-Disposition"] = f"attachment; filename={name}.csv"
    return response


def _cell(value: Cell) -> Cell:
    """A cell; an apostrophe before a text that a spreadsheet would compute."""
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return value
    return f"'{value}" if isinstance(value, str) and value.lstrip(" \N{NO-BREAK SPACE}").startswith(FORMULAS) else value
