"""What a caller leaves as it is, told apart from what she empties: a change names only the fields it touches."""

from dataclasses import fields
from enum import Enum
from typing import Any, Final, TypeVar

T = TypeVar("T")


class Unset(Enum):
    """The one value that means « leave this field as it is »."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


def given(changes: Any) -> dict[str, Any]:
    """The fields that a dataclass of changes touches, by name."""
    return {
        field.name: getattr(changes, field.name)
        for field in fields(changes)
        if getattr(changes, field.name) is not UNSET
    }


def kept_or(value: T | Unset, before: T) -> T:
    """The value of a field after a change that may leave it as it is."""
    return before if isinstance(value, Unset) else value
