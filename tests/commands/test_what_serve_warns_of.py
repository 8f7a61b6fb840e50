"""`citylife serve` says as it starts what is set in a way that matters."""

import datetime as dt
import socket
from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from blueprints.commands.welcome import where_to_go
from citylife.settings import Settings
from tests.builders import NOW, a_shop
from tests.commands.instances import Said


@pytest.mark.parametrize(
    ("base_url", "proxies", "warned"),
    [
        ("https://ville.example", 0, True),
        ("https://ville.example", 1, False),
        ("http://localhost:8000", 0, False),
    ],
    ids=["https and nobody trusted", "https and one trusted", "local"],
)
def test_an_https_address_without_a_trusted_proxy_is_said(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, base_url: str, proxies: int, warned: bool
):
    settings = Settings(base_url=base_url, trusted_proxies=proxies, contact="mailto:us@ville.example")
    for lang, word in {"fr_FR.UTF-8": "ATTENTION", "en_GB.UTF-8": "WARNING"}.items():
        monkeypatch.setenv("LC_ALL", lang)
        said = list(where_to_go(engine, settings, now=NOW))
        assert [line.split()[0].strip(":\u00a0") for line in said if "CITYLIFE_TRUSTED_PROXIES" in line] == [
            word
        ] * warned


def test_a_worker_whose_metrics_cannot_be_shown_says_so_and_does_not_start(citylife: Callable[..., Said]):
    assert citylife("init").code == 0
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        done = citylife("work", CITYLIFE_METRICS_PORT=taken, LANG="en_GB.UTF-8")
    assert done.code == 1
    assert f"Cannot listen on 127.0.0.1, port {taken}" in done.err
    assert "Traceback" not in done.err


def test_serve_and_the_list_of_stops_say_that_nothing_leaves_before_the_aipd(
    engine: Engine, sessions: sessionmaker[Session], citylife: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    undone, done = Settings(), Settings(aipd_date=dt.date(2025, 1, 2))
    with sessions.begin() as session:
        a_shop(session, fictional=True)
    assert not any("CITYLIFE_AIPD_DATE" in line for line in where_to_go(engine, undone, now=NOW))
    with sessions.begin() as session:
        a_shop(session)
    assert any("CITYLIFE_AIPD_DATE" in line for line in where_to_go(engine, undone, now=NOW))
    assert not any("CITYLIFE_AIPD_DATE" in line for line in where_to_go(engine, done, now=NOW))

    url = engine.url.render_as_string(hide_password=False)
    listed = citylife("sending", "list", CITYLIFE_DATABASE_URL=url, CITYLIFE_AIPD_DATE="")
    assert (listed.code, "CITYLIFE_AIPD_DATE" in listed.out) == (0, True)
    listed = citylife("sending", "list", CITYLIFE_DATABASE_URL=url)
    assert (listed.code, "CITYLIFE_AIPD_DATE" in listed.out) == (0, False)
