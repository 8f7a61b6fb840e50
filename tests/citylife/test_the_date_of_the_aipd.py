"""The day of the impact assessment, as it is set: a day that has come."""

import datetime as dt

import pytest

from citylife.clock import local_date, utc_now
from citylife.settings import SettingRefused, Settings


def test_the_day_it_was_done_is_taken_and_none_is_the_default():
    assert Settings.read({"CITYLIFE_AIPD_DATE": "2025-01-02"}, env_file=None).aipd_date == dt.date(2025, 1, 2)
    assert Settings.read({"CITYLIFE_AIPD_DATE": ""}, env_file=None).aipd_date is None


@pytest.mark.parametrize("value", ["soon", "2025-13-01", "9999-12-31"])
def test_what_is_no_day_or_is_yet_to_come_is_refused(value: str):
    with pytest.raises(SettingRefused, match="CITYLIFE_AIPD_DATE"):
        Settings.read({"CITYLIFE_AIPD_DATE": value}, env_file=None)


def test_tomorrow_is_refused():
    with pytest.raises(SettingRefused, match="not a day to come"):
        Settings(aipd_date=local_date(utc_now()) + dt.timedelta(days=1))
