"""The web's side of a broker: an answer never waits for it, readiness does not hang on it, and no thread stays."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Role, join_team
from citylife.doorbell import BellState
from citylife.keys import new_vapid_key
from citylife.offers import OfferStatus
from citylife.settings import Settings
from notifications.broker import BrokerDoorbell
from tests import builders
from tests.doubles.relay import Relay
from wsgi import create_app

PATIENCE = 60.0


def eventually(condition: Callable[[], object]) -> bool:
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def ringers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "citylife-doorbell"]


def bell_of(app: Flask) -> BrokerDoorbell:
    bell = app.extensions["citylife"].doorbell
    assert isinstance(bell, BrokerDoorbell)
    return bell


@contextmanager
def an_app(database_url: str, folder: Path, port: int) -> Iterator[Flask]:
    app = create_app(
        Settings(
            instance=folder / "instance",
            database_url=database_url,
            broker_url=f"amqp://citylife:secret@127.0.0.1:{port}",
            secret_key="s" * 43,
            vapid_private_key=new_vapid_key(),
            log_level="WARNING",
        ),
        clock=lambda: builders.NOW,
    )
    try:
        yield app
    finally:
        bell_of(app).stop()
        app.extensions["citylife"].close()


def published(app: Flask, sessions: sessionmaker[Session]) -> int:
    """Publish an offer through the API; the status of the answer."""
    with sessions.begin() as session:
        shop, merchant = builders.a_shop(session), builders.a_merchant(session)
        join_team(session, merchant, shop, Role.OWNER, now=builders.NOW)
        _, token = builders.a_key(session, merchant)
        offer = builders.an_offer(session, shop, status=OfferStatus.DRAFT)
    headers = {"Authorization": f"Bearer {token}"}
    with app.test_client().post(f"/api/v1/merchant/offers/{offer.id}/publish", headers=headers) as answer:
        return answer.status_code


@pytest.mark.long
@pytest.mark.parametrize("how", ["refuses", "hangs"])
def test_publishing_is_answered_while_the_broker_is_still_being_tried(database_url, sessions, tmp_path, how):
    with Relay() as relay:
        relay.fall_silent() if how == "hangs" else relay.go_away()
        with an_app(database_url, tmp_path, relay.port) as app:
            assert ringers() == []
            assert app.test_client().get("/readyz").json["broker_reachable"] is None
            assert published(app, sessions) == 200
            if how == "hangs":  # the answer is there, and the attempt has not come to its end
                assert bell_of(app).state == BellState("rabbitmq", None)
            assert eventually(lambda: bell_of(app).state.reachable is False)
            ready = app.test_client().get("/readyz")
            assert (ready.status_code, ready.json["doorbell"]) == (200, "rabbitmq")
            assert ready.json["broker_reachable"] is False
    assert ringers() == []
