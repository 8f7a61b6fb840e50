"""« Why » through the API: each decision has its sentence, and names the setting of hers that would change it."""

import dataclasses
import datetime as dt

import pytest
from sqlalchemy import select

from citylife.accounts.citizens import Citizen
from citylife.accounts.staff import StaffRole
from citylife.courtesy.tables import DigestLine
from citylife.follows import Level
from citylife.ledger import digests, expansion
from citylife.ledger.reasons import SENTENCES, SETTINGS
from citylife.ledger.stops import resume_sending, stop_sending
from citylife.ledger.tables import Delivery, DeliveryState, Message, MessageState, Reason
from citylife.offers import withdraw
from tests import builders

CONSENT = {"purpose": "location", "granted": True, "text_version": "2026-11", "locale": "fr"}
LATER = " L’offre sera dans votre prochain récapitulatif, si elle est encore valable."
HERE = {"insee_code": builders.BETHUNE}

pytestmark = pytest.mark.usefixtures("assessed")


def a_follower(town, shop, level=Level.NORMAL, **wishes):
    """Who follows a shop, with a phone."""
    caller = town.citizen()
    with town.sessions.begin() as session:
        citizen = session.get_one(Citizen, caller.id)
        builders.a_device(session, citizen)
        builders.a_follow(session, citizen, session.merge(shop), level, now=town.clock())
        for name, wish in wishes.items():
            setattr(citizen, name, wish)
    return caller


def announce(town, shop):
    with town.sessions.begin() as session:
        builders.an_offer(session, session.merge(shop), now=town.clock(), ends_at=town.clock() + dt.timedelta(days=1))
    for _ in range(4):
        with town.sessions.begin() as session:
            expansion.expand_page(session, now=town.clock())


def why(caller, **headers):
    return caller.get("/me/deliveries", headers=headers).json["items"]


WHEN_IT_CAN = " Elle partira dès que ce sera possible, si l’offre est encore en cours."


@pytest.mark.parametrize("expanded", [True, False], ids=["decided before", "not decided yet"])
@pytest.mark.parametrize(
    ("stopped", "reason", "says"),
    [
        ("all", "sending-stopped", "L’équipe de Citylife a arrêté tous les envois : rien ne part pour l’instant."),
        ("shop", "shop-stopped", "Les envois de Chez Léon sont arrêtés pour l’instant."),
    ],
)
def test_while_a_stop_holds_an_announcement_she_reads_that_it_does(town, stopped, reason, says, expanded):
    shop, other = town.shop("Chez Léon"), town.shop("Ailleurs")
    caller = a_follower(town, shop)
    a_follower(town, other)
    if expanded:
        announce(town, shop)
    with town.sessions.begin() as session:
        stop_sending(
            session, None if stopped == "all" else session.merge(shop), reason="Trop d’envois", now=town.clock()
        )
        if not expanded:
            builders.an_offer(session, session.merge(shop), now=town.clock())
            builders.an_offer(session, session.merge(other), now=town.clock())
    [told] = why(caller)
    assert (told["outcome"], told["reason"]) == (("send", "follows") if expanded else ("held", reason))
    before = "Vous suivez Chez Léon. " if expanded else ""
    assert told["explanation"].replace("\xa0", " ") == before + says + WHEN_IT_CAN
    assert told["setting"] is None
    with town.sessions.begin() as session:
        resume_sending(session, None if stopped == "all" else session.merge(shop), reason="Réglé", now=town.clock())
    told = why(caller)
    assert [each["explanation"] for each in told] == (["Vous suivez Chez Léon."] if expanded else [])


def test_before_the_aipd_is_dated_she_reads_of_each_offer_that_nothing_leaves_yet(town, app):
    house = app.extensions["citylife"]
    object.__setattr__(house, "settings", dataclasses.replace(house.settings, aipd_date=None))
    shop = town.shop("Chez Léon")
    caller = a_follower(town, shop)
    with town.sessions.begin() as session:
        builders.an_offer(session, session.merge(shop), now=town.clock())
    [told] = why(caller, **{"Accept-Language": "en"})
    assert (told["outcome"], told["reason"], told["setting"]) == ("held", "sending-refused", None)
    assert told["explanation"] == (
        "Citylife is not sending notifications yet. It will leave as soon as it can, if the offer is still on."
    )


