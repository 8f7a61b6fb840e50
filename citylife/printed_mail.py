"""Mail that is only printed is kept in a folder of the instance, and each message for a week: it holds a way in."""

import datetime as dt
import re
from pathlib import Path
from typing import Final

FOLDER: Final = "mail"
KEPT_FOR: Final = dt.timedelta(days=7)
_WRITTEN: Final = "%Y%m%dT%H%M%S"
_NAMED: Final = re.compile(r"(\d{8}T\d{6})-.+\.eml")


def name_of(mail: str, *, now: dt.datetime) -> str:
    """The name of the file that keeps a message written now: it begins with the moment, in UTC."""
    return f"{now.astimezone(dt.UTC):{_WRITTEN}}-{mail}.eml"


def forget_printed_mail(folder: Path, *, now: dt.datetime) -> int:
    """Remove the messages written more than a week ago, and nothing else that is in the folder; how many.

    Raises:
        OSError: one cannot be removed.
    """
    forgotten = 0
    for path in folder.glob("*.eml"):
        named = _NAMED.fullmatch(path.name)
        if named and dt.datetime.strptime(f"{named[1]}+0000", f"{_WRITTEN}%z") < now - KEPT_FOR:
            path.unlink(missing_ok=True)
            forgotten += 1
    return forgotten
