"""The words of a letter: a subject and a text, in the language of its reader, with the one link it is about.

The link is made of the base URL of the settings: what a caller claims to be its host never gets into a letter.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from citylife.accounts.sign_in import sign_in_link
from citylife.letters import ClaimedLetter, LetterKind
from citylife.wording import Sentence, say
from notifications.digest_words import digest_asked, stop_link, weekly_digest
from notifications.mail import Mail
from notifications.merchant_words import monday, published, stop_confirmations, stop_mondays

SIGN_IN: Final = "/connexion"
ACCOUNT: Final = "/compte"
SHOPS: Final = "/commerce"
AGAIN: Final = "/commerce/{shop_id}/annonce?de={offer_id}"
APPEAL: Final = "/commerce/offres/{offer_id}/contester"
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
        *_BEGINNING[bool(content.get("new"))],
        _onward(sign_in_link(base_url, content["token"]), content.get("onward", "")),
        Sentence("Sur un autre appareil, saisissez plutôt ce code : {code}", code=f"{code[:3]} {code[3:]}"),
        Sentence("Le lien et le code servent une seule fois, dans les 15 minutes."),
        Sentence("Vous n’avez rien demandé ? Ne faites rien : sans vous, personne ne peut se connecter."),
        Sentence("Ne transmettez ce message ni ce code à personne. Citylife ne vous les demandera jamais."),
    )


def _onward(link: str, page: str) -> str:
    """The link, and the page of ours that it goes on to."""
    return f"{link}?{urlencode({'vers': page})}" if page else link


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


def _offer_withdrawn(content: Mapping[str, Any], base_url: str, _locale: str) -> Words:
    shop, offer = content["shop"], content["offer"]
    return Sentence("« {offer} » a été retirée de Citylife", offer=offer), (
        Sentence("Bonjour,"),
        Sentence("L’équipe a retiré l’offre « {offer} » de « {shop} ». Voici pourquoi :", offer=offer, shop=shop),
        content["reason"],
        Sentence("Pas d’accord ? Répondez une fois, dans les six mois : une autre personne relira, s’il y en a une."),
        f"{base_url}{APPEAL.format(offer_id=content['offer_id'])}",
    )


def _appeal_decided(content: Mapping[str, Any], base_url: str, _locale: str) -> Words:
    offer = content["offer"]
    granted = (
        Sentence("Votre recours pour « {offer} » est accepté : rien n’est plus reproché à cette offre.", offer=offer),
        Sentence("Pourquoi :"),
        content["reason"],
        Sentence("Elle ne reparaît pas d’elle-même ; pour la publier à nouveau, telle qu’elle était :"),
        f"{base_url}{_again(content)}",
    )
    besides = (
        Sentence("Votre recours pour « {offer} » est accepté.", offer=offer),
        Sentence("Pourquoi :"),
        content["reason"],
        Sentence("Un autre signalement retenu tient toujours, et l’offre reste retirée :"),
        content.get("stands"),
        Sentence("Pour lire cette décision, ou y répondre :"),
        f"{base_url}{APPEAL.format(offer_id=content.get('offer_id'))}",
    )
    dismissed = (
        Sentence("Votre recours pour « {offer} » n’est pas accepté : l’offre reste retirée.", offer=offer),
        Sentence("Pourquoi :"),
        content["reason"],
    )
    return Sentence("Votre recours pour « {offer} » sur Citylife", offer=offer), (
        Sentence("Bonjour,"),
        *(dismissed if not content["granted"] else besides if content.get("stands") else granted),
    )


def _again(content: Mapping[str, Any]) -> str:
    """Where an offer is published again; a letter that was written before this one said so names no shop."""
    return AGAIN.format(**content) if "shop_id" in content else SHOPS


def _passkey_made(_content: Mapping[str, Any], base_url: str, _locale: str) -> Words:
    return Sentence("Une clé d’accès a été ajoutée à votre compte Citylife"), (
        Sentence("Bonjour,"),
        Sentence("Vous pouvez désormais vous connecter d’un doigt, d’un regard ou du code de votre appareil."),
        Sentence("Ce n’était pas vous ? Connectez-vous, retirez cette clé et fermez les sessions inconnues :"),
        f"{base_url}{ACCOUNT}",
    )


def _colleague_made_passkey(content: Mapping[str, Any], _base_url: str, _locale: str) -> Words:
    email = content["email"]
    return Sentence("{email} peut entrer dans la console de Citylife", email=email), (
        Sentence("Bonjour,"),
        Sentence("{email} vient de créer sa première clé d’accès, après un courriel.", email=email),
        Sentence("C’est normal pour qui arrive dans l’équipe du cluster. Si cela vous étonne, demandez-lui."),
        Sentence("Si ce n’était pas cette personne, retirez-la de l’équipe : tout ce qu’elle a d’ouvert se ferme."),
    )


def _came_in_by_letter(content: Mapping[str, Any], _base_url: str, _locale: str) -> Words:
    email = content["email"]
    return Sentence("{email} s’est connecté à Citylife sans sa clé d’accès", email=email), (
        Sentence("Bonjour,"),
        Sentence("{email} vient de se connecter par courriel, bien que ce compte ait une clé d’accès.", email=email),
        Sentence("C’est normal après un changement de téléphone. Si cela vous étonne, demandez-lui."),
        Sentence("Si ce n’était pas cette personne, prévenez l’équipe du cluster : elle peut tout arrêter."),
    )


def _role(content: Mapping[str, Any]) -> str:
    return _ROLES[content["role"]]


_BEGINNING: Final[Mapping[bool, tuple[Sentence, ...]]] = {
    False: (),
    True: (Sentence("Aucun compte n’existe encore à cette adresse : il est créé quand vous touchez le bouton."),),
}
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
    LetterKind.OFFER_WITHDRAWN: _offer_withdrawn,
    LetterKind.APPEAL_DECIDED: _appeal_decided,
    LetterKind.PASSKEY_MADE: _passkey_made,
    LetterKind.COLLEAGUE_MADE_PASSKEY: _colleague_made_passkey,
    LetterKind.CAME_IN_BY_LETTER: _came_in_by_letter,
    LetterKind.DIGEST_ASKED: digest_asked,
    LetterKind.DIGEST: weekly_digest,
    LetterKind.PUBLISHED: published,
    LetterKind.MONDAY: monday,
}
_STOPS: Final[Mapping[LetterKind, Callable[[Mapping[str, Any], str], str]]] = {
    LetterKind.DIGEST: stop_link,
    LetterKind.PUBLISHED: stop_confirmations,
    LetterKind.MONDAY: stop_mondays,
}
"""How letters that come again and again are stopped, at one click."""
