"""A merchant who asks whom an offer would reach, or publishes it, is told what holds its announcement just now."""

import pytest

from citylife.ledger.stops import stop_sending

TONIGHT = "2026-11-24T18:00:00+01:00"
SAID = {
    "refused": ("Citylife n’envoie pas encore de notifications.", "Citylife is not sending notifications yet."),
    "stopped": ("L’équipe de Citylife a arrêté tous les envois.", "The Citylife team has stopped all sending."),
    "shop-stopped": (
        "L’équipe de Citylife a arrêté les envois de votre commerce.",
        "The Citylife team has stopped what your shop sends.",
    ),
    "page-only": (
        "Aucune notification ne part pour cette catégorie de commerces",
        "No notification is sent for shops of this kind",
    ),
}


def told(merchant, shop, language):
    """What the preview says, and what publishing does; how the next change is conditioned."""
    spoken = {"Accept-Language": language}
    seen = merchant.post(f"/merchant/shops/{shop.id}/audience", json={"ends_at": TONIGHT}, headers=spoken)
    drafted = merchant.post(f"/merchant/shops/{shop.id}/offers", json={"title": "Tartes", "ends_at": TONIGHT})
    path = f"/merchant/offers/{drafted.json['id']}"
    published = merchant.post(f"{path}/publish", headers=spoken)
    assert (seen.status_code, published.status_code, published.json["status"]) == (200, 200, "live")
    assert published.headers["ETag"] == merchant.get(path).headers["ETag"]
    assert seen.json["sending"] == published.json["sending"]
    return seen.json["sending"]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_before_the_aipd_is_dated_she_reads_that_nothing_leaves_yet(town, language):
    shop = town.shop()
    said = told(town.merchant(shop), shop, language)
    assert said["state"] == "refused"
    assert said["explanation"].startswith(SAID["refused"][language == "en"])


@pytest.mark.usefixtures("assessed")
@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("state", ["stopped", "shop-stopped", "page-only"])
def test_what_staff_stopped_or_her_trade_never_sends_is_told_her(town, state, language):
    shop = town.shop(category="wine" if state == "page-only" else "bakery")
    other = town.shop()
    if state != "page-only":
        with town.sessions.begin() as session:
            stopped = session.merge(shop) if state == "shop-stopped" else None
            stop_sending(session, stopped, reason="Emballement", now=town.clock())
    said = told(town.merchant(shop), shop, language)
    assert said["state"] == state
    assert said["explanation"].startswith(SAID[state][language == "en"])
    theirs = told(town.merchant(other), other, language)["state"]
    assert theirs == ("stopped" if state == "stopped" else "open")


@pytest.mark.usefixtures("assessed")
def test_where_nothing_holds_it_there_is_nothing_to_say(town):
    shop = town.shop()
    assert told(town.merchant(shop), shop, "fr") == {"state": "open", "explanation": None}