def test_every_reason_has_a_sentence_and_says_whether_a_setting_would_change_it():
    assert set(SENTENCES) == set(SETTINGS) == set(Reason)


@pytest.mark.parametrize(
    ("level", "wishes", "decided"),
    [
        (Level.NORMAL, {}, ("send", "follows", "level")),
        (Level.ALWAYS, {}, ("send", "always", "level")),
        (Level.NONE, {}, ("held", "level-none", "level")),
        (Level.NORMAL, {"daily_budget": 0}, ("held", "day-spent", "daily-budget")),
        (Level.NORMAL, {"weekly_budget": 0}, ("held", "week-spent", "weekly-budget")),
        (Level.NORMAL, {"notifications_consented": False}, ("held", "no-consent", "consent")),
    ],
    ids=["normal", "always", "none", "nothing a day", "nothing a week", "no consent"],
)
def test_what_was_decided_names_the_setting_that_would_change_it(town, level, wishes, decided):
    shop = town.shop("Chez Léon")
    caller = a_follower(town, shop, level, **wishes)
    announce(town, shop)
    [told] = why(caller)
    assert (told["outcome"], told["reason"], told["setting"]) == decided
    assert told["shop_name"] == "Chez Léon"


def test_nearby_without_a_place_says_that_it_is_as_usual_and_what_a_place_would_change(town):
    shop, other = town.shop("Chez Léon"), town.shop("Ailleurs")
    caller = a_follower(town, shop, Level.NEARBY)
    with town.sessions.begin() as session:
        builders.a_follow(session, session.get_one(Citizen, caller.id), session.merge(other), now=town.clock())
    announce(town, shop)
    announce(town, other)
    usual, told = why(caller)
    assert (usual["explanation"], usual["setting"]) == ("Vous suivez Ailleurs.", "level")
    assert (told["outcome"], told["reason"], told["setting"]) == ("send", "follows", "places")
    assert told["explanation"].replace("\xa0", " ") == (
        "Vous suivez Chez Léon. Vous n’avez pas de lieu : « à proximité » vaut alors « Normal »."
    )
    english = why(caller, **{"Accept-Language": "en"})[1]["explanation"]
    assert english == "You follow Chez Léon. You have no place: “Nearby” then means “Normal”."
    caller.post("/me/consents", json=CONSENT)
    assert caller.post("/me/places", json={"kind": "lasting", **HERE}).status_code == 201
    assert why(caller)[1]["explanation"] == "Vous suivez Chez Léon."


@pytest.mark.parametrize(
    ("wish", "fr", "en"),
    [
        ("weekly_budget", "Votre budget de la semaine était épuisé.", "Raise the number of notifications a week,"),
        ("daily_budget", "Votre budget du jour était épuisé.", "Raise the number of notifications a day,"),
    ],
)
def test_a_spent_budget_says_which_one_and_what_to_raise(town, wish, fr, en):
    shop = town.shop("Chez Léon")
    caller = a_follower(town, shop, **{wish: 0})
    announce(town, shop)
    assert fr in why(caller)[0]["explanation"]
    assert en in why(caller, **{"Accept-Language": "en"})[0]["explanation"]


