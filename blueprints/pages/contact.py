"""Whom a reader may write to, as a page shows it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to write to: what is shown, and where it leads."""

    label: str
    address: str


def contact_of(setting: str) -> Contact | None:
    """The contact that a setting names, an e-mail address or an https: page; none where it names nobody."""
    if not setting:
        return None
    return Contact(setting.removeprefix("https://"), setting if "://" in setting else f"mailto:{setting}")
