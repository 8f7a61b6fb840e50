"""Whom a reader may write to, as a page shows it."""

from dataclasses import dataclass
from urllib.parse import quote


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


def write_about(contact: Contact, subject: str) -> str:
    """Where to write to a contact about something: a letter that says so already, or the contact's own page."""
    mail = contact.address.startswith("mailto:")
    return f"{contact.address}?subject={quote(subject, safe='')}" if mail else contact.address
