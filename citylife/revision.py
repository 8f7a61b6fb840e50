"""Which code is running: the git revision it was installed from, so that a figure can be traced to it."""

import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

from citylife.settings import Settings


def revision(settings: Settings) -> str:
    """The revision that the settings name, else that of the checkout the code lies in, else the package's version."""
    return settings.revision or _of_checkout() or f"citylife-{version('citylife')}"


@cache
def _of_checkout() -> str:
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return ""
    try:
        asked = ["git", "-C", str(root), "rev-parse", "HEAD"]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 - fixed words
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""
