"""The document of the API, taken at its word: requests drawn from it, well made and badly, as each who may call.

Schemathesis draws them (examples, edges of every field, chance, and sequences of calls that feed each other) and sends
them to a real server. No answer may be a failure of ours, nor other than the document says.
"""

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from citylife.accounts.merchants import Role, join_team
from citylife.accounts.staff import StaffRole
from citylife.clock import utc_now
from citylife.database import engine_for, writing
from citylife.shops import Shop, ShopStatus
from tests import builders
from tests.commands.instances import Instance

SEED = int(os.environ.get("CITYLIFE_TEST_SEED", "20261124"))
EXAMPLES = os.environ.get("CITYLIFE_TEST_EXAMPLES", "8")
CALLERS = ("nobody", "citizen", "merchant", "owner", "seller", "staff")
CAMPAIGN = 50_000
"""How many cases the campaign draws, over all callers."""
OF_A_CAMPAIGN = "60"
LEFT_OUT = (
    "erase_me",  # whoever calls would be nobody ever after
    "end_every_session",  # the same
    "end_one_session",  # the same: her own is in the list
)
CHECKS_LEFT_OUT = (
    "positive_data_acceptance",  # a cursor, a SIRET, a town or an end of day are right or wrong beyond their shape
    "missing_required_header",  # If-Match is answered 428, which the check does not know
)
REFUSING = (400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429, "5xx")
"""How bad data may be refused; what is too large is refused unread."""
UNSEEN = "ignored_auth"
"""Takes the Authorization header away and expects 401; a cookie it leaves. `test_who_may_do_what.py` does both."""


@dataclass(frozen=True)
class Served:
    """A served town: its base URL, what each caller shows, what it has said so far."""

    base: str
    shown: Mapping[str, tuple[str, ...]]
    instance: Instance


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    instance = Instance(
        tmp_path_factory.mktemp("fuzz") / "instance",
        {
            "CITYLIFE_LOG_LEVEL": "WARNING",
            "CITYLIFE_LIMITS": "*=1000000",
            "CITYLIFE_GEOCODER_URL": "",
            "CITYLIFE_COMPANIES_URL": "",
        },
    )
    for command in ("init", "demo"):
        done = instance.call(command)
        assert done.returncode == 0, done.stderr
    key = re.search(r"clk_[\w-]{43}", done.stdout)
    assert key is not None
    shown = {"nobody": (), "merchant": (f"Authorization: Bearer {key[0]}",), **signed_in(instance)}
    with instance.serving() as base:
        citizen = httpx.post(f"{base}/api/v1/citizens", json={}, trust_env=False).json()["token"]
        yield Served(base, {**shown, "citizen": (f"Authorization: Bearer {citizen}",)}, instance)


def signed_in(instance: Instance) -> dict[str, tuple[str, ...]]:
    """An owner and a seller of a shop of the town by their sessions, and staff by the cookie of a browser."""
    engine, now = engine_for(f"sqlite:///{instance.folder / 'citylife.db'}"), utc_now()
    with writing(engine).begin() as session:
        shop = session.scalars(select(Shop).where(Shop.status == ShopStatus.VERIFIED).limit(1)).one()
        tokens = {}
        for role in Role:
            merchant = builders.a_merchant(session, now=now)
            join_team(session, merchant, shop, role, now=now)
            tokens[role] = builders.signed_in(session, merchant, now=now)
        staff = builders.signed_in(session, builders.a_staff_member(session, StaffRole.ADMINISTER, now=now), now=now)
    engine.dispose()
    return {
        "owner": (f"Authorization: Bearer {tokens[Role.OWNER]}",),
        "seller": (f"Authorization: Bearer {tokens[Role.SELLER]}",),
        "staff": (f"Cookie: __Host-citylife-staff={staff}", "Sec-Fetch-Site: same-origin"),
    }


def draw(served: Served, caller: str, folder: Path, *, examples: str, seed: int, seconds: int) -> int:
    """Draw requests of every kind as one caller, and hold every answer to the document; how many cases there were."""
    by_cookie = any(header.startswith("Cookie") for header in served.shown[caller])
    checks_left_out = (*CHECKS_LEFT_OUT, UNSEEN) if by_cookie else CHECKS_LEFT_OUT
    command = [
        str(Path(sys.executable).with_name("st")),
        "run",
        f"{served.base}/api/openapi.json",
        *(f"--exclude-operation-id={name}" for name in LEFT_OUT),
        f"--exclude-checks={','.join(checks_left_out)}",
        *("--checks=all", "--mode=all", f"--max-examples={examples}", f"--seed={seed}", "--continue-on-failure"),
        *("--suppress-health-check=all", "--no-color", "--warnings=off"),
    ]
    for header in served.shown[caller]:
        command += ["--header", header]
    refusing = json.dumps([str(status) for status in REFUSING])
    rules = f"[checks.negative_data_rejection]\nexpected-statuses = {refusing}\n"
    (folder / "schemathesis.toml").write_text(rules)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)
    said = done.stdout
    print(said[-12_000:])
    cases = re.search(r"([\d,]+) generated", said)
    assert cases is not None, done.stderr
    assert done.returncode == 0, said[said.find("= FAILURES") :][:12_000]
    assert '"event":"failure"' not in served.instance.printed()
    return int(cases[1].replace(",", ""))


@pytest.mark.long
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.timeout(900)
def test_the_api_answers_as_its_document_says_whatever_it_is_sent(served: Served, caller: str, tmp_path: Path):
    assert draw(served, caller, tmp_path, examples=EXAMPLES, seed=SEED, seconds=880) > 1_000


@pytest.mark.soak
def test_the_api_answers_as_its_document_says_fifty_thousand_times(served: Served, tmp_path: Path):
    cases = 0
    for turn in itertools.count():
        cases += sum(
            draw(served, caller, tmp_path, examples=OF_A_CAMPAIGN, seed=SEED + turn, seconds=7_200)
            for caller in CALLERS
        )
        print(f"{cases} cases drawn as {len(CALLERS)} callers, from seed {SEED}; no failure, no undocumented answer")
        if cases >= CAMPAIGN:
            return
