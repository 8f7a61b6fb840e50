"""Citizens, their consent and their erasure, on tables that are cut: every test of tests/citylife/test_citizens.py."""

import pytest

from tests.citylife.test_citizens import *  # noqa: F403 - the tests, and the fixtures they bring

pytestmark = pytest.mark.long
