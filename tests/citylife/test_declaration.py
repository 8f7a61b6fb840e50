"""The service is said to be as accessible as a person's audit found it, and no more."""

import datetime as dt

import pytest

from citylife.declaration import Audit, Conformity, audit_of, conformity
from citylife.settings import SettingRefused, Settings

TODAY = dt.date(2026, 11, 28)
WHOLE = {
    "CITYLIFE_ACCESSIBILITY_AUDIT_DATE": "2025-01-02",
    "CITYLIFE_ACCESSIBILITY_AUDIT_RATE": "72",
    "CITYLIFE_ACCESSIBILITY_AUDITOR": "Cabinet Regard",
    "CITYLIFE_ACCESSIBILITY_REPORT": "https://regard.example/audit",
}


def an_audit(rate: int = 100, day: dt.date = TODAY) -> Audit:
    return Audit(day=day, rate=rate, auditor="Cabinet Regard", report="https://regard.example/audit")


def test_nothing_is_claimed_without_an_audit():
    assert audit_of(Settings()) is None
    assert conformity(None, today=TODAY) is Conformity.NONE


@pytest.mark.parametrize(
    ("rate", "found"),
    [
        (0, Conformity.NONE),
        (49, Conformity.NONE),
        (50, Conformity.PARTIAL),
        (99, Conformity.PARTIAL),
        (100, Conformity.FULL),
    ],
)
def test_the_rate_that_was_found_decides(rate: int, found: Conformity):
    assert conformity(an_audit(rate), today=TODAY) is found


def test_an_audit_holds_for_three_years_to_the_day():
    audit = an_audit(day=dt.date(2023, 11, 28))

    assert conformity(audit, today=dt.date(2026, 11, 28)) is Conformity.FULL
    assert conformity(audit, today=dt.date(2026, 11, 29)) is Conformity.NONE
    assert conformity(audit, today=dt.date(2027, 1, 1)) is Conformity.NONE


def test_an_audit_is_read_from_the_settings_whole():
    assert audit_of(Settings.read(WHOLE, env_file=None)) == Audit(
        dt.date(2025, 1, 2), 72, "Cabinet Regard", "https://regard.example/audit"
    )


@pytest.mark.parametrize("missing", ["_AUDIT_DATE", "ITOR", "_REPORT"])
def test_half_an_audit_is_none(missing: str):
    with pytest.raises(SettingRefused, match="whole or not at all"):
        Settings.read({name: value for name, value in WHOLE.items() if not name.endswith(missing)}, env_file=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CITYLIFE_ACCESSIBILITY_AUDIT_DATE", "9999-12-31"),
        ("CITYLIFE_ACCESSIBILITY_AUDIT_RATE", "101"),
        ("CITYLIFE_ACCESSIBILITY_REPORT", "javascript:alert(1)"),
        ("CITYLIFE_PUBLIC_CONTACT", "no address"),
        ("CITYLIFE_DATA_PROTECTION_CONTACT", "http://in.clear.example"),
    ],
)
def test_what_no_page_may_say_stops_the_start(name: str, value: str):
    with pytest.raises(SettingRefused, match=name):
        Settings.read({**WHOLE, name: value}, env_file=None)
