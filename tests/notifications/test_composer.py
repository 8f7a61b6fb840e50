"""What a notification says, to whom, until when."""

import base64
import datetime as dt
import uuid

import orjson
import pytest

from citylife.ledger.claims import Announced
from citylife.ledger.tables import MessageKind
from notifications.composer import compose, tag_of, topic_of, ttl_of, urgency_of
from notifications.encryption import MAX_PLAINTEXT
from notifications.webpush import Urgency

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
OFFER = uuid.UUID("01890f3c-8d2a-7b7e-9c3d-1f2e3d4c5b6a")


def announced(**changes):
    return Announced(
        **{
            "message_id": uuid.uuid4(),
            "kind": MessageKind.ANNOUNCEMENT,
            "expires_at": NOW + dt.timedelta(hours=8),
            "offer_id": OFFER,
            "title": "Deux baguettes pour une",
            "ends_at": NOW + dt.timedelta(hours=8),
            "shop_name": "Boulangerie du Beffroi",
            "held": None,
            "until": None,
            **changes,
        }
    )


def shown(**kwargs):
    what = announced(**{key: value for key, value in kwargs.items() if key != "locale"})
    return orjson.loads(compose(what, locale=kwargs.get("locale", "fr"), base_url="https://town.example", now=NOW))


def test_it_names_the_shop_and_says_until_when_in_french():
    document = shown()
    assert document["web_push"] == 8030
    assert document["notification"] == {
        "title": "Boulangerie du Beffroi",
        "body": "Deux baguettes pour une — jusqu’à 18\u00a0h\u00a000 aujourd’hui",
        "navigate": f"https://town.example/o/{OFFER}?from=notification",
        "lang": "fr",
        "tag": "AYkPPI0qe36cPR8uPUxbag",
        "silent": False,
    }


def test_it_speaks_english_to_who_asked_for_it():
    body = shown(locale="en")["notification"]["body"]
    assert body.startswith("Deux baguettes pour une — until 6:00")
    assert body.endswith("today")


def test_another_day_is_named():
    assert "jusqu’au samedi 28 novembre à 10" in shown(ends_at=NOW + dt.timedelta(days=4))["notification"]["body"]


def test_a_sold_out_replaces_in_silence_under_the_same_tag():
    sold_out = shown(kind=MessageKind.SOLD_OUT)["notification"]
    assert sold_out["silent"] is True
    assert sold_out["tag"] == shown()["notification"]["tag"]
    assert sold_out["body"] == "Tout est parti\u00a0: Deux baguettes pour une"


def test_braces_in_a_title_are_words_like_any_other():
    assert shown(title="{shop} {0} %s")["notification"]["body"].startswith("{shop} {0} %s — ")


def test_the_tag_fits_a_topic_and_gives_the_offer_back():
    tag = tag_of(OFFER)
    assert len(tag) == 22
    assert uuid.UUID(bytes=base64.urlsafe_b64decode(tag + "==")) == OFFER


def test_the_longest_texts_of_the_house_fit_one_record():
    longest = compose(
        announced(title="😀" * 80, shop_name="é" * 120), locale="fr", base_url="https://" + "a" * 200, now=NOW
    )
    assert len(longest) < MAX_PLAINTEXT


def test_urgency_is_high_only_within_the_last_hour_and_low_for_a_replacement():
    assert urgency_of(announced(), now=NOW) is Urgency.NORMAL
    assert urgency_of(announced(ends_at=NOW + dt.timedelta(minutes=60)), now=NOW) is Urgency.HIGH
    assert urgency_of(announced(kind=MessageKind.SOLD_OUT), now=NOW) is Urgency.LOW


def test_the_push_service_may_keep_it_until_it_expires_and_never_less_than_zero():
    assert ttl_of(announced(), now=NOW) == 8 * 3600
    assert ttl_of(announced(), now=NOW + dt.timedelta(days=1)) == 0


@pytest.mark.parametrize(
    ("locale", "count", "title"),
    [
        ("fr", 1, "Une offre près de vous"),
        ("fr", 3, "3 offres près de vous"),
        ("en", 1, "One offer near you"),
        ("en", 3, "3 offers near you"),
    ],
)
def test_what_is_near_names_each_offer_with_its_shop_and_is_urgent(locale, count, title):
    lines = tuple((f"Boutique {number}", f"Flan {number}") for number in range(count))
    what = {"kind": MessageKind.NEAR_ME_NOW, "offer_id": None, "title": "", "shop_name": "", "lines": lines}
    said = shown(**what, locale=locale)["notification"]
    assert said["title"] == title
    assert [line.count("Boutique") for line in said["body"].splitlines()] == [1] * count
    assert (said["navigate"], said["tag"]) == ("https://town.example/?from=near-me-now", "pres-de-vous")
    assert urgency_of(announced(**what), now=NOW) is Urgency.HIGH
    assert topic_of(announced(**what)) == said["tag"]
