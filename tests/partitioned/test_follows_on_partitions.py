"""Follows, on tables that are cut: every test of tests/citylife/test_follows.py."""

import pytest

from tests.citylife.test_follows import *  # noqa: F403 - the tests, and the fixtures they bring

pytestmark = pytest.mark.long
