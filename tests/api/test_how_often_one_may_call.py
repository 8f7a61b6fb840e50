"""Limits: who is told to come back later, when, and who is not held up with her."""

import dataclasses
import datetime as dt
import re
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import func, select

from citylife.accounts.citizens import Citizen
from citylife.limits import Pace, forget_paces
from citylife.settings import SettingRefused, Settings
from tests.builders import NOW, an_offer
from wsgi import create_app

OURS = {"Sec-Fetch-Site": "same-origin"}
CAFE, HOME = "192.0.2.7", "198.51.100.1"


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def become(client, address=CAFE, **headers):
    return client.post("/api/v1/citizens", environ_overrides={"REMOTE_ADDR": address}, headers=headers)


def read(client, path="/api/v1/categories", address=CAFE, **headers):
    return client.get(path, environ_overrides={"REMOTE_ADDR": address}, headers=headers)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def limits() -> tuple[str, ...]:
    return ("calls=8", "calls-without-token=4", "merchant-writes=3")


@pytest.fixture
def strict(town, database_url, tmp_path, limits, clock) -> Iterator[Flask]:
    """The application, with limits that are soon reached."""
    settings = Settings(
        instance=tmp_path / "instance", database_url=database_url, log_level="WARNING", limits=limits, trusted_proxies=0
    )
    app = create_app(settings, clock=clock)
    yield app
    app.extensions["citylife"].close()


def test_a_cafe_may_make_thirty_citizens_an_hour_and_then_is_told_when_to_come_back(town):
    client = town.client
    made = [become(client) for _ in range(30)]
    assert {answer.status_code for answer in made} == {201}
    assert (
        made[0].headers["RateLimit-Policy"] == '"new-citizens-an-hour";q=30;w=3600, "new-citizens-a-day";q=200;w=86400'
    )
    assert made[0].headers["RateLimit"] == '"new-citizens-an-hour";r=29;t=120, "new-citizens-a-day";r=199;t=432'

    refused = become(client, **{"Accept-Language": "en"})

    assert (refused.status_code, slug_of(refused)) == (429, "too-many-requests")
    assert refused.json["detail"] == "Too many requests in a short time. Try again later."
    assert refused.headers["Retry-After"] == "120"
    assert refused.headers["RateLimit"] == '"new-citizens-an-hour";r=0;t=3600'
    assert become(client, HOME).status_code == 201, "nobody else is held up"
    assert read(client).status_code == 200, "nothing else is limited with it"
    town.clock.forward(minutes=1, seconds=59)
    assert become(client).status_code == 429
    town.clock.forward(seconds=1)
    assert become(client).status_code == 201


def test_two_hundred_a_day_are_enough_for_one_address(town):
    for _ in range(8):
        assert {become(town.client).status_code for _ in range(30)} == {201}
        town.clock.forward(hours=1)
    refused = [become(town.client) for _ in range(30)][-1]
    assert refused.status_code == 429
    assert refused.headers["RateLimit"].startswith('"new-citizens-a-day";r=0;')
    town.clock.forward(seconds=int(refused.headers["Retry-After"]))
    assert become(town.client).status_code == 201


def test_an_ipv6_network_of_64_bits_is_one_place(town):
    for number in range(30):
        assert become(town.client, f"2001:db8:0:1::{number:x}").status_code == 201
    assert become(town.client, "2001:db8:0:1:ffff::1").status_code == 429
    assert become(town.client, "2001:db8:0:2::1").status_code == 201
    assert become(town.client, "::ffff:192.0.2.7").status_code == 201


def test_following_from_the_page_makes_a_citizen_under_the_same_limit(town):
    shop = town.shop()
    here = {"environ_overrides": {"REMOTE_ADDR": CAFE}, "headers": OURS}
    for _ in range(30):
        assert town.client.post(f"/s/{shop.slug}/follow", **here).status_code == 303
    assert town.client.post(f"/s/{shop.slug}/follow", **here).status_code == 429
    assert become(town.client).status_code == 429
    citizen = town.citizen()
    known = {**here, "headers": {**OURS, "Cookie": f"__Host-citylife={citizen.token}"}}
    assert town.client.post(f"/s/{shop.slug}/follow", **known).status_code == 303


def test_a_repeated_request_and_a_refused_one_make_nobody_and_are_not_counted(town):
    key = {"Idempotency-Key": "a-key-of-sixteen-or-more"}
    for _ in range(5):
        become(town.client, **key)
        assert town.client.post("/api/v1/citizens", json={"x": 1}).status_code == 422
    assert become(town.client).headers["RateLimit"].startswith('"new-citizens-an-hour";r=28;')


def test_many_at_once_never_make_more_than_the_limit(town):
    together = threading.Barrier(8)
    answers = []

    def call() -> None:
        client = town.client
        together.wait()
        answers.extend(become(client).status_code for _ in range(8))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(set(answers)) == [201, 429]
    assert answers.count(201) == 30
    with town.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Citizen)) == 30