def test_one_a_day_tells_the_number_that_held_when_it_was_decided(town):
    shop = town.shop("Chez Léon")
    caller = a_follower(town, shop, Level.ALWAYS)
    chief = town.staff(StaffRole.ADMINISTER)
    rule = {"shop_id": str(shop.id), "reason": "Braderie"}
    announce(town, shop)
    announce(town, shop)
    for most, times in ((2, 2), (0, 1)):
        town.clock.forward(hours=1)
        assert chief.put("/staff/sending/rules", json={**rule, "announcements_a_day": most}).status_code == 200
        for _ in range(times):
            announce(town, shop)
    told = [(each["outcome"], each["explanation"].replace("\xa0", " ")) for each in reversed(why(caller))]
    assert told == [
        ("send", "Vous avez choisi « toujours » pour Chez Léon."),
        ("held", "Chez Léon vous avait déjà envoyé une annonce ce jour-là, et n’en envoie qu’une par jour." + LATER),
        ("send", "Vous avez choisi « toujours » pour Chez Léon."),
        ("held", "Chez Léon vous avait déjà envoyé 2 annonces ce jour-là, et n’en envoie pas plus par jour." + LATER),
        ("held", "Chez Léon ne pouvait envoyer aucune annonce ce jour-là : c’est ce que le cluster a décidé." + LATER),
    ]
    english = why(caller, **{"Accept-Language": "en"})[1]["explanation"]
    assert english.startswith("Chez Léon had already sent you 2 announcements that day, and sends no more a day.")


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("fr", "Citylife n’envoyait pas encore de notifications pendant cette offre."),
        ("en", "Citylife was not sending notifications yet while this offer lasted."),
    ],
)
def test_what_ended_before_anything_was_sent_says_so_to_each_follower(town, language, sentence):
    shop = town.shop("Chez Léon")
    told = [a_follower(town, shop), a_follower(town, shop, Level.NEARBY), a_follower(town, shop, weekly_budget=0)]
    with town.sessions.begin() as session:
        ends_at = builders.an_offer(session, session.merge(shop), now=town.clock()).ends_at
    with town.sessions.begin() as session:
        assert expansion.expand_page(session, now=ends_at, refused=True) is not None
    for caller in told:
        [decided] = why(caller, **{"Accept-Language": language})
        assert (decided["outcome"], decided["reason"], decided["setting"]) == ("held", "sending-refused", None)
        assert decided["explanation"] == sentence


@pytest.mark.parametrize(
    ("states", "ends", "setting"),
    [
        (["accepted", "expired"], "Vous suivez Chez Léon.", "level"),
        (["waiting", "gone"], "Vous suivez Chez Léon.", "level"),
        (["gone", "expired"], "Elle n’a pas pu vous être remise à temps.", None),
        (["refused", "gone"], "Le service de votre navigateur l’a refusée.", None),
        (
            ["gone", "gone"],
            "Votre appareil n’était plus joignable. Touchez « Me prévenir » pour l’ajouter de nouveau.",
            "device",
        ),
    ],
    ids=["one had it", "one may have it", "too late", "refused", "gone"],
)
def test_what_was_sent_and_reached_no_device_of_hers_says_so(town, states, ends, setting):
    shop = town.shop("Chez Léon")
    caller = a_follower(town, shop)
    with town.sessions.begin() as session:
        builders.a_device(session, session.get_one(Citizen, caller.id))
    announce(town, shop)
    with town.sessions.begin() as session:
        for delivery, state in zip(session.scalars(select(Delivery)), states, strict=True):
            delivery.state = DeliveryState(state)
    [told] = why(caller)
    assert told["explanation"].replace("\xa0", " ").endswith(ends)
    assert (told["outcome"], told["reason"], told["setting"]) == ("send", "follows", setting)


def test_what_waits_for_the_end_of_her_quiet_hours_says_so_until_then(town):
    shop = town.shop("Chez Léon")
    caller = a_follower(town, shop, quiet_from=dt.time(9), quiet_until=dt.time(12))
    announce(town, shop)
    [waits] = why(caller, **{"Accept-Language": "en"})
    assert waits["explanation"].endswith("It waits for your quiet hours to end.")
    assert (waits["outcome"], waits["until"], waits["setting"]) == ("send", "2026-11-24T11:00:00+00:00", "quiet-hours")
    town.clock.forward(hours=2)
    assert why(caller)[0]["explanation"] == "Vous suivez Chez Léon."


@pytest.mark.parametrize("category", ["wine", "pharmacy"])
def test_of_a_trade_that_is_never_announced_each_follower_reads_why(town, category):
    shop = town.shop("La Cave", category=category)
    caller = a_follower(town, shop, Level.ALWAYS)
    announce(town, shop)
    town.clock.forward(minutes=5)
    later = a_follower(town, shop)
    for follower in (caller, later):
        [told] = why(follower, **{"Accept-Language": "en"})
        assert (told["outcome"], told["reason"], told["setting"]) == ("held", "page-only", None)
        assert told["explanation"].startswith("Citylife never sends a notification for a shop like La Cave")
        assert told["offer_title"] == "Pains à moitié prix"
    with town.sessions() as session:
        assert session.scalars(select(Message.state)).all() == [MessageState.STOPPED]


