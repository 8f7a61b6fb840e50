"""What a process says while it runs holds no secret, no person and no place, whoever says it and however."""

import io
import logging
import logging.config
import uuid

import orjson
import pytest
import structlog
from sqlalchemy.exc import IntegrityError

from citylife.logs import GONE, configure_logs, standard_logging

SECRETS = (
    "camille.durand@exemple.fr",
    "clk_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXU",
    "AZqk3fK3c7iQ2m1x0b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b",
    "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABm",
    "https://fcm.googleapis.com/fcm/send/dXk1:APA91b",
    "50.52963",
    "2.64012",
    '{"latitude":50.5301723,"longitude":2.6403791}',
    "50.5301723: no",
    "50.5301723.",
    "+50.5301723-002.6403791/",
    "50.5301723:2.6403791",
    "LAT50.5301723",
    "871949c21ffffff",
    "hunter2",
    "203.0.113.7",
)


@pytest.fixture
def said():
    stream = io.StringIO()
    configure_logs("DEBUG", stream=stream)
    yield stream
    logging.config.dictConfig(
        {"version": 1, "disable_existing_loggers": False, "root": {"handlers": [], "level": "WARNING"}}
    )
    structlog.reset_defaults()


def write_twice(value: str) -> None:
    """Fail as a database driver does, with the value in the statement's parameters and in the detail."""
    statement = "INSERT INTO merchants (email) VALUES (?)"
    raise IntegrityError(statement, (value,), ValueError(f"DETAIL:  Key (email)=({value}) already exists."))


def lines(stream: io.StringIO) -> list[dict]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_that_says_what_happened_when(said):
    delivery = uuid.UUID("018f4a3e-7b6c-7def-8abc-0123456789ab")
    structlog.get_logger("citylife.test").info("delivery accepted", message_id=delivery, attempts=2, ms=12.3456)
    logging.getLogger("library").warning("%s of %d", "one", 2)
    ours, theirs = lines(said)
    assert ours["event"] == "delivery accepted"
    assert ours["message_id"] == str(delivery)
    assert (ours["attempts"], ours["ms"], ours["level"], ours["logger"]) == (2, 12.35, "info", "citylife.test")
    assert ours["at"].endswith("Z")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("one of 2", "warning", "library")


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_taken_out_wherever_it_hides(said, secret):
    log = structlog.get_logger("citylife.test")
    sentence = f"said {secret}"
    log.info(sentence, token=secret, endpoint=secret, nested={"email": secret, "list": ["x", {"auth": secret}]})
    logging.getLogger("library").error("it said Bearer %s and postgresql://u:%s@host/db", secret, "hunter2")
    try:
        write_twice(secret)
    except IntegrityError:
        log.exception("write failed")
        logging.getLogger("library").exception("write failed")
    text = said.getvalue()
    assert len(lines(said)) == 4
    assert text.count("IntegrityError") >= 2, "the traceback itself stays"
    assert GONE in text
    assert [digits for digits in ("50.5301", "2.6403") if digits in text] == [], "no part of a position stays"
    if secret != "hunter2":
        assert secret not in text
    else:
        assert text.count(secret) == 1, "a plain word in a sentence has no shape; only fields and forms are known"


def test_coordinates_are_taken_out_of_numbers_too(said):
    structlog.get_logger().info("near", latitude=50.52963, where=[50.52963, 2.64012], text="50.52963, 2.64012")
    assert "50.529" not in said.getvalue()
    assert "2.640" not in said.getvalue()


def test_ids_versions_and_moments_stay_readable(said):
    ident = "018f4a3e-7b6c-7def-8abc-0123456789ab"
    message = f"v0.1.0 1.234.5 at 2026-11-24T20:55:01.123456Z for 0:00:01.123456 {ident} https://example.org 201"
    structlog.get_logger().info(message)
    assert lines(said)[0]["event"] == message


def test_a_server_that_brings_its_own_configuration_says_the_same(said):
    config = standard_logging("INFO")
    config["handlers"]["out"]["stream"] = said
    logging.config.dictConfig(config)
    logging.getLogger("_granian").info("not worth a line")
    logging.getLogger("_granian").error("worker died for camille.durand@exemple.fr")
    (line,) = lines(said)
    assert line["event"] == f"worker died for {GONE}"
