"""The short way to follow and to leave answers what the view answers, writes what it writes, and leaves it the rest."""

import datetime as dt
import io

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import OperationalError

from blueprints.api.short_follows import PATH, ROUTE
from citylife.accounts.citizens import Citizen, CitizenToken
from citylife.courtesy.tables import ShopRhythm
from citylife.errors import Absent
from citylife.following import Following
from citylife.follows import EndedFollow, Follow, Level, follow
from citylife.settings import Settings
from citylife.shops import Shop, ShopStatus
from tests.api.short_ways import Watched, days_ago, logged, told
from wsgi import create_app


@pytest.fixture
def way(town) -> Watched:
    return Watched(town.app, PATH)


def a_reader(town):
    """A citizen whom the process knows."""
    citizen = town.citizen()
    assert citizen.get("/me/feed").status_code == 200
    return citizen


def levels(town) -> list[Level]:
    with town.sessions() as session:
        return list(session.scalars(select(Follow.level).order_by(Follow.citizen_id)))


def test_both_ways_answer_the_same_bytes(town, way):
    citizen, shop = a_reader(town), town.shop("Chez Nous « ici »")
    at = f"/me/follows/{shop.id}"

    def all_of_it():
        return [
            told(citizen.put(at, json={"level": "nearby"})),
            told(citizen.put(at, json={"level": "always"})),
            told(citizen.put(at, json={"level": "always"})),
            told(citizen.put(at, data=b"{}", content_type="application/json")),
            told(citizen.put(at)),
            told(citizen.delete(at)),
            told(citizen.delete(at)),
        ]

    short = all_of_it()
    assert way.answered == [True] * 7
    way.close()
    assert all_of_it() == short
    assert [status for status, _, _ in short] == ["201 CREATED", *["200 OK"] * 4, *["204 NO CONTENT"] * 2]


def test_it_writes_what_the_view_writes(town, way):
    citizen, shop = a_reader(town), town.shop()
    at = f"/me/follows/{shop.id}"
    first = citizen.put(at, json={"level": "nearby"}).json
    town.clock.forward(hours=3)
    assert citizen.put(at).json == {**first, "level": "normal"}
    with town.sessions() as session:
        follow = session.scalars(select(Follow)).one()
        assert (follow.level, follow.nearby_until, follow.begun_at) == (
            Level.NORMAL,
            town.clock(),
            town.clock() - dt.timedelta(hours=3),
        )
    citizen.delete(at)
    with town.sessions() as session:
        ended = session.scalars(select(EndedFollow)).one()
        assert (ended.begun_at, ended.ended_at) == (town.clock() - dt.timedelta(hours=3), town.clock())
    assert levels(town) == []
    assert way.answered == [True] * 3


def test_her_pace_follows_what_she_follows(town, way):
    citizen, shop, silent = a_reader(town), town.shop(), town.shop("Chez Elle")
    with town.sessions.begin() as session:
        session.add(ShopRhythm(shop_id=shop.id, weekly=1_500, computed_on=town.clock().date()))

    def pace() -> int:
        with town.sessions() as session:
            return session.get_one(Citizen, citizen.id).pace

    def put(of, level):
        assert citizen.put(f"/me/follows/{of.id}", json={"level": level}).status_code in {200, 201}
        return pace()

    paces = [put(shop, "normal"), put(silent, "normal"), put(shop, "always"), put(shop, "nearby")]
    assert paces == [1_500, 1_500, 0, 1_500]
    assert citizen.delete(f"/me/follows/{silent.id}").status_code == 204
    assert pace() == 1_500
    assert citizen.delete(f"/me/follows/{shop.id}").status_code == 204
    assert pace() == 0
    assert way.answered == [True] * 6


def test_what_is_so_already_is_not_written_and_waits_for_nobody(town, way):
    citizen, shop, other = a_reader(town), town.shop(), town.shop("Chez Elle")
    assert citizen.put(f"/me/follows/{shop.id}").status_code == 201
    with town.sessions.begin() as session:  # whoever writes for her waits for this one
        follow(session, citizen.id, session.get_one(Shop, shop.id), Level.NEARBY, now=town.clock())
        answers = [citizen.put(f"/me/follows/{shop.id}"), citizen.delete(f"/me/follows/{other.id}")]
        session.rollback()
    assert [answer.status_code for answer in answers] == [200, 204]
    assert way.answered == [True] * 3
    assert levels(town) == [Level.NORMAL]


def test_a_forged_token_of_hers_writes_nothing(town, way):
    citizen, shop, other = a_reader(town), town.shop(), town.shop("Chez Elle")
    assert citizen.put(f"/me/follows/{shop.id}").status_code == 201
    kept, forged = town.app.extensions["citylife"].kept, citizen.token[:30] + "A" * (len(citizen.token) - 30)
    following, now = Following(kept), town.clock()
    for deed in (
        lambda: following.keep(forged, other.id, Level.NORMAL, now=now),
        lambda: following.keep(forged, other.id, Level.ALWAYS, now=now),
        lambda: following.keep(forged, shop.id, Level.NONE, now=now),
        lambda: following.keep("nobody", shop.id, Level.NONE, now=now),
        lambda: following.end(forged, shop.id, now=now),
        lambda: following.end("nobody", shop.id, now=now),
    ):
        with pytest.raises(Absent):
            deed()
    assert levels(town) == [Level.NORMAL]


