"""The words of a letter: a subject and a text, in the language of its reader, with the one link it is about.

The link is made of the base URL of the settings: what a caller claims to be its host never gets into a letter.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from citylife.accounts.sign_in import sign_in_link
from citylife.letters import ClaimedLetter, LetterKind
from citylife.wording import Sentence, say
from notifications.digest_words import digest_asked, stop_link, weekly_digest
from notifications.mail import Mail
from notifications.merchant_words import published, stop_confirmations

SIGN_IN: Final = "/connexion"
Words = tuple[Sentence, tuple[Sentence | str, ...]]
_ROLES: Final = {
    "owner": Sentence("propriétaire"),
    "seller": Sentence("vendeur"),
    "watch": Sentence("observation"),
    "moderate": Sentence("modération"),
    "administer": Sentence("administration"),
}


def compose_mail(letter: ClaimedLetter, *, base_url: str) -> Mail:
    """The letter in words."""
    subject, lines = _WORDS[letter.kind](letter.content, base_url, letter.locale)
    locale = letter.locale
    text = "\n\n".join(say(line, locale) for line in (*lines, _SIGNATURE)) + "\n"
    stops = _STOPS.get(letter.kind)
    stop_url = "" if stops is None else stops(letter.content, base_url)
    return Mail(str(letter.id), letter.recipient, locale, say(subject, locale), text, stop_url)


def _sign_in(content: Mapping[str, Any], base_url: str, _locale: str) -> Words:
    code = content["code"]
    return Sentence("Votre connexion à Citylife"), (
        Sentence("Bonjour,"),
        Sentence("Pour vous connecter, ouvrez ce lien, puis touchez « Se connecter » :"),
        sign_in_link(base_url, content["token"]),
        Sentence("Sur un autre appareil, saisissez plutôt ce code : {code}", code=f"{code[:3]} {code[3:]}"),
        Sentence("Le lien et le code servent une seule fois, dans les 15 minutes."),
        Sentence("Vous n’avez rien demandé ? Ne faites rien : sans vous, personne ne peut se connecter."),
        Sentence("Ne transmettez ce message ni ce code à personne. Citylife ne vous les demandera jamais."),
    )


def _merchant_invited(content: Mapping[str, Any], base_url: str, _locale: str) -> Words:
    shop = content["shop"]
    return Sentence("Vous faites partie de l’équipe de « {shop} » sur Citylife", shop=shop), (
        Sentence("Bonjour,"),
        Sentence("Vous pouvez désormais tenir « {shop} » sur Citylife ({role}).", shop=shop, role=_role(content)),
        Sentence("Pour commencer, ouvrez ce lien, puis touchez « Se connecter » :"),
        sign_in_link(base_url, content["token"]),
        _INVITED,
        _MISTAKEN,
    )


def _staff_invited(content: Mapping[str, Any], base_url: str, _locale: str) -> Words:
    return Sentence("Vous faites partie de l’équipe du cluster sur Citylife"), (
        Sentence("Bonjour,"),
        Sentence("Vous faites désormais partie de l’équipe du cluster ({role}).", role=_role(content)),
        Sentence("Pour commencer, ouvrez ce lien, puis touchez « Se connecter » :"),
        sign_in_link(base_url, content["token"]),
        _INVITED,
        _MISTAKEN,
    )


def _claim_accepted(content: Mapping[str, Any], base_url: str, _locale: str) -> Words:
    shop = content["shop"]
    return Sentence("« {shop} » est vérifié sur Citylife", shop=shop), (
        Sentence("Bonjour,"),
        Sentence("Votre demande pour « {shop} » est acceptée : vous pouvez publier ses offres.", shop=shop),
        Sentence("Pour vous connecter :"),
        f"{base_url}{SIGN_IN}",
    )


def _claim_refused(content: Mapping[str, Any], _base_url: str, _locale: str) -> Words:
    shop = content["shop"]
    return Sentence("Votre demande pour « {shop} » sur Citylife", shop=shop), (
        Sentence("Bonjour,"),
        Sentence("Nous n’avons pas pu accepter votre demande pour « {shop} ». Voici pourquoi :", shop=shop),
        content["reason"],
        Sentence("Si ce commerce est bien le vôtre, refaites la demande en tenant compte de ce motif."),
    )


def _role(content: Mapping[str, Any]) -> str:
    return _ROLES[content["role"]]


_INVITED: Final = Sentence(
    "Il sert une seule fois, dans les trois jours. Ensuite, la page « Connexion » vous en envoie un autre."
)
_MISTAKEN: Final = Sentence("Ce message ne vous concerne pas ? Ne faites rien.")
_SIGNATURE: Final = Sentence("Citylife, le canal calme entre un commerce et sa rue.")
_WORDS: Final[Mapping[LetterKind, Callable[[Mapping[str, Any], str, str], Words]]] = {
    LetterKind.SIGN_IN: _sign_in,
    LetterKind.MERCHANT_INVITED: _merchant_invited,
    LetterKind.STAFF_INVITED: _staff_invited,
    LetterKind.CLAIM_ACCEPTED: _claim_accepted,
    LetterKind.CLAIM_REFUSED: _claim_refused,
    LetterKind.DIGEST_ASKED: digest_asked,
    LetterKind.DIGEST: weekly_digest,
    LetterKind.PUBLISHED: published,
}
_STOPS: Final[Mapping[LetterKind, Callable[[Mapping[str, Any], str], str]]] = {
    LetterKind.DIGEST: stop_link,
    LetterKind.PUBLISHED: stop_confirmations,
}
"""How letters that come again and again are stopped, at one click."""
