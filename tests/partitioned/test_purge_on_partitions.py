"""The purge, on tables that are cut: every test of tests/citylife/test_purge.py."""

import pytest

from tests.citylife.test_purge import *  # noqa: F403 - the tests, and the fixtures they bring

pytestmark = pytest.mark.long
