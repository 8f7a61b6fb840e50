"""Attacks on whoever has a cookie, on caches, on headers and on the log, tried on every address of the matrix."""

import io
import logging.config
import re
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import pytest
import structlog
from justhtml import JustHTML

from citylife.logs import configure_logs
from tests.api.doors import SAFE, Caller, Line, Side
from tests.api.matrix import TABLE
from tests.api.stage import ARGUMENT, Stage, a_stage

pytestmark = pytest.mark.long

LINES = [pytest.param(line, id=line.address) for line in TABLE]
UNSAFE = [pytest.param(line, id=line.address) for line in TABLE if line.verb not in SAFE]
EVIL = "evil.example"
FROM_ELSEWHERE = [
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "none"},
    {"Sec_Fetch_Site": "cross-site", "Origin": "http://localhost:8000"},
    {"Sec_Fetch_Site": "", "Origin": f"https://{EVIL}"},
]
"""What a browser says, or is made to say, of a page that is not ours; `Referer` is believed in no case."""
MADE_ELSEWHERE = {
    "/console/mesures/objectifs/<uuid:target_id>/approuver",
    "/console/mesures/envois/<period>/renvoyer",
    "/s/<slug>/unfollow",
    "/autour",
    "/mes-commerces/<slug>/take-back",
    "/reglages/telephone/secours/revoke",
    "/courriel/parti/<token>/annuler",
    "/commerce/series/<uuid:recurring_id>/passer/annuler",
    "/commerce/offres/<uuid:offer_id>/utilise/annuler",
    "/commerce/<uuid:shop_id>/code",
    "/console/commerces/<uuid:shop_id>/lettre",
    "/console/commerces/<uuid:shop_id>/refuser",
    "/console/commerces/<uuid:shop_id>/reprendre",
    "/console/commerces/<uuid:shop_id>/verifier",
    "/console/signalements/<uuid:report_id>/recours/accepter",
    "/console/signalements/<uuid:report_id>/recours/refuser",
    "/commerce/<uuid:shop_id>/photo/retirer",
    "/commerce/<uuid:shop_id>/photo/remettre",
    "/api/v1/merchant/shops/<uuid:shop_id>/photos",
}
"""Forms in no page as it comes: for who follows, who has just left, or who has a code for a phone that is lost; for an
offer just sold out by a letter's link; for a shop that shows a photo, or did, or
that a letter with a code was posted to, or that staff decide on; an appeal; one that a script makes of a position;
and a picture that programs send."""
SPLITTING = "x\r\nSet-Cookie: stolen=1\r\n\r\n<script>"


@pytest.fixture(scope="module")
def stage(tmp_path_factory, sqlite_template) -> Iterator[Stage]:
    with closing(a_stage(tmp_path_factory.mktemp("attacks"), sqlite_template)) as stage:
        yield stage


def by_cookie(stage: Stage) -> list[Caller]:
    return [caller for caller in stage.callers if caller.ours and caller.realm is not None]


def hers(stage: Stage, line: Line, caller: Caller) -> list[Side]:
    return [side for side in stage.sides(line) if line.expected(caller, line.verb, side) < 400]


@pytest.mark.parametrize("line", UNSAFE)
def test_no_page_of_another_site_acts_with_anybody_s_cookie(stage, line):
    before = stage.written()
    tried = 0
    for caller in by_cookie(stage):
        if line.door.realms and caller.realm not in line.door.realms:
            continue
        for side in hers(stage, line, caller):
            for headers in FROM_ELSEWHERE:
                if not (line.door.realms or line.door.form):
                    continue  # whatever comes of it, her cookie has no part in it
                with stage.ask(line, line.verb, caller, side, **headers) as answer:
                    assert answer.status_code == 403, (caller.name, headers, answer.text)
                    assert "Set-Cookie" not in answer.headers
                tried += 1
    assert stage.written() == before
    assert tried or not (line.door.realms or line.door.form), "nobody's cookie was tried"


def test_every_form_of_every_page_is_tried_above_and_sends_nothing_by_get(stage):
    posts = {line.rule for line in TABLE if line.verb == "POST" and line.form is not None}
    found = set()
    adapter = stage.app.url_map.bind("localhost")
    for line in (line for line in TABLE if line.verb == "GET"):
        for caller in by_cookie(stage):
            for side in hers(stage, line, caller):
                with stage.ask(line, "GET", caller, side) as answer:
                    if not (answer.content_type or "").startswith("text/html"):
                        continue
                    page = JustHTML(answer.get_data(as_text=True), sanitize=False)
                for form in page.query("form"):
                    method = form.attrs.get("method", "get").upper()
                    action = form.attrs.get("action") or ARGUMENT.sub("x", line.rule)
                    assert action.startswith("/"), action
                    rule, _ = adapter.match(action.partition("?")[0], method=method, return_rule=True)
                    if method == "POST":
                        assert rule.rule in posts, (action, "is not in the matrix as a form")
                        found.add(rule.rule)
                    else:
                        assert not page.query("form input[type=password]")
    assert found >= posts - MADE_ELSEWHERE, posts - found


