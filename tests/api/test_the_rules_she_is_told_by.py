"""Each rule of courtesy is told her in one sentence, as her settings and what the cluster has set make it."""

import datetime as dt

import pytest

from citylife.accounts.citizens import Citizen
from citylife.accounts.staff import StaffRole
from citylife.audience.judging import Hearers, judging
from citylife.audience.promises import Rule
from citylife.courtesy.rules import set_announcements_a_day
from citylife.ledger.stops import stop_sending
from citylife.ledger.tables import Reason
from citylife.places import PlaceKind, area_of_commune, set_place
from tests import builders

pytestmark = pytest.mark.usefixtures("assessed")


RULED = {
    Reason.LEVEL_NONE: None,  # her own choice for that shop, said where she makes it
    Reason.NO_CONSENT: None,
    Reason.NO_DEVICE: None,
    Reason.NOT_NEAR: "nearness",
    Reason.NEARBY: "nearness",
    Reason.QUIET_HOURS: "quiet-hours",
    Reason.ONE_A_DAY: "one-a-day",
    Reason.ALWAYS: "always",
    Reason.DISCOVERY: "discovery",
    Reason.FOLLOWS: "budget",
    Reason.WEEK_SPENT: "budget",
    Reason.DAY_SPENT: "budget",
    Reason.DRAWN: "draw",
    Reason.NOT_DRAWN: "draw",
}
"""By which rule the audience decides for each of its reasons; none where she is not to be told at all."""


def judged():
    """The question of the audience, in SQL."""
    return " ".join(judging(hearers, "").text("postgresql") for hearers in Hearers)


def told(caller, language="fr"):
    answer = caller.get("/me/rules", headers={"Accept-Language": language})
    assert (answer.status_code, answer.headers["Content-Language"]) == (200, language)
    return [(each["rule"], each["explanation"].replace("\xa0", " "), each["setting"]) for each in answer.json["items"]]


def of(rule, caller, language="fr"):
    return [sentence for each, sentence, _ in told(caller, language) if each == rule.value]


def test_every_rule_is_told_in_one_sentence_in_both_languages(town):
    caller = town.citizen()
    french, english = told(caller), told(caller, "en")
    assert [rule for rule, *_ in french] == [rule for rule, *_ in english] == [rule.value for rule in Rule]
    decided = {reason for reason in Reason if f"'{reason.value}'" in judged()}
    assert set(RULED) == decided, "every reason that the audience decides by has its rule, or says why it has none"
    assert {rule for rule in RULED.values() if rule} <= {rule for rule, *_ in french}
    assert french == [
        ("quiet-hours", "Rien entre 20 h et 9 h, à l’heure de chez vous : cela attend.", "quiet-hours"),
        ("sundays", "Rien le dimanche.", "quiet-hours"),
        (
            "always",
            (
                "Vous pouvez choisir « toujours » pour 3 commerces : leurs annonces ne comptent pas dans votre budget, "
                "et attendent comme les autres la fin de vos heures calmes."
            ),
            "level",
        ),
        (
            "nearness",
            "Vous n’avez aucun lieu : un commerce suivi « à proximité » vous prévient comme « Normal ».",
            "places",
        ),
        ("discovery", "Un commerce que vous ne suivez pas ne vous prévient jamais.", "discover-nearby"),
        (
            "budget",
            "Notifications de tous vos autres commerces réunis : 5 par semaine et 2 par jour, au plus.",
            "budget",
        ),
        (
            "draw",
            (
                "Quand plus d’annonces sont à attendre que votre budget n’en permet, un tirage au sort choisit parmi "
                "elles : publier en premier n’avantage aucun commerce."
            ),
            "budget",
        ),
        (
            "digest",
            (
                "Ce que votre budget ne permet pas vous est dit en une fois, à 18 h ; rien ne vient quand il n’y a "
                "rien à dire."
            ),
            "digest",
        ),
        ("one-a-day", "Un commerce vous envoie une annonce par jour, au plus.", None),
        (
            "stops",
            (
                "L’équipe de Citylife peut arrêter les envois d’un commerce, ou tous : ce qui est fini à la reprise ne "
                "part plus."
            ),
            None,
        ),
    ]
    assert not {sentence for _, sentence, _ in french} & {sentence for _, sentence, _ in english}
    assert english[0][1] == "Nothing between 20:00 and 9:00, where you live: it waits."


