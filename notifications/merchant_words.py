"""The words of the letters that merchants get beside what they ask for: what they published, what a week brought."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from citylife.merchant_mail import mondays
from citylife.merchant_mail.confirming import SELL_OUT_PATH, STOP_PATH
from citylife.moments import until_date_words
from citylife.wording import Sentence, say

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


def monday(content: Mapping[str, Any], base_url: str, locale: str) -> tuple[Sentence, tuple[Sentence | str, ...]]:
    """What last week brought a shop, its best offer to do again, and how to be written no such letter."""
    declared = content.get("declared", 0)  # a letter of before they were counted has none
    figures = (
        Sentence("Codes utilisés en caisse : {count}", count=content["used"]),
        *([Sentence("Utilisations sans code, déclarées : {count}", count=declared)] if declared else []),
        Sentence("Ouvertures de vos notifications : {count}", count=content["opened"]),
        Sentence("Nouveaux abonnés : {count}", count=content["follows_won"]),
        Sentence("Abonnés : {count}", count=content["followers"]),
    )
    lines: list[Sentence | str] = [
        HELLO,
        Sentence("Voici ce que la semaine dernière a apporté à « {shop} » :", shop=content["shop"]),
        "\n".join(say(each, locale) for each in figures),
    ]
    if content["best"] is not None:
        best = content["best"]
        lines += [
            _best(best),
            f"{base_url}{mondays.AGAIN_PATH}{best['token']}",
            Sentence("Il sert sans connexion, cette semaine : ne transmettez ce message à personne."),
        ]
    lines += [
        Sentence("Le détail, annonce par annonce :"),
        f"{base_url}/commerce/{content['shop_id']}/resultats",
        Sentence("Pour ne plus recevoir ce courriel du lundi :"),
        stop_mondays(content, base_url),
    ]
    return Sentence("La semaine de « {shop} » sur Citylife", shop=content["shop"]), tuple(lines)


def _best(best: Mapping[str, Any]) -> Sentence:
    """The best offer, and how often it was used: at the till or, where it never was there, as declared."""
    if best["used"] or not best.get("declared", 0):
        return Sentence(
            "Votre meilleure offre : « {title} » (codes utilisés en caisse : {count}). Pour la refaire, ouvrez ce "
            "lien, puis touchez « Publier » :",
            title=best["title"],
            count=best["used"],
        )
    return Sentence(
        "Votre meilleure offre : « {title} » (utilisations sans code, déclarées : {count}). Pour la refaire, ouvrez ce "
        "lien, puis touchez « Publier » :",
        title=best["title"],
        count=best["declared"],
    )


def stop_mondays(content: Mapping[str, Any], base_url: str) -> str:
    """The same for the letters of Mondays."""
    return f"{base_url}{mondays.STOP_PATH}{content['stop']}"
