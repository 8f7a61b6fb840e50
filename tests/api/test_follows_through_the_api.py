"""Follows through the API, which go around the ORM and the schemas: they say what those would, in the same order."""

import orjson
import pytest
from sqlalchemy import event, select
from werkzeug.test import EnvironBuilder

from blueprints.api.follows import USUAL, WANTED, read_level
from blueprints.application import TimedRequest
from citylife.accounts.citizens import Citizen, CitizenDay
from citylife.follows import Follow, Level
from citylife.ledger.statements import Statement, stored
from schemas.follows import FollowSchema

RHYTHM = Statement("INSERT INTO shop_rhythms (shop_id, weekly, computed_on) VALUES (:shop, 750, :day)")
NOBODY = {"Authorization": "Bearer " + "A" * 64}


def a_request(body, **options):
    return TimedRequest(
        EnvironBuilder(method="PUT", data=body, **{"content_type": "application/json", **options}).get_environ()
    )


@pytest.mark.parametrize("body", USUAL, ids=str)
def test_the_usual_wish_is_read_as_the_schema_reads_it(body):
    assert read_level(a_request(body)) is WANTED.load(orjson.loads(body or b"{}"))["level"]


def test_every_level_may_be_written_as_programs_write_it():
    for level in Level:
        assert {orjson.dumps({"level": level.value}), b'{"level": "%b"}' % level.value.encode()} <= USUAL.keys()


def test_an_unusual_wish_is_left_to_the_schema(town):
    citizen, shop = town.citizen(), town.shop()
    spaced = citizen.put(f"/me/follows/{shop.id}", data=b'\n{"level" :"nearby"} ', content_type="application/json")
    assert (spaced.status_code, spaced.json["level"]) == (201, "nearby")
    for body, content_type, status in (
        (b'{"level":"normal"}', "text/plain", 415),
        (b'{"level":"normal","level":"none"}', "application/json", 400),
        (b'{"level":"loud"}', "application/json", 422),
        (b'{"level":"normal","since":1}', "application/json", 422),
    ):
        answer = citizen.put(f"/me/follows/{shop.id}", data=body, content_type=content_type)
        assert answer.status_code == status, body
    with town.sessions() as session:
        assert session.scalars(select(Follow.level)).all() == [Level.NEARBY]


def test_a_follow_says_itself_as_its_schema_would(town):
    citizen, shop = town.citizen(), town.shop("Chez « Léon »")
    begun_at = town.clock()
    for level, status, microseconds in ((Level.NORMAL, 201, 123_456), (Level.NORMAL, 200, 0), (Level.ALWAYS, 200, 0)):
        answer = citizen.put(f"/me/follows/{shop.id}", json={"level": level.value})
        wanted = FollowSchema().dump({"shop": shop, "level": level, "begun_at": begun_at})
        assert (answer.status_code, answer.data) == (status, orjson.dumps(wanted))
        assert answer.headers["ETag"]
        town.clock.forward(microseconds=microseconds)


def test_who_asks_is_looked_at_before_what_is_asked(town):
    shop = town.shop()
    path = f"/api/v1/me/follows/{shop.id}"
    assert town.client.put(path, data=b"{", content_type="application/json", headers=NOBODY).status_code == 401
    assert town.client.put(path.replace(str(shop.id)[:4], "0000"), headers=NOBODY).status_code == 401
    citizen = town.citizen()
    malformed = citizen.put("/me/follows/01936f00-0000-7000-8000-000000000000", data=b"{", content_type="text/plain")
    assert malformed.status_code == 415
    assert town.counts()["follows"] == 0


def test_following_counts_for_her_pace_and_for_her_day_at_once(town):
    citizen, shop = town.citizen(), town.shop()
    with town.sessions.begin() as session:
        connection = session.connection()
        values = {"shop": stored(connection, shop.id), "day": stored(connection, town.clock().date())}
        RHYTHM.run(connection, values)

    def pace():
        with town.sessions() as session:
            return session.scalar(select(Citizen.pace))

    for level, expected in (("normal", 750), ("always", 0), ("nearby", 750), ("none", 0), ("normal", 750)):
        citizen.put(f"/me/follows/{shop.id}", json={"level": level})
        assert pace() == expected, level
    citizen.delete(f"/me/follows/{shop.id}")
    assert pace() == 0
    town.app.extensions["citylife"].active_days.flush(town.clock())
    with town.sessions() as session:
        assert session.scalars(select(CitizenDay.citizen_id)).all() == [citizen.id]


def test_to_follow_again_writes_nothing_and_no_session_is_opened(town, app):
    citizen, shop = town.citizen(), town.shop()
    citizen.put(f"/me/follows/{shop.id}")
    begun = []
    event.listen(app.extensions["citylife"].engine, "begin", begun.append)

    assert citizen.put(f"/me/follows/{shop.id}").status_code == 200
    assert citizen.put(f"/me/follows/{shop.id}", json={"level": "none"}).status_code == 200
    assert citizen.delete(f"/me/follows/{shop.id}").status_code == 204

    assert begun == []


def test_a_follow_whose_connection_broke_is_served_again(town):
    citizen, shop = town.citizen(), town.shop()
    assert citizen.put(f"/me/follows/{shop.id}").status_code == 201
    for method in (citizen.put, citizen.delete):
        town.app.extensions["citylife"].kept.read(lambda connection: connection._driver.close())
        assert method(f"/me/follows/{shop.id}").status_code in {200, 204}
