"""The usual question around a place is read by a short way, which reads it as the schema does."""

import orjson
import pytest
from werkzeug.test import EnvironBuilder

from blueprints.api.around import QUERY, read_plain
from blueprints.application import TimedRequest
from tests.api.street import POSITION

PLAIN = [
    {"position": POSITION},
    {"position": POSITION, "radius": 2_000},
    {"position": POSITION, "radius": 0, "limit": 1},
    {"position": {"latitude": -90.0, "longitude": 180.0}, "radius": 20_000, "limit": 100},
]
LEFT_TO_THE_SCHEMA = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b'{"position": null}',
    b'{"position": [50.5, 2.6]}',
    b'{"position": {"latitude": 50.5}}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6, "accuracy": 3}}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6, "latitude": 50.6}}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "position": {"latitude": 50.5, "longitude": 2.6}}',
    b'{"position": {"latitude": "50.5", "longitude": 2.6}}',
    b'{"position": {"latitude": true, "longitude": 2.6}}',
    b'{"position": {"latitude": 90.1, "longitude": 2.6}}',
    b'{"position": {"latitude": 50.5, "longitude": -180.1}}',
    b'{"position": {"latitude": 50.5, "longitude": NaN}}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "radius": 20001}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "radius": true}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "radius": 5.0}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "limit": 0}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "limit": 101}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "open_now": true}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "cell": "871949d45ffffff"}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}',
]


def a_request(body, **options):
    return TimedRequest(
        EnvironBuilder(method="POST", data=body, **{"content_type": "application/json", **options}).get_environ()
    )


@pytest.mark.parametrize("body", PLAIN, ids=str)
def test_the_usual_question_is_read_as_the_schema_reads_it(body):
    assert read_plain(a_request(orjson.dumps(body))) == QUERY.load(body)


@pytest.mark.parametrize("body", LEFT_TO_THE_SCHEMA, ids=str)
def test_any_other_question_is_left_to_the_schema(body):
    assert read_plain(a_request(body)) is None


def test_a_body_of_another_type_is_left_to_the_schema():
    assert read_plain(a_request(orjson.dumps(PLAIN[0]), content_type="text/plain")) is None
