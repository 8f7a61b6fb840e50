"""A merchant is invited, taps the link of her letter, makes a key: through the real program and a real mail server."""

import re
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from citylife.doorbell import ThreadDoorbell
from citylife.keys import keys_of
from citylife.settings import Settings
from notifications import postman
from notifications.worker import Worker
from tests.builders import a_merchant
from tests.commands.instances import PATIENCE, Instance
from tests.doubles.mail_server import MailServer, Taken
from wsgi import create_app

pytestmark = pytest.mark.long

EMAIL = "camille@boulangerie.example"


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    made = Instance(tmp_path / "instance")
    for command in ("init", "demo"):
        done = made.call(command)
        assert done.returncode == 0, done.stderr
    return made


def a_browser(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Accept": "text/html"}, timeout=PATIENCE)


def nth(server: MailServer, number: int) -> Taken:
    """The mail server's letter of this number, once it has come."""
    until = time.monotonic() + PATIENCE
    while len(server.taken) < number:
        assert time.monotonic() < until, f"{len(server.taken)} of {number} letters came: {server.refused}"
        time.sleep(0.05)
    return server.taken[number - 1]


def test_from_the_invitation_to_a_key_that_works(instance: Instance, tmp_path: Path):
    with MailServer(tmp_path, scheme="smtp+starttls", password=True) as server:
        instance.settings = {"CITYLIFE_SMTP_URL": server.url, "SSL_CERT_FILE": str(server.certificates.ca_file)}
        invited = instance.call("merchants", "invite", EMAIL, "au-pain-de-la-gohelle-bethune")
        assert (invited.returncode, invited.stderr) == (0, "")
        with instance.serving() as url, a_browser(url) as browser:
            letter = nth(server, 1)
            assert (letter.encrypted, letter.user, letter.recipients) == (True, "citylife", [EMAIL])
            (link,) = re.findall(r"https?://\S+", letter.message.get_content())
            assert link.startswith(f"{url}/connexion/lien/")
            assert EMAIL in browser.get(link).text
            ours = {"Origin": url}
            tapped = browser.post(link, headers=ours)
            assert (tapped.status_code, tapped.headers["Location"]) == (303, "/connexion/cle")
            cookie = tapped.headers["Set-Cookie"].partition(";")[0]
            browser.headers["Cookie"] = cookie  # browsers send secure cookies to http://localhost; this client does not
            assert EMAIL in browser.get("/compte").text
            assert browser.post(link, headers=ours).status_code == 410
            made = browser.post(
                "/api/v1/merchant/keys", json={"label": "Caisse", "scopes": ["read"]}, headers=ours
            ).json()
            key = {"Authorization": f"Bearer {made['token']}"}
            shops = httpx.get(f"{url}/api/v1/merchant/shops", headers=key, timeout=PATIENCE).json()["items"]
            assert [shop["slug"] for shop in shops] == ["au-pain-de-la-gohelle-bethune"]

            asked = httpx.post(f"{url}/api/v1/sign-in", json={"email": EMAIL}, timeout=PATIENCE).json()
            code = re.search(r"\b(\d{3})\s(\d{3})\b", nth(server, 2).message.get_content())
            assert code is not None
            body = {"request_id": asked["request_id"], "code": "".join(code.groups())}
            opened = httpx.post(f"{url}/api/v1/sign-in/code", json=body, timeout=PATIENCE)
            assert opened.status_code == 201
            assert browser.get("/compte").text.count('class="card session"') == 2
    said = instance.printed()
    secrets = [
        link.rpartition("/")[2],
        made["token"],
        opened.json()["token"],
        EMAIL,
        body["code"],
        cookie.partition("=")[2],
    ]
    assert [secret for secret in secrets if secret in said] == [], "the log says nothing of whom nor of what"
    assert '"route":"/connexion/lien/<token>"' in said


def test_a_letter_leaves_at_once_for_the_web_rings_for_it(
    database_url: str, engine: Engine, sessions: sessionmaker[Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postman, "LOOK_EVERY", 3600.0)
    with sessions.begin() as session:
        a_merchant(session, EMAIL)
    with MailServer(tmp_path, scheme="smtp") as server:
        settings = Settings(
            instance=tmp_path / "instance", database_url=database_url, smtp_url=server.url, log_level="CRITICAL"
        )
        bell = ThreadDoorbell()
        app, worker = create_app(settings, doorbell=bell), Worker(settings, keys_of(settings), engine, bell=bell)
        worker.start()
        try:
            time.sleep(0.5)  # the worker has looked and rests: all that can wake it within the hour is the bell
            assert app.test_client().post("/api/v1/sign-in", json={"email": EMAIL}).status_code == 202
            assert nth(server, 1).recipients == [EMAIL]
        finally:
            worker.stop()
            app.extensions["citylife"].close()


def test_without_a_mail_server_the_letter_is_printed_and_kept(instance: Instance):
    invited = instance.call("staff", "invite", "ana@cluster.example", "--role", "watch")
    link = invited.stdout.splitlines()[-1]
    with instance.serving() as url:
        token = link.rpartition("/")[2]
        until = time.monotonic() + PATIENCE
        while token not in instance.printed():
            assert time.monotonic() < until, instance.printed()
            time.sleep(0.05)
        (kept,) = (instance.folder / "mail").iterdir()
        assert kept.suffix == ".eml"
        tapped = httpx.post(f"{url}/connexion/lien/{token}", headers={"Origin": url}, timeout=PATIENCE)
        assert tapped.headers["Location"] == "/console"
        assert tapped.headers["Set-Cookie"].startswith("__Host-citylife-staff=cls_")
