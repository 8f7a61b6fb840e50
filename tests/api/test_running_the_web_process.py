"""How the process answers when something is wrong, for those who run it, and what every answer carries."""

import uuid

import pytest
from flask import Flask
from sqlalchemy import event, text

from blueprints.api import territory
from citylife import migrations
from citylife.doorbell import BellState
from citylife.settings import Settings
from wsgi import create_app

NOBODY = "01936f00-0000-7000-8000-000000000000"


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def test_a_failure_says_nothing_of_the_inside(town, monkeypatch):
    def fail():
        raise RuntimeError("SELECT secret FROM citizens WHERE token = 'abc'")

    monkeypatch.setattr(territory, "communes", fail)
    answer = town.client.get("/api/v1/communes")
    assert (answer.status_code, slug_of(answer)) == (500, "failure")
    for inside in ("SELECT", "Traceback", "RuntimeError", "territory", "abc"):
        assert inside not in answer.text


def test_a_database_that_is_away_is_said_and_forgotten_when_it_is_back(town, sqlite_url, tmp_path):
    settings = Settings(instance=tmp_path / "i", database_url="postgresql+psycopg://postgres@127.0.0.1:1/none")
    app = create_app(settings)
    client = app.test_client()
    for path in ("/api/v1/shops", "/api/v1/offers/" + NOBODY, "/api/v1/me/feed"):
        token = town.citizen().token
        answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, slug_of(answer)) == (503, "unavailable"), path
        assert answer.headers["Retry-After"] == "5"
        assert "127.0.0.1" not in answer.text
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["database"]) == (503, "unreachable")
    assert client.get("/healthz").status_code == 200
    assert "citylife_database_up 0.0" in client.get("/metrics").text
    app.extensions["citylife"].close()


def test_a_feed_whose_connection_broke_is_served_again(town):
    citizen = town.citizen()
    assert citizen.get("/me/feed").status_code == 200
    town.app.extensions["citylife"].kept.read(lambda connection: connection._driver.close())
    assert citizen.get("/me/feed").status_code == 200


def test_the_feed_only_reads(town):
    kept = town.app.extensions["citylife"].kept
    with pytest.raises(Exception, match=r"(?i)readonly|read-only"):
        kept.read(lambda connection: connection.exec_driver_sql("DELETE FROM citizens", {}))


def test_health_readiness_and_metrics(town):
    assert town.client.get("/healthz").json == {"status": "alive"}
    ready = town.client.get("/readyz")
    assert (ready.status_code, ready.json["status"], ready.json["database"]) == (200, "ready", "migrated")
    assert ready.json["ledger_lag_seconds"] == 0
    assert ready.json["sending"] == "open"
    town.shop()
    assert town.client.get("/readyz").json["sending"] == "refused"
    town.client.get("/api/v1/communes")
    metrics = town.client.get("/metrics")
    assert metrics.content_type.startswith("text/plain")
    assert 'citylife_requests_total{method="GET",route="/api/v1/communes",status="200"} 1.0' in metrics.text
    assert "citylife_deliveries_lag_seconds 0.0" in metrics.text
    assert "citylife_database_up 1.0" in metrics.text


def test_a_database_without_our_schema_is_not_ready(tmp_path):
    app = create_app(Settings(instance=tmp_path, log_level="ERROR"))
    ready = app.test_client().get("/readyz")
    assert (ready.status_code, ready.json["database"]) == (503, "not-migrated")
    app.extensions["citylife"].close()


@pytest.mark.parametrize(("revision", "status", "said"), [("9999", 200, "newer"), ("0046", 503, "not-migrated")])
def test_a_process_goes_on_where_the_schema_is_newer_and_not_where_it_is_older(town, revision, status, said):
    engine = town.app.extensions["citylife"].engine.execution_options(writes=True)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    try:
        ready = town.client.get("/readyz")
    finally:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": migrations.HEAD})
    assert (ready.status_code, ready.json["database"]) == (status, said)
    assert ready.json["status"] == ("ready" if status == 200 else "unready")
    assert ready.json["sending"] == ("open" if status == 200 else None)


def test_every_answer_carries_the_security_headers(town):
    for path in ("/api/v1/communes", "/api/v1/nowhere", "/api/v1/me", "/healthz", "/metrics", "/api/openapi.json", "/"):
        with town.client.get(path) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'")
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["Referrer-Policy"] in {"no-referrer", "same-origin"}
            assert "Server" not in answer.headers
            assert "Strict-Transport-Security" not in answer.headers


def secure_app(tmp_path, database_url, **options) -> Flask:
    settings = Settings(
        instance=tmp_path / "s",
        database_url=database_url,
        base_url="https://citylife.example",
        log_level="ERROR",
        **options,
    )
    return create_app(settings)


