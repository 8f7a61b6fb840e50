"""Moving to another phone, on tables that are cut: every test of tests/citylife/test_moving.py."""

import pytest

from tests.citylife.test_moving import *  # noqa: F403 - the tests, and the fixtures they bring

pytestmark = pytest.mark.long