def test_what_is_kept_of_an_address_is_another_digest_each_day_and_is_purged(town):
    become(town.client)
    town.clock.forward(days=1)
    become(town.client)
    with town.sessions.begin() as session:
        kept = session.scalars(select(Pace).where(Pace.limit_name == "new-citizens-a-day")).all()
        assert len({pace.subject for pace in kept}) == 2
        assert all(len(pace.subject) == 32 and CAFE.encode() not in pace.subject for pace in kept)
        assert forget_paces(session, now=town.clock() + dt.timedelta(days=1)) == 4


def test_a_token_has_its_own_limit_and_a_shared_address_is_not_punished(town, strict):
    client = strict.test_client(use_cookies=False)
    one, other, late = (bearer(town.citizen().token) for _ in range(3))
    answers = [read(client, "/api/v1/me", **one) for _ in range(9)]
    assert [answer.status_code for answer in answers] == [200] * 8 + [429]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"calls";q=8;w=60'}
    assert "RateLimit" not in answers[2].headers
    assert re.fullmatch(r'"calls";r=[34];t=\d+', answers[4].headers["RateLimit"])
    assert answers[8].headers["RateLimit"] == '"calls";r=0;t=60'
    assert 1 <= int(answers[8].headers["Retry-After"]) <= 8
    assert read(client, "/api/v1/me", HOME, **one).status_code == 429, "her limit goes where she goes"
    assert read(client, "/api/v1/me/feed", **one).status_code == 429
    assert read(client, "/api/v1/me/feed", **other).status_code == 200

    strangers = [read(client) for _ in range(5)]
    assert [answer.status_code for answer in strangers] == [200] * 4 + [429]
    assert strangers[4].headers["RateLimit"].startswith('"calls-without-token";r=0;')
    assert read(client, address=HOME).status_code == 200
    assert read(client, **other).status_code == 200, "known here, she reads on where strangers wait"
    assert read(client, "/api/v1/me/feed", **late).status_code == 200, "so does who comes only now"
    assert read(client, **late).status_code == 200
    for path in ("/healthz", "/readyz"):
        assert read(client, path).status_code == 200


def test_the_cookie_of_a_page_counts_as_the_token_it_is(town, strict):
    client = strict.test_client(use_cookies=False)
    shop = town.shop()
    citizen = town.citizen()
    hers = {"Cookie": f"other=1; __Host-citylife={citizen.token}"}
    pages = [read(client, f"/s/{shop.slug}", **hers).status_code for _ in range(9)]
    assert pages == [200] * 9, "the first against the address, by which she was known; then hers"
    assert read(client, f"/s/{shop.slug}", **hers).status_code == 429
    assert read(client, "/api/v1/me", **bearer(citizen.token)).status_code == 429
    assert read(client, f"/s/{shop.slug}").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/me/feed", "/api/v1/merchant/shops", "/api/v1/categories"])
def test_whoever_invents_tokens_is_counted_by_her_address(strict, path):
    client = strict.test_client(use_cookies=False)
    answers = [read(client, path, **bearer(f"{number:064}")) for number in range(6)]
    assert [answer.status_code for answer in answers[4:]] == [429, 429]
    assert 429 not in [answer.status_code for answer in answers[:4]]
    assert "Retry-After" in answers[4].headers


def test_a_token_is_one_however_its_header_is_written(town, strict):
    client = strict.test_client(use_cookies=False)
    token = town.citizen().token
    forms = ["Bearer {}", "bearer {}", "Bearer  {}", "BEARER {} "]
    answers = [
        read(client, "/api/v1/me", Authorization=forms[number % 4].format(token)).status_code for number in range(9)
    ]
    assert answers == [200] * 8 + [429]


@pytest.mark.parametrize("limits", [("calls=100", "merchant-writes=3")])
def test_a_merchant_may_change_so_much_an_hour_by_whichever_key(town, strict):
    shop = town.shop()
    merchant, other = town.merchant(shop), town.merchant(shop)
    for caller in (merchant, other):
        caller.client = strict.test_client(use_cookies=False)
    draft = {"title": "Gaufres", "ends_at": (NOW + dt.timedelta(hours=3)).isoformat()}
    path = f"/merchant/shops/{shop.id}/offers"
    answers = [merchant.post(path, json=draft) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201] * 3 + [429]
    assert answers[3].headers["RateLimit"] == '"merchant-writes";r=0;t=3600'
    assert answers[3].headers["Retry-After"] == "1200"
    assert merchant.get(path).status_code == 200, "she reads on"
    assert other.post(path, json=draft).status_code == 201
    assert len(merchant.get(path).json["items"]) == 4
    town.clock.forward(minutes=20)
    assert merchant.post(path, json={"title": ""}).status_code == 422
    assert merchant.post(path, json=draft).status_code == 201, "what was refused was not counted"