@pytest.mark.parametrize("host", ["10.0.0.2:8000", "127.0.0.1:8000", "[::1]:8000", "web-2", "no_name!", None])
def test_checks_and_scrapes_ask_by_any_name_and_nobody_else_does(tmp_path, sqlite_url, host):
    app = secure_app(tmp_path, sqlite_url)
    client = app.test_client()

    def asked(path: str, **others: str):
        return client.get(path, headers={"Host": host, **others} if host else others, environ_overrides=unnamed)

    unnamed = {} if host else {"HTTP_HOST": None}
    assert [asked(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
    assert asked("/readyz", Upgrade="h2c").json["status"] == "ready"
    for path in ("/", "/api/v1/communes", "/healthz/", "//healthz", "/readyz/x", "/api/v1/me/feed"):
        assert asked(path).status_code == 400, path
    app.extensions["citylife"].close()


def test_over_https_the_cookie_is_host_bound_and_transport_is_strict(town, tmp_path, database_url):
    app = secure_app(tmp_path, database_url)
    client = app.test_client()
    https = {"base_url": "https://citylife.example"}
    ours = {"Sec-Fetch-Site": "same-origin"}
    answer = client.post("/api/v1/citizens", json={"cookie": True}, headers=ours, **https)
    assert answer.headers["Set-Cookie"].startswith("__Host-citylife=")
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    app.extensions["citylife"].close()


def test_over_plain_http_elsewhere_the_cookie_is_not_called_secure(town, tmp_path, database_url):
    settings = Settings(
        instance=tmp_path / "p", database_url=database_url, base_url="http://192.0.2.7:8000", log_level="ERROR"
    )
    app = create_app(settings)
    there = {"base_url": "http://192.0.2.7:8000", "headers": {"Sec-Fetch-Site": "same-origin"}}
    answer = app.test_client().post("/api/v1/citizens", json={"cookie": True}, **there)
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("citylife=")
    assert "Secure" not in cookie
    app.extensions["citylife"].close()


def test_a_host_that_is_not_ours_is_refused(town):
    for host in ("evil.example", "localhost.evil.example", "localhost@evil.example", ""):
        answer = town.client.get("/api/v1/communes", headers={"Host": host})
        assert answer.status_code == 400, host
    assert town.client.get("/api/v1/communes", headers={"Host": "127.0.0.1:8000"}).status_code == 200


def test_forwarded_headers_are_believed_only_behind_a_trusted_proxy(tmp_path, database_url):
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "citylife.example", "Host": "inside:8000"}
    for hops, status in ((0, 400), (1, 200)):
        app = secure_app(tmp_path, database_url, trusted_proxies=hops)
        assert app.test_client().get("/api/v1/communes", headers=forwarded).status_code == status
        app.extensions["citylife"].close()


def test_a_refused_request_leaves_no_transaction_open(town):
    begun = []
    engine = town.app.extensions["citylife"].engine
    event.listen(engine, "commit", lambda _: begun.append("commit"))
    event.listen(engine, "rollback", lambda _: begun.append("rollback"))
    citizen = town.citizen()
    citizen.patch("/me", json={"weekly_budget": 99})
    assert begun == ["rollback"]
    assert engine.pool.checkedout() == 0
    citizen.patch("/me", json={"weekly_budget": 9})
    assert begun == ["rollback", "commit"]


def test_a_request_s_line_in_the_log_says_nothing_of_who_or_where(database_url, tmp_path, capfdbinary, sessions):
    app = create_app(Settings(instance=tmp_path / "l", database_url=database_url))
    token = app.test_client().post("/api/v1/citizens").json["token"]
    secret = str(uuid.uuid4())
    app.test_client().get(f"/api/v1/me?position=50.53&x={secret}", headers={"Authorization": f"Bearer {token}"})
    app.test_client().get(f"/api/v1/shops/{secret}")
    lines = capfdbinary.readouterr().err.decode()
    assert '"route":"/api/v1/shops/<slug:slug>"' in lines
    assert '"route":"/api/v1/me"' in lines
    for unsaid in (secret, token, "50.53", "127.0.0.1"):
        assert unsaid not in lines
    app.extensions["citylife"].close()


@pytest.mark.parametrize(("reachable", "said"), [(True, "1.0"), (False, "0.0"), (None, None)])
def test_whether_the_broker_answers_is_a_figure_where_there_is_one(town, reachable, said):
    town.doorbell.state = BellState("rabbitmq", reachable)
    series = [line for line in town.client.get("/metrics").text.splitlines() if "broker_reachable{" in line]
    assert series == ([] if said is None else [f'citylife_broker_reachable{{kind="rabbitmq"}} {said}'])
