"""One id leads through the log from an offer's publication to its being opened; nothing there says to whom it went."""

import io
import json
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from citylife.devices import Device
from citylife.doorbell import ThreadDoorbell
from citylife.ledger.tables import Delivery, Message
from citylife.logs import configure_logs
from notifications.dispatcher import Dispatcher
from notifications.webpush_recording import RecordingSender
from tests import builders
from tests.api.conftest import Town


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the log says, as operators set it up."""
    stream = io.StringIO()
    configure_logs("INFO", stream=stream)
    yield stream
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "root": {"level": "WARNING"}})
    structlog.reset_defaults()


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_an_offer_is_followed_from_publication_to_screen_by_its_id_alone(town: Town, written: io.StringIO):
    shop = town.shop()
    merchant = town.merchant(shop)
    followers = [town.citizen() for _ in range(5)]
    with town.sessions.begin() as session:
        for follower in followers:
            citizen = session.get_one(builders.Citizen, follower.id)
            builders.a_device(session, citizen, now=town.clock())
            builders.a_follow(session, citizen, session.merge(shop))
    draft = {"title": "Croissants", "ends_at": town.clock().replace(hour=18).isoformat()}
    offer = merchant.post(f"/merchant/shops/{shop.id}/offers", json=draft).json["id"]
    assert merchant.post(f"/merchant/offers/{offer}/publish").status_code == 200

    engine = town.app.extensions["citylife"].engine
    dispatcher = Dispatcher(
        engine, RecordingSender(), base_url="https://ville.example", bell=(bell := ThreadDoorbell()), clock=town.clock
    )
    for _ in range(40):
        bell.ring()
        dispatcher.turn()
    for follower in followers:
        assert follower.post(f"/me/offers/{offer}/opened").status_code == 204

    story = [line for line in lines(written) if line.get("offer") == offer]
    assert [line["event"] for line in story[:2]] == ["offer.published", "message.expanded"]
    assert story[1]["decisions"] == story[1]["deliveries"] == 5
    sent = [line for line in story if line["event"] == "message.sent"]
    assert sum(line.get("claimed", 0) for line in sent) == 5
    assert sum(line.get("accepted", 0) for line in sent) == 5
    assert [line["today"] for line in story if line["event"] == "offer.opened"] == [1, 2, 4]
    with town.sessions() as session:
        (message,) = session.scalars(select(Message.id)).all()
        assert {line["message"] for line in story if "message" in line} == {str(message)}

        said = written.getvalue()
        for device in session.scalars(select(Device)):
            assert device.endpoint not in said
            assert device.endpoint.rpartition("/")[2] not in said
            assert str(device.id) not in said
        for delivery in session.scalars(select(Delivery)):
            assert str(delivery.citizen_id) not in said
        for follower in followers:
            assert follower.token not in said
            assert str(follower.id) not in said


def test_a_publication_that_is_refused_is_not_in_the_log(town: Town, written: io.StringIO):
    shop = town.shop()
    merchant = town.merchant(shop)
    draft = {"title": "Croissants", "ends_at": town.clock().replace(hour=18).isoformat()}
    offer = merchant.post(f"/merchant/shops/{shop.id}/offers", json=draft).json["id"]
    assert merchant.post(f"/merchant/offers/{offer}/publish").status_code == 200
    assert merchant.post(f"/merchant/offers/{offer}/publish").status_code == 409
    assert [line["event"] for line in lines(written) if line.get("offer") == offer] == ["offer.published"]
