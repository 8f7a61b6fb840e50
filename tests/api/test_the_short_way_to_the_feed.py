"""The short way to the feed answers what the view answers, and leaves to it whatever is not plain."""

import dataclasses
import uuid
from collections.abc import Iterator

import orjson
import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import OperationalError

from blueprints.api.short_feed import PATH
from citylife.accounts.citizens import CitizenToken
from citylife.offers import Offer, OfferStatus
from citylife.settings import Settings
from citylife.shops import Shop, ShopStatus
from tests.api.short_ways import Watched, days_ago, logged, told
from tests.builders import an_offer
from wsgi import create_app


@pytest.fixture
def limits() -> tuple[str, ...]:
    return ("calls=12",)


@pytest.fixture
def strict(database_url, tmp_path, limits, clock) -> Iterator:
    """The application, with a limit that is soon reached."""
    settings = Settings(instance=tmp_path / "i", database_url=database_url, log_level="WARNING", limits=limits)
    app = create_app(settings, clock=clock)
    yield app
    app.extensions["citylife"].close()


@pytest.fixture
def way(town) -> Watched:
    return Watched(town.app, PATH)


def a_reader(town, offers=26):
    """A citizen whom the process knows, of two shops with some offers."""
    citizen = town.citizen()
    for number in range(2):
        shop = town.shop(f"Chez Nous n° {number}")
        with town.sessions.begin() as session:
            for each in range(offers // 2):
                an_offer(session, shop, title=f"Offre « {each} »", now=town.clock())
        citizen.put(f"/me/follows/{shop.id}")
    return citizen


@pytest.mark.parametrize("offers", [0, 4, 26])
def test_both_ways_answer_the_same_bytes(town, way, offers):
    citizen = a_reader(town, offers)
    short = told(citizen.get("/me/feed"))
    assert way.answered == [True]
    way.close()
    assert told(citizen.get("/me/feed")) == short
    assert len(orjson.loads(short[2])["items"]) == min(offers, 20)


def test_both_ways_count_a_call_once_and_say_what_is_left(town, strict):
    way, token = Watched(strict, PATH), town.citizen().token
    client = strict.test_client(use_cookies=False)
    read = [client.get(PATH, headers={"Authorization": f"Bearer {token}"}) for _ in range(13)]
    assert way.answered == [False, *[True] * 11, False], "the first makes her known, the last is refused"
    assert [answer.status_code for answer in read] == [200] * 12 + [429]
    assert {answer.headers["RateLimit-Policy"] for answer in read} == {'"calls";q=12;w=60'}
    assert "RateLimit" not in read[4].headers
    assert read[8].headers["RateLimit"].startswith('"calls";r=')


@pytest.mark.parametrize(
    ("failure", "status"), [(OperationalError(None, None, Exception("gone")), 503), (RuntimeError("secret"), 500)]
)
def test_a_failure_is_said_by_the_view_and_counted_once(town, strict, monkeypatch, failure, status):
    token = {"Authorization": f"Bearer {town.citizen().token}"}
    client = strict.test_client(use_cookies=False)
    assert client.get(PATH, headers=token).status_code == 200
    kept = strict.extensions["citylife"].kept

    def away(_ask):
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(kept, "read", away)
        assert [client.get(PATH, headers=token).status_code for _ in range(5)] == [status] * 5
        assert client.get(PATH, headers=token).mimetype == "application/problem+json"
    assert [client.get(PATH, headers=token).status_code for _ in range(6)] == [200] * 5 + [429]


def test_whatever_is_not_plain_is_left_to_the_view(town, way):
    citizen = a_reader(town, 2)
    tag = citizen.get("/me/feed").headers["ETag"]
    way.answered.clear()
    assert [
        citizen.get("/me/feed?limit=1").status_code,
        citizen.get("/me/feed", headers={"If-None-Match": tag}).status_code,
        citizen.get("/me/feed?limit=0").status_code,
        citizen.post("/me/feed").status_code,
        citizen.get("/me/feed", base_url="http://evil.example").status_code,
        town.client.get(PATH).status_code,
    ] == [200, 304, 422, 405, 400, 401]
    assert citizen.head("/me/feed").data == b""
    cookie = {"Cookie": f"__Host-citylife={citizen.token}"}
    assert len(town.client.get(PATH, headers=cookie).json["items"]) == 2
    assert way.answered == [False] * 8


def test_what_ended_a_moment_ago_is_not_answered_again(town, way):
    citizen = a_reader(town, 6)
    whole = [each["id"] for each in citizen.get("/me/feed").json["items"]]
    gone, sold_out, *rest = whole
    with town.sessions.begin() as session:
        for offer, status in ((gone, OfferStatus.WITHDRAWN), (sold_out, OfferStatus.SOLD_OUT)):
            session.get_one(Offer, uuid.UUID(offer)).status = status
    assert [each["id"] for each in citizen.get("/me/feed").json["items"]] == rest
    with town.sessions.begin() as session:
        for shop in session.scalars(select(Shop)):
            shop.status = ShopStatus.SUSPENDED
    assert citizen.get("/me/feed").json["items"] == []
    with town.sessions.begin() as session:
        session.execute(delete(CitizenToken))
    assert citizen.get("/me/feed").status_code == 401
    assert way.answered == [True, True, True, False]


def test_her_day_is_noted_and_written_on_the_short_way(town, way):
    citizen = town.citizen()
    citizen.get("/me")
    town.clock.forward(days=1)
    citizen.get("/me/feed")
    assert (days_ago(town), way.answered) == ([1, 0], [True])


def test_the_log_and_the_counters_hear_of_it(town, database_url, tmp_path, clock, capfdbinary):
    app = create_app(Settings(instance=tmp_path / "s", database_url=database_url, log_level="INFO"), clock=clock)
    way, token = Watched(app, PATH), {"Authorization": f"Bearer {town.citizen().token}"}
    client = app.test_client(use_cookies=False)
    for _ in range(3):
        client.get(PATH, headers=token)
    lines = logged(capfdbinary)
    assert way.answered == [False, True, True]
    assert [{**line, "at": None, "ms": None} for line in lines] == [{**lines[0], "at": None, "ms": None}] * 3
    assert lines[0]["route"] == PATH
    assert f'citylife_requests_total{{method="GET",route="{PATH}",status="200"}} 3.0' in client.get("/metrics").text
    app.extensions["citylife"].close()


def test_over_https_it_says_so_too(town, database_url, tmp_path, clock):
    settings = Settings(instance=tmp_path / "s", database_url=database_url, base_url="https://citylife.example")
    app = create_app(dataclasses.replace(settings, log_level="ERROR"), clock=clock)
    way, client = Watched(app, PATH), app.test_client(use_cookies=False)
    token = {"Authorization": f"Bearer {town.citizen().token}"}
    first, second = (client.get(PATH, headers=token, base_url="https://citylife.example") for _ in range(2))
    assert (way.answered, told(first)) == ([False, True], told(second))
    assert "Strict-Transport-Security" in second.headers
    app.extensions["citylife"].close()
