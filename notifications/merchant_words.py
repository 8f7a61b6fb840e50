"""The words of the letters that merchants get beside what they ask for: what they have just published."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from citylife.merchant_mail.confirming import SELL_OUT_PATH, STOP_PATH
from citylife.moments import until_date_words
from citylife.wording import Sentence

HELLO: Final = Sentence("Bonjour,")


def published(content: Mapping[str, Any], base_url: str, locale: str) -> tuple[Sentence, tuple[Sentence | str, ...]]:
    """An offer is live: the link whose page asks for « Tout est parti », and how to be written no such letter."""
    title = content["title"]
    until = until_date_words(dt.datetime.fromisoformat(content["ends_at"]), locale=locale)
    return Sentence("En ligne : {title}", title=title), (
        HELLO,
        Sentence("Votre offre « {title} » est en ligne chez « {shop} ».", title=title, shop=content["shop"]),
        until,
        Sentence("Quand il n’y en a plus, ouvrez ce lien, puis touchez « Tout est parti » :"),
        f"{base_url}{SELL_OUT_PATH}{content['sell_out']}",
        Sentence("Il sert sans connexion, jusqu’à la fin de l’offre : ne transmettez ce message à personne."),
        Sentence("Pour ne plus recevoir ce courriel à chaque offre :"),
        stop_confirmations(content, base_url),
    )


def stop_confirmations(content: Mapping[str, Any], base_url: str) -> str:
    """What stops these letters: a page with a button, and for a mail program the address to POST to (RFC 8058)."""
    return f"{base_url}{STOP_PATH}{content['stop']}"
