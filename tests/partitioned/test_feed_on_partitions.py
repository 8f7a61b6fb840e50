"""The feed, on tables that are cut: every test of tests/citylife/test_feed.py."""

import pytest

from tests.citylife.test_feed import *  # noqa: F403 - the tests, and the fixtures they bring

pytestmark = pytest.mark.long