def test_what_was_announced_before_she_followed_says_so_in_its_place_and_only_that(town):
    shop = town.shop("Chez Léon")
    announce(town, shop)
    with town.sessions.begin() as session:
        over = builders.an_offer(session, session.merge(shop), title="Tarte", now=town.clock())
        town.clock.forward(minutes=5)
        withdraw(session, over, now=town.clock())
    town.clock.forward(minutes=5)
    caller = a_follower(town, shop)
    town.clock.forward(days=1)
    announce(town, shop)

    after, before = why(caller)
    assert (before["outcome"], before["reason"], before["setting"]) == ("held", "followed-later", None)
    assert before["explanation"] == "Vous avez commencé à suivre Chez Léon après cette annonce."
    assert why(caller, **{"Accept-Language": "en"})[1]["explanation"].startswith("You began to follow Chez Léon after")
    assert after["reason"] == "follows"
    pages = caller.get("/me/deliveries?limit=1")
    following = pages.headers["Link"][1:].partition(">")[0].removeprefix("/api/v1")
    assert [*pages.json["items"], *caller.get(following).json["items"]] == [after, before]
    town.clock.forward(days=92)
    assert [each["reason"] for each in why(caller)] == ["follows"]


def test_what_was_announced_before_she_followed_says_when_a_tap_told_her_of_it(town):
    shop = town.shop("Chez Léon")
    announce(town, shop)
    town.clock.forward(minutes=5)
    caller = a_follower(town, shop)
    assert caller.post("/me/consents", json=CONSENT).status_code == 201
    assert caller.post("/me/near-me-now", json=HERE).json["offers"] == 1
    near, told = why(caller)
    assert (told["reason"], told["told_in"]) == ("followed-later", near["message_id"])
    assert told["explanation"].endswith("Elle vous a été dite quand vous avez demandé les offres autour de vous.")


def test_what_waited_for_the_morning_and_was_told_at_her_tap_says_both(town):
    shop = town.shop("Chez Léon")
    caller = a_follower(town, shop, quiet_from=dt.time(9), quiet_until=dt.time(12))
    assert caller.post("/me/consents", json=CONSENT).status_code == 201
    announce(town, shop)
    assert caller.post("/me/near-me-now", json=HERE).json["offers"] == 1
    near, told = why(caller)
    assert (told["outcome"], told["reason"], told["told_in"]) == ("held", "quiet-hours", near["message_id"])
    assert told["explanation"].endswith("Elle vous a été dite quand vous avez demandé les offres autour de vous.")


def test_what_was_put_aside_says_so_then_in_which_digest_it_was(town):
    shop = town.shop("Chez Léon")
    caller = a_follower(town, shop, daily_budget=0)
    announce(town, shop)
    [aside] = why(caller, **{"Accept-Language": "en"})
    assert "It will be in your next digest" in aside["explanation"]
    with town.sessions() as session:
        due = session.query(DigestLine.due_at).scalar()
    with town.sessions.begin() as session:
        assert digests.take_up(session, now=due) is not None

    digest, told = why(caller)
    assert (digest["kind"], digest["reason"], digest["setting"]) == ("digest", "digest", "digest")
    assert (digest["offer_id"], digest["shop_name"]) == (None, None)
    assert told["told_in"] == digest["message_id"]
    assert told["explanation"].endswith("L’offre était dans votre récapitulatif.")


def test_what_near_me_now_told_her_says_so(town):
    shop = town.shop("Chez Léon")
    caller = a_follower(town, shop, daily_budget=0)
    assert caller.post("/me/consents", json=CONSENT).status_code == 201
    announce(town, shop)
    assert caller.post("/me/near-me-now", json=HERE).json["offers"] == 1

    near, told = why(caller)
    assert (near["kind"], near["reason"], near["setting"]) == ("near-me-now", "near-me-now", None)
    assert told["told_in"] == near["message_id"]
    assert "autour de vous" in told["explanation"]