@pytest.mark.parametrize("line", LINES)
def test_what_somebody_s_token_opens_is_kept_by_no_shared_cache(stage, line):
    for caller in stage.callers:
        for side in hers(stage, line, caller) if line.door.realms else []:
            if line.verb not in SAFE and side is Side.HIDDEN:
                continue
            with stage.ask(line, line.verb, caller, side) as answer:
                kept = answer.headers.get("Cache-Control", "")
                no_heuristic = answer.status_code in {201, 204, 303} or line.verb not in SAFE
                assert "public" not in kept, (caller.name, kept)
                assert re.search(r"no-store|private", kept) or (no_heuristic and not kept), (caller.name, kept)
            if line.verb not in SAFE:
                stage.put_back()
            break
    with stage.ask(line, line.verb, stage.callers[0], stage.sides(line)[0]) as answer:
        if answer.status_code >= 400:
            assert re.search(r"no-store|private", answer.headers["Cache-Control"])
    if line.verb not in SAFE:
        stage.put_back()


OF_ANY_NAME = ("/healthz", "/readyz", "/metrics")
"""What a balancer asks by an IP address, whatever the town is called."""


@pytest.mark.parametrize("line", LINES)
def test_a_poisoned_host_gets_into_no_answer(stage, line):
    refused = 200 if line.rule in OF_ANY_NAME else 400
    for name, value, status in (
        ("Host", EVIL, refused),
        ("Host", f"localhost@{EVIL}", refused),
        ("Host", f"localhost.{EVIL}", refused),
        ("X_Forwarded_Host", EVIL, None),
        ("X_Original_Host", EVIL, None),
        ("Forwarded", f"host={EVIL}", None),
        ("X_Forwarded_Proto", "gopher", None),
    ):
        with stage.ask(line, line.verb, stage.callers[1], stage.sides(line)[0], **{name: value}) as answer:
            assert status is None or answer.status_code == status, (name, value)
            said = str(answer.headers) + answer.get_data().decode(errors="replace")
            assert EVIL not in said
            assert "gopher" not in said
    if line.verb not in SAFE:
        stage.put_back()


@pytest.mark.parametrize("line", LINES)
def test_a_line_break_in_a_path_or_an_argument_makes_no_header(stage, line):
    path = ARGUMENT.sub(quote(SPLITTING, safe=""), line.rule)
    for asked in (path, f"{path}?q={quote(SPLITTING)}&cursor={quote(SPLITTING)}&limit={quote(SPLITTING)}"):
        with stage.client.open(asked, method=line.verb, headers={"Sec-Fetch-Site": "same-origin"}) as answer:
            assert answer.status_code < 500
            assert "stolen" not in " ".join(answer.headers.getlist("Set-Cookie"))
            assert all("\r" not in value and "\n" not in value for _, value in answer.headers)
            assert not re.search(r"(?im)^set-cookie: stolen", str(answer.headers))
    if line.verb not in SAFE:
        stage.put_back()


def test_nothing_that_anybody_sends_as_a_secret_is_in_the_log(tmp_path, sqlite_template, capfdbinary):
    said = io.StringIO()
    configure_logs("DEBUG", stream=said)
    with closing(a_stage(tmp_path, sqlite_template, log_level="DEBUG")) as stage:
        things = stage.populace.things[Side.FIRST]
        sent = " ".join(value for caller in stage.callers for value in caller.headers.values())
        secrets = set(re.findall(r"[\w-]{40,}", sent)) | {things["token"], things["transfer_code"], "@boutique.example"}
        for line in TABLE:
            for caller in stage.callers:
                with stage.ask(line, line.verb, caller, stage.sides(line)[0]):
                    pass
            if line.verb not in SAFE:
                stage.put_back()
    logging.config.dictConfig(
        {"version": 1, "disable_existing_loggers": False, "root": {"handlers": [], "level": "WARNING"}}
    )
    structlog.reset_defaults()
    written = said.getvalue() + capfdbinary.readouterr().err.decode()
    assert written.count('"event":"request"') == stage.asked > 1_000
    assert len(secrets) >= 30
    assert [secret for secret in secrets if secret in written] == []
    assert "10.0." not in written, "an address"
