"""The project's own Python files, as the tests of its habits read them."""

import ast
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = ("citylife", "schemas", "blueprints", "notifications")
SOURCES: Final = tuple(
    sorted(
        path.relative_to(ROOT)
        for path in (ROOT / "wsgi.py", *(file for package in PACKAGES for file in (ROOT / package).rglob("*.py")))
    )
)
"""Every module that is shipped, relative to the root."""


@cache
def tree_of(source: Path) -> ast.Module:
    """The syntax tree of a file, relative to the root."""
    return ast.parse((ROOT / source).read_text(encoding="utf-8"), filename=str(source))
