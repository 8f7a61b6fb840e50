"""The words of the letters of the digest by e-mail: the request to confirm an address, and what shops offer."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from citylife.email_digest.asking import CONFIRM_PATH, STOP_PATH
from citylife.moments import until_date_words
from citylife.wording import Sentence, say

HELLO: Final = Sentence("Bonjour,")


def digest_asked(
    content: Mapping[str, Any], base_url: str, _locale: str
) -> tuple[Sentence, tuple[Sentence | str, ...]]:
    """Somebody gave this address: the link whose page asks for a tap, and what follows without it."""
    return Sentence("Confirmez votre adresse pour Citylife"), (
        HELLO,
        Sentence(
            "Quelqu’un, vous sans doute, a demandé à recevoir ici, chaque vendredi, les offres des commerces qu’il "
            "suit sur Citylife."
        ),
        Sentence("Pour les recevoir, ouvrez ce lien, puis touchez « Confirmer mon adresse » :"),
        f"{base_url}{CONFIRM_PATH}{content['token']}",
        Sentence("Il sert une seule fois, dans les trois jours."),
        Sentence(
            "Vous n’avez rien demandé ? Ne faites rien : sans vous, rien d’autre ne sera envoyé, et l’adresse est "
            "oubliée au bout de trois jours."
        ),
    )


def weekly_digest(
    content: Mapping[str, Any], base_url: str, locale: str
) -> tuple[Sentence, tuple[Sentence | str, ...]]:
    """Each offer with its shop, until when, its price and its own address; why she gets it, and how to stop."""
    offers = content["offers"]
    count = len(offers) + content["more"]
    subject = Sentence("Une offre chez vos commerces")
    if count > 1:
        subject = Sentence("{count} offres chez vos commerces", count=count)
    lines: list[Sentence | str] = [HELLO, Sentence("Voici ce que proposent les commerces que vous suivez :")]
    lines += [_offer(offer, base_url, locale) for offer in offers]
    if content["more"]:
        lines.append(Sentence("Et {count} autres, sur les pages de ces commerces.", count=content["more"]))
    lines += [
        Sentence(
            "Vous recevez ce courriel parce que vous avez demandé, puis confirmé, un récapitulatif par semaine des "
            "commerces que vous suivez. Il ne part pas quand il n’y a rien à dire."
        ),
        Sentence("Pour ne plus le recevoir, ouvrez ce lien, puis touchez « Arrêter ces courriels » :"),
        stop_link(content, base_url),
    ]
    return subject, tuple(lines)


def stop_link(content: Mapping[str, Any], base_url: str) -> str:
    """What stops these letters: a page with a button, and for a mail program the address to POST to (RFC 8058)."""
    return f"{base_url}{STOP_PATH}{content['stop']}"


def _offer(offer: Mapping[str, Any], base_url: str, locale: str) -> str:
    """An offer in a few lines; its address is the one everybody has, so that nothing tells who opens it."""
    name = Sentence("{shop} : {title}", shop=offer["shop"], title=offer["title"])
    price = ", ".join(said for said in (offer["price"], offer["prior"]) if said)
    until = until_date_words(dt.datetime.fromisoformat(offer["ends_at"]), locale=locale)
    return "\n".join(
        line for line in (say(name, locale), until, price, f"{base_url}/o/{offer['id']}?from=mail") if line
    )