def test_whatever_is_not_plain_is_left_to_the_view_with_its_body(town, way):
    citizen, shop = a_reader(town), town.shop()
    at = f"/me/follows/{shop.id}"
    spaced = b'{ "level" : "nearby" }'
    assert [
        citizen.put(at, data=spaced, content_type="application/json").status_code,
        citizen.put(at, data=b'{"level":"none"}', content_type="application/json; charset=utf-8").status_code,
        citizen.put(at, json={"level": "sometimes"}).status_code,
        citizen.put(at, data=b'{"level":"none"', content_type="application/json").status_code,
        citizen.put(at, data=b'{"level":"none"}', content_type="text/plain").status_code,
        citizen.put(f"{at}?level=none").status_code,
        citizen.put(at, json={"level": "none", "more": "x" * 400}).status_code,
        citizen.put(at, base_url="http://evil.example").status_code,
        citizen.put("/me/follows/nobody").status_code,
        citizen.get(at).status_code,
        citizen.put(at, headers={"Cookie": f"__Host-citylife={citizen.token}"}).status_code,
        town.client.put(f"/api/v1{at}", headers={"Cookie": f"__Host-citylife={citizen.token}"}).status_code,
        town.client.delete(f"/api/v1{at}").status_code,
        citizen.delete(at, data=b"x").status_code,
    ] == [201, 200, 422, 400, 415, 422, 422, 400, 404, 405, 200, 403, 401, 204]
    assert way.answered == [False] * 14


def test_a_refusal_is_said_by_the_view_and_nothing_is_written(town, way):
    citizen = a_reader(town)
    shops = [town.shop(f"Chez {number}") for number in range(4)]
    answers = [citizen.put(f"/me/follows/{shop.id}", json={"level": "always"}) for shop in shops]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 409]
    assert answers[-1].json["type"].endswith("too-many-always")
    with town.sessions.begin() as session:
        session.get_one(Shop, shops[0].id).status = ShopStatus.SUSPENDED
    assert citizen.put(f"/me/follows/{shops[0].id}").status_code == 404
    assert citizen.delete(f"/me/follows/{shops[0].id}").status_code == 204, "what is suspended may be left"
    with town.sessions.begin() as session:
        session.execute(delete(CitizenToken))
    assert citizen.put(f"/me/follows/{shops[1].id}", json={"level": "none"}).status_code == 401
    assert citizen.delete(f"/me/follows/{shops[1].id}").status_code == 401
    assert way.answered == [True, True, True, False, False, True, False, False]
    assert levels(town) == [Level.ALWAYS] * 2


@pytest.mark.parametrize(
    "said", [(OperationalError(None, None, Exception("gone")), 503), (RuntimeError("secret"), 500)]
)
def test_a_failure_is_said_by_the_view_and_counted_once(town, database_url, tmp_path, clock, said):
    failure, status = said
    settings = Settings(instance=tmp_path / "i", database_url=database_url, log_level="CRITICAL", limits=("calls=12",))
    app, shop = create_app(settings, clock=clock), town.shop()
    client, at = app.test_client(use_cookies=False), f"{PATH}{shop.id}"
    token = {"Authorization": f"Bearer {town.citizen().token}"}
    assert client.put(at, headers=token).status_code == 201
    kept = app.extensions["citylife"].kept

    tried = []

    def away(_ask, **_):
        tried.append(_ask)
        raise failure

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "write", away)
        assert [client.put(at, headers=token).status_code for _ in range(5)] == [status] * 5
        assert len(tried) == 5, "whether it was written is not known: it is not tried again"
    assert [client.put(at, headers=token).status_code for _ in range(7)] == [200] * 6 + [429]
    app.extensions["citylife"].close()


def test_her_day_is_noted_on_the_short_way(town, way):
    citizen, shop = a_reader(town), town.shop()
    town.clock.forward(days=1)
    citizen.put(f"/me/follows/{shop.id}")
    town.clock.forward(minutes=2)
    citizen.get("/me/feed")
    assert (days_ago(town), way.answered) == ([1, 0], [True])


def test_the_log_and_the_counters_hear_of_it(town, database_url, tmp_path, clock, capfdbinary):
    app = create_app(Settings(instance=tmp_path / "s", database_url=database_url, log_level="INFO"), clock=clock)
    way, token = Watched(app, PATH), {"Authorization": f"Bearer {town.citizen().token}"}
    client, at = app.test_client(use_cookies=False), f"{PATH}{town.shop().id}"
    for _ in range(3):
        client.put(at, headers=token)
    lines = logged(capfdbinary)
    assert way.answered == [False, True, True]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("PUT", ROUTE, 201),
        ("PUT", ROUTE, 200),
        ("PUT", ROUTE, 200),
    ]
    assert len({tuple(sorted(line)) for line in lines}) == 1
    assert f'citylife_requests_total{{method="PUT",route="{ROUTE}",status="200"}} 2.0' in client.get("/metrics").text
    app.extensions["citylife"].close()


def test_a_body_that_lies_of_its_length_is_read_no_further(town, way):
    citizen, shop = a_reader(town), town.shop()
    answer = town.client.put(
        f"{PATH}{shop.id}",
        input_stream=io.BytesIO(b'{"level":"none"}{"level":"always"}'),
        headers={"Authorization": f"Bearer {citizen.token}"},
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": "16"},
    )
    assert (answer.json["level"], way.answered) == ("none", [True])


def test_many_follow_and_leave_and_every_one_is_there(town, way):
    shops = [town.shop(f"Chez {number}") for number in range(3)]
    citizens = [a_reader(town) for _ in range(4)]
    for citizen in citizens:
        for shop in shops:
            assert citizen.put(f"/me/follows/{shop.id}").status_code == 201
        assert citizen.delete(f"/me/follows/{shops[0].id}").status_code == 204
    with town.sessions() as session:
        found = dict(session.execute(select(Follow.shop_id, func.count()).group_by(Follow.shop_id)).all())
    assert found == {shops[1].id: 4, shops[2].id: 4}
    assert way.answered == [True] * 16