def test_ten_offers_an_hour_may_be_reported_from_one_address(town):
    shop = town.shop()
    with town.sessions.begin() as session:
        offer = an_offer(session, shop, now=NOW)
    said = {"json": {"offer_id": str(offer.id), "reason": "misleading"}}
    here, there = ({"environ_overrides": {"REMOTE_ADDR": address}} for address in (CAFE, HOME))
    answers = [town.client.post("/api/v1/reports", **said, **here) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429]
    assert answers[10].headers["Retry-After"] == "360"
    assert town.client.post("/api/v1/reports", **said, **there).status_code == 202


def test_limits_are_set_by_name(tmp_path, town):
    for wrong in (("nothing=3",), ("calls=0",), ("calls=x",), ("calls",), ("calls=1000001",), ("calls=-1",)):
        with pytest.raises(SettingRefused, match="CITYLIFE_LIMITS"):
            create_app(Settings(instance=tmp_path, limits=wrong))
    read = Settings.read({"CITYLIFE_LIMITS": "*=1000000, calls=7"}, env_file=None)
    assert read.quotas == {"*": 1_000_000, "calls": 7}
    app = create_app(dataclasses.replace(read, instance=tmp_path, log_level="ERROR"))
    answer = app.test_client().get("/api/v1/categories")
    assert answer.headers["RateLimit-Policy"] == '"calls-without-token";q=1000000;w=60'
    app.extensions["citylife"].close()


def behind(tmp_path, database_url, hops: int) -> Flask:
    return create_app(
        Settings(
            instance=tmp_path / f"hops{hops}",
            database_url=database_url,
            base_url="https://citylife.example",
            trusted_hosts=("citylife.example", ".citylife.example"),
            trusted_proxies=hops,
            limits=("calls-without-token=2", "new-citizens-an-hour=1"),
            log_level="ERROR",
        )
    )


def test_whoever_pretends_to_be_elsewhere_is_still_where_she_is(town, tmp_path, database_url):
    for hops in (0, 1, 2):
        app = behind(tmp_path, database_url, hops)
        client = app.test_client(use_cookies=False)
        honest = [f"203.0.113.{hops}"] * hops
        seen = []
        for number in range(4):
            forwarded = {
                "Host": "citylife.example",
                "X-Real-IP": f"10.0.0.{number}",
                "Forwarded": f"for=10.0.1.{number}",
            }
            if hops or number:
                forwarded["X-Forwarded-For"] = ", ".join([f"10.0.2.{number}", f"10.0.3.{number}", *honest])
            seen.append(read(client, **forwarded).status_code)
        assert seen == [200, 200, 429, 429], hops
        if hops:
            other = {"Host": "citylife.example", "X-Forwarded-For": ", ".join(["10.0.0.1", *["203.0.113.9"] * hops])}
            assert read(client, **other).status_code == 200
        app.extensions["citylife"].close()


def test_a_poisoned_host_is_in_no_answer(town, tmp_path, database_url):
    shop = town.shop()
    with town.sessions.begin() as session:
        offer = an_offer(session, shop, now=NOW)
    poisons = ({"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Server": "evil.example"}, {"X-Host": "evil.example"})
    app = behind(tmp_path, database_url, 0)
    for poison in poisons:
        for path in (f"/s/{shop.slug}", f"/o/{offer.id}", "/", "/api/v1/nowhere", "/api/v1/shops?limit=1", "/api/docs"):
            headers = {"Host": "www.citylife.example", **poison}
            client = app.test_client(use_cookies=False)
            with client.get(path, headers=headers, environ_overrides={"REMOTE_ADDR": f"192.0.2.{len(path)}"}) as answer:
                assert "evil.example" not in answer.text
                assert "evil.example" not in str(answer.headers)
                assert "//www.citylife.example" not in answer.text, "addresses are those of the base URL"
    for impossible in (f"{'a' * 64}.citylife.example", "www..citylife.example"):
        elsewhere = app.test_client(use_cookies=False)
        asked = elsewhere.get("/", headers={"Host": impossible}, environ_overrides={"REMOTE_ADDR": "192.0.2.250"})
        assert asked.status_code == 400
    follow = app.test_client(use_cookies=False).post(
        f"/s/{shop.slug}/follow", headers={"Host": "citylife.example", "X-Forwarded-Host": "evil.example", **OURS}
    )
    assert follow.headers["Location"] == f"/s/{shop.slug}#suivre"
    app.extensions["citylife"].close()
    proxied = behind(tmp_path, database_url, 1)
    refused = proxied.test_client().get("/", headers={"Host": "citylife.example", "X-Forwarded-Host": "evil.example"})
    assert refused.status_code == 400
    assert "evil.example" not in refused.text
    proxied.extensions["citylife"].close()
