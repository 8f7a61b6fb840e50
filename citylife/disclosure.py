"""What is told to everybody of the data kept of them, with the very periods by which it is forgotten.

docs/donnees.md tells the operator the same, table by table; tests hold the two together, and let no table be left out.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from citylife import letters, printed_mail
from citylife.accounts import moving, passkeys, sign_in
from citylife.ledger.sums import PLACE_KEPT_FOR
from citylife.places import CELL_LASTS, NOW_LASTS
from citylife.purge import RETENTIONS
from citylife.settings import Settings
from citylife.wording import Sentence

DAY: Final = dt.timedelta(days=1)
HOUR: Final = dt.timedelta(hours=1)
MINUTE: Final = dt.timedelta(minutes=1)
BROWSERS: Final = ("Google", "Mozilla", "Microsoft", "Apple")
"""Who runs the push services of `citylife.endpoints.PUSH_HOSTS`."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What data serves, and on which ground of article 6 of the GDPR."""

    what: Sentence
    ground: Sentence


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that is kept of a person, until when, and in which tables it stands."""

    what: Sentence
    until: Sentence
    tables: tuple[str, ...]


def lasting(period: dt.timedelta) -> Sentence:
    """A period in whole days, hours or minutes, as a sentence takes it in."""
    for unit, one, many in (
        (DAY, Sentence("1 jour"), Sentence("{count} jours")),
        (HOUR, Sentence("1 heure"), Sentence("{count} heures")),
        (MINUTE, Sentence("1 minute"), Sentence("{count} minutes")),
    ):
        if period >= unit:
            count = period // unit
            return one if count == 1 else many.format(count=count)
    return Sentence("0 jour")


def kept_for(table: str) -> Sentence:
    """How long the nightly purge leaves rows of a table."""
    return lasting(next(retention.kept for retention in RETENTIONS if retention.name == table))


PURPOSES: Final = (
    Purpose(
        Sentence("Montrer au citoyen les offres des commerces qu’il suit"),
        Sentence("exécution du service qu’il demande (6.1.b)"),
    ),
    Purpose(
        Sentence("Lui envoyer des notifications"),
        Sentence("son consentement (6.1.a), recueilli en plus de l’autorisation du navigateur, et journalisé"),
    ),
    Purpose(
        Sentence("Lui envoyer chaque semaine un récapitulatif par courriel"),
        Sentence(
            "son consentement (6.1.a), journalisé, et un geste sur la page d’un lien envoyé à cette adresse ; "
            "le retirer l’efface"
        ),
    ),
    Purpose(
        Sentence("Tenir compte de ce qui est proche de ses lieux"),
        Sentence("son consentement (6.1.a), journalisé ; le retirer efface les lieux"),
    ),
    Purpose(
        Sentence("Lui dire pourquoi il a reçu ou non une annonce"),
        Sentence("obligation de transparence (6.1.c, articles 12 à 15)"),
    ),
    Purpose(Sentence("Permettre au commerçant de publier"), Sentence("exécution du service qu’il demande (6.1.b)")),
    Purpose(
        Sentence("Connecter commerçants et équipe par courriel, limiter les essais"),
        Sentence("exécution du service demandé (6.1.b) ; sécurité, intérêt légitime (6.1.f)"),
    ),
    Purpose(Sentence("Prouver qui a fait quoi sur les commerces et les offres"), Sentence("intérêt légitime (6.1.f)")),
    Purpose(Sentence("Mesurer le pilote, par des nombres sans personne"), Sentence("mission d’intérêt public (6.1.e)")),
)
"""The purposes of docs/donnees.md, word for word."""

OF_CITIZENS: Final = (
    Kept(
        Sentence(
            "Un identifiant tiré au hasard, votre langue, vos réglages, et l’empreinte du jeton de votre téléphone"
        ),
        Sentence("jusqu’à ce que vous effaciez tout ; rien n’est encore effacé de soi-même après une longue absence"),
        ("citizens", "citizen_tokens"),
    ),
    Kept(
        Sentence("Ce à quoi vous avez consenti, quand, et dans quels mots"),
        Sentence("jusqu’à ce que vous effaciez tout"),
        ("consents",),
    ),
    Kept(
        Sentence("Les commerces que vous suivez, et ceux que vous avez suivis"),
        Sentence("tant que vous les suivez ; ensuite, jusqu’à ce que vous effaciez tout"),
        ("follows", "ended_follows"),
    ),
    Kept(
        Sentence("Les commerces de l’équipe desquels vous êtes, si vous y êtes connecté du même navigateur"),
        Sentence("jusqu’à l’effacement"),
        ("team_followers",),
    ),
    Kept(
        Sentence("L’adresse de notification que votre navigateur nous a donnée, et ses clés de chiffrement"),
        Sentence("jusqu’à ce que vous arrêtiez les notifications, ou que votre navigateur se désinscrive"),
        ("devices", "endpoints"),
    ),
    Kept(
        Sentence("Ce que nous avons décidé de vous envoyer ou non, pourquoi, et si l’envoi a abouti"),
        Sentence(
            "{long}, puis un simple nombre ; {short} si cela peut dépendre d’un lieu",
            long=kept_for("deliveries"),
            short=lasting(PLACE_KEPT_FOR),
        ),
        ("decisions", "deliveries"),
    ),
    Kept(
        Sentence("Quelle annonce compte dans votre budget de la semaine"),
        Sentence("{period} après le lundi de la semaine", period=kept_for("budget_slots")),
        ("budget_slots",),
    ),
    Kept(
        Sentence("Les annonces mises de côté pour votre récapitulatif"),
        Sentence("{period} après le récapitulatif", period=kept_for("digest_lines")),
        ("digest_lines",),
    ),
    Kept(
        Sentence("Vos lieux : deux au plus, et un « maintenant »"),
        Sentence(
            "une commune, jusqu’à ce que vous la retiriez ; une zone, {cell} après votre dernier passage ; "
            "« maintenant », {now}",
            cell=lasting(CELL_LASTS),
            now=lasting(NOW_LASTS),
        ),
        ("places",),
    ),
    Kept(
        Sentence("Votre adresse électronique, seulement si vous demandez le récapitulatif par courriel"),
        Sentence(
            "jusqu’à ce que vous l’arrêtiez ; non confirmée, {period}",
            period=kept_for("email_digests"),
        ),
        ("email_digests",),
    ),
    Kept(
        Sentence("Les jours où vous êtes venu, sans l’heure"),
        kept_for("citizen_days"),
        ("citizen_days",),
    ),
    Kept(
        Sentence("L’empreinte d’un code pour changer de téléphone, ou de votre code de secours"),
        Sentence(
            "{period} pour un code de transfert ; un code de secours, jusqu’à ce qu’il serve ou soit remplacé",
            period=lasting(moving.TRANSFER_LIFE),
        ),
        ("moving_codes",),
    ),
    Kept(
        Sentence("Combien de codes ont été refusés à un endroit du réseau, sans son adresse"),
        kept_for("code_tries"),
        ("code_tries",),
    ),
    Kept(
        Sentence("Pour quelles offres vous avez pris un code de caisse ; rien ne dit lequel, ni s’il a servi"),
        Sentence("{period} après la fin de l’offre", period=kept_for("till_takings")),
        ("till_takings",),
    ),
    Kept(
        Sentence("D’un code de caisse : son empreinte, l’offre, et quand il a servi ; rien de qui l’a pris"),
        Sentence("{period} après la fin de l’offre", period=kept_for("till_codes")),
        ("till_codes",),
    ),
    Kept(
        Sentence("La réponse à une demande que votre téléphone pourrait répéter"),
        kept_for("kept_answers"),
        ("kept_answers",),
    ),
    Kept(
        Sentence("Pour la purge de chaque nuit, l’identifiant du dernier citoyen vu"),
        Sentence("quelques minutes, jusqu’à la fin de la nuit"),
        ("purges",),
    ),
    Kept(
        Sentence("Le reçu d’un effacement : un numéro et une date, qui ne mènent à personne"),
        Sentence("sans limite"),
        ("erasure_receipts",),
    ),
)
ON_DEVICE: Final = (
    Kept(
        Sentence("Le numéro de cet appareil, et son adresse chez le service de notification"),
        Sentence("jusqu’à « Ne plus me prévenir »"),
        ("citylife.device",),
    ),
    Kept(
        Sentence("Le dernier code d’installation sur l’écran d’accueil"),
        Sentence("jusqu’au suivant, ou jusqu’à ce que vous effaciez tout"),
        ("citylife.arrival",),
    ),
    Kept(
        Sentence("Vos six dernières recherches"),
        Sentence("jusqu’à ce que vous les effaciez, sous « Chercher »"),
        ("citylife.searches",),
    ),
    Kept(
        Sentence("Les fichiers de l’app, et les quarante dernières pages vues, pour les lire sans réseau"),
        Sentence("jusqu’à ce que d’autres les remplacent, ou que quelqu’un d’autre se serve de ce navigateur"),
        ("citylife-shell", "citylife-pages"),
    ),
    Kept(
        Sentence("Ce que vous touchez sans réseau, « Suivre » ou « Ne plus suivre »"),
        Sentence("jusqu’à son envoi"),
        ("citylife",),
    ),
    Kept(
        Sentence("Ce qu’un commerçant écrit d’une annonce et n’a pas encore enregistré"),
        Sentence("jusqu’à ce qu’il l’enregistre, 14 jours au plus"),
        ("citylife:annonce",),
    ),
)
"""What her own browser keeps, under which names of its storage."""
OF_ACCOUNTS: Final = (
    Kept(
        Sentence(
            "L’adresse électronique, le nom, la langue et les équipes d’un commerçant ; ses clés d’API, en empreinte"
        ),
        Sentence("tant qu’il participe ; effacement à la demande"),
        ("merchants", "memberships", "merchant_keys"),
    ),
    Kept(
        Sentence("L’adresse électronique et le rôle d’un membre de l’équipe"),
        Sentence("tant qu’il est en fonction, puis effacement à la demande"),
        ("staff",),
    ),
    Kept(
        Sentence("Les sessions ouvertes : empreinte du jeton, famille du navigateur, dates"),
        Sentence("{period} après leur fin", period=kept_for("account_sessions")),
        ("account_sessions",),
    ),
    Kept(
        Sentence("Une demande de connexion ou une invitation, avec l’adresse de qui n’a pas encore de compte"),
        Sentence(
            "utile jusqu’à {life}, effacée {period} après sa fin",
            life=lasting(sign_in.INVITATION_LIFE),
            period=kept_for("sign_ins"),
        ),
        ("sign_ins",),
    ),
    Kept(
        Sentence("La moitié publique d’une clé d’accès, et le défi auquel elle répond"),
        Sentence(
            "la clé, jusqu’à ce qu’il la retire ; le défi, {life}, puis jusqu’à la nuit",
            life=lasting(passkeys.CHALLENGE_LIFE),
        ),
        ("passkeys", "passkey_challenges"),
    ),
    Kept(
        Sentence("Un courriel à envoyer : destinataire et contenu"),
        Sentence("effacés dès l’envoi ; il en reste une ligne vide, {period}", period=lasting(letters.KEPT_FOR)),
        ("letters",),
    ),
    Kept(
        Sentence("L’empreinte de qui a demandé quelque chose trop souvent"),
        Sentence("jusqu’à ce que la limite ne joue plus"),
        ("paces",),
    ),
    Kept(
        Sentence("Qui a fait quoi sur un commerce ou une offre (commerçant, équipe, exploitant ; jamais un citoyen)"),
        Sentence("sans limite pour l’instant"),
        ("audit_log",),
    ),
    Kept(
        Sentence("Les objectifs et les dépenses du pilote, et qui de l’équipe les a écrits et approuvés"),
        Sentence("sans limite : ils ne changent plus"),
        ("pilot_targets", "pilot_costs"),
    ),
    Kept(
        Sentence("Les commerces : nom, adresse, horaires, téléphone, SIRET, et comment ils ont été vérifiés"),
        Sentence("tant que le commerce est présent"),
        ("shops", "shop_stands", "shop_claims", "posted_codes", "shop_closings", "shop_suspensions"),
    ),
    Kept(
        Sentence("Les offres, et ce qui en a été dit mot pour mot"),
        Sentence("sans limite pour l’instant"),
        ("offers", "offer_versions"),
    ),
    Kept(
        Sentence("Les annonces qui reviennent chaque semaine : leurs mots, leurs jours et leur heure"),
        Sentence("tant qu’elles reviennent, puis {period}", period=kept_for("recurring_offers")),
        ("recurring_offers",),
    ),
    Kept(
        Sentence("Ce qu’il est advenu de chacune de leurs dates"),
        Sentence("{period} après la date", period=kept_for("occurrences")),
        ("occurrences",),
    ),
    Kept(
        Sentence(
            "Les photos d’un commerce et de ses offres, redessinées sans lieu, date ni appareil ; rien de qui les a "
            "envoyées"
        ),
        Sentence(
            "sans limite si une offre publiée l’a montrée ; sinon {period} après avoir cessé de l’être",
            period=kept_for("photos"),
        ),
        ("photos", "photo_files"),
    ),
    Kept(
        Sentence("Ce qu’un commerçant répond au retrait d’une offre"),
        Sentence("{period} après la décision", period=kept_for("appeals")),
        ("appeals",),
    ),
    Kept(
        Sentence("Les messages d’un signalement d’offre ; rien de qui signale"),
        Sentence("{period} après la décision", period=kept_for("reports")),
        ("reports",),
    ),
)
WITHOUT_PERSONS: Final = frozenset(
    {
        "communes",
        "commune_cells",
        "shop_communes",
        "search_entries",
        "search_grams",
        "messages",
        "ledger_sums",
        "daily_counts",
        "pilot_numbers",
        "pilot_days",
        "pilot_stocks",
        "pilot_reports",
        "pilot_sendings",
        "invented_towns",
        "origins",
        "sending_stops",
        "sending_rules",
        "former_sending_rules",
        "shop_rhythms",
        "announcement_courses",
        "timetable",
        "noted_keys",
    }
)
"""Tables that say nothing of anybody: the territory, words, numbers, keys of the house, work to be done."""


def recipients(settings: Settings) -> Sequence[Sentence]:
    """Who gets what, by the settings as they are."""
    found = [
        Sentence(
            "Les services de notification des navigateurs ({names}), pour la plupart hors de l’Union européenne : un "
            "message chiffré qu’ils ne peuvent pas lire, l’adresse qu’ils ont eux-mêmes donnée, l’heure, la taille, "
            "l’urgence et un numéro d’offre.",
            names=", ".join((*BROWSERS, *settings.push_hosts)),
        )
    ]
    if settings.hosted_by:
        found.append(
            Sentence("L’hébergeur, qui garde la base de données : {name}.", name=settings.hosted_by.partition(";")[0])
        )
    found.append(
        Sentence(
            "Le serveur de courrier de l’exploitant et celui du destinataire : les courriels de connexion et "
            "d’invitation, la réponse à une demande de commerce, l’annonce d’une clé d’accès créée ou laissée de côté, "
            "ce que reçoit un commerçant de ses offres publiées et de sa semaine, le lundi, et le récapitulatif de qui "
            "l’a demandé."
        )
        if settings.smtp_url
        else Sentence(
            "Aucun serveur de courrier n’est réglé : les courriels restent {period} dans un dossier de l’exploitant.",
            period=lasting(printed_mail.KEPT_FOR),
        )
    )
    if settings.geocoder_url:
        found.append(
            Sentence(
                "Le service d’adresses {host} : l’adresse de commerces importés ou revendiqués, "
                "jamais rien d’un citoyen.",
                host=urlsplit(settings.geocoder_url).hostname,
            )
        )
    if settings.companies_url:
        found.append(
            Sentence(
                "L’annuaire des entreprises {host} : le SIRET qu’un commerçant lui fait chercher, rien d’autre.",
                host=urlsplit(settings.companies_url).hostname,
            )
        )
    if settings.map_tiles:
        found.append(
            Sentence(
                "Le fond de carte {host}, quand vous regardez la carte : l’adresse réseau de votre appareil et "
                "l’endroit que la carte montre, sans cookie ni page d’origine. Autour de votre position, elle "
                "s’ouvre sur un carré d’environ 10 km² où vous êtes, sans dire où dans ce carré ; ce que vous y "
                "déplacez ou agrandissez ensuite, il le voit aussi.",
                host=urlsplit(settings.map_tiles).hostname,
            )
        )
    return found