def test_her_settings_change_what_she_is_told(town):
    caller = town.citizen()
    with town.sessions.begin() as session:
        citizen = session.get_one(Citizen, caller.id)
        citizen.quiet_from, citizen.quiet_until = dt.time(22, 30), dt.time(7)
        citizen.quiet_sundays = citizen.digest = False
        citizen.weekly_budget, citizen.daily_budget = 9, 4
    sentences = {rule: sentence for rule, sentence, _ in told(caller)}
    assert sentences["quiet-hours"].startswith("Rien entre 22 h 30 et 7 h,")
    assert sentences["sundays"] == "Le dimanche est pour vous un jour comme les autres."
    assert sentences["digest"].startswith("Vous n’avez pas de récapitulatif")
    assert "9 par semaine et 4 par jour" in sentences["budget"]
    assert caller.patch("/me", json={"quiet_from": "07:00"}).status_code == 200
    assert of(Rule.QUIET_HOURS, caller) == ["Vous n’avez pas d’heures calmes."]


def test_a_place_and_discovery_change_what_is_near_and_who_tells_her(town):
    caller = town.citizen()
    with town.sessions.begin() as session:
        citizen = session.get_one(Citizen, caller.id)
        citizen.discover_nearby = citizen.location_consented = True
        set_place(session, citizen, area_of_commune(builders.BETHUNE), PlaceKind.LASTING, now=town.clock())
    assert of(Rule.NEARNESS, caller) == [
        "Un commerce suivi « à proximité » ne vous annonce que ce qui est proche de l’un de vos lieux."
    ]
    [discovery] = of(Rule.DISCOVERY, caller)
    assert discovery == (
        "Un commerce que vous ne suivez pas vous prévient s’il est proche de l’un de vos lieux, dans votre budget ; "
        "jamais s’il peut révéler votre santé ou vos croyances."
    )
    assert of(Rule.DRAW, caller)[0].endswith(
        "publier en premier n’en avantage aucun, mais peut avantager un commerce que vous découvrez."
    )
    assert of(Rule.DRAW, caller, "en")[0].endswith("none of them gains by posting first, but a shop you discover may.")


@pytest.mark.parametrize(
    ("most", "everyone", "hers"),
    [
        (0, "Le cluster ne permet pour l’instant aucune annonce.", "aucune annonce de Chez Léon."),
        (1, "Un commerce vous envoie une annonce par jour, au plus.", "Chez Léon vous envoie une annonce par jour,"),
        (3, "Un commerce vous envoie 3 annonces par jour, au plus.", "Chez Léon vous envoie 3 annonces par jour,"),
    ],
)
def test_how_often_a_shop_may_announce_is_told_as_the_cluster_sets_it(town, most, everyone, hers):
    followed, other = town.shop("Chez Léon"), town.shop("Ailleurs")
    caller, chief = town.citizen(), town.staff(StaffRole.ADMINISTER)
    with town.sessions.begin() as session:
        builders.a_follow(session, session.get_one(Citizen, caller.id), session.merge(followed))
        set_announcements_a_day(session, other.id, 7, reason="Braderie", now=town.clock())
    rule = {"announcements_a_day": most, "reason": "Braderie"}
    assert chief.put("/staff/sending/rules", json=rule).status_code == 200
    assert of(Rule.ONE_A_DAY, caller) == [everyone]
    assert chief.put("/staff/sending/rules", json={**rule, "shop_id": str(followed.id)}).status_code == 200
    first, second = of(Rule.ONE_A_DAY, caller)
    assert first == everyone
    assert hers in second


def test_a_stop_of_everything_is_told_while_it_lasts(town):
    caller = town.citizen()
    with town.sessions.begin() as session:
        stop_sending(session, None, reason="Panne", now=town.clock())
    assert of(Rule.STOPS, caller, "en") == ["The Citylife team has stopped all sending: nothing leaves for now."]
