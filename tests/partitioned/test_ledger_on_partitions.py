"""Expansion, claims and settlement, on tables that are cut: every test of tests/citylife/test_ledger.py."""

import pytest

from tests.citylife.test_ledger import *  # noqa: F403 - the tests, and the fixtures they bring

pytestmark = pytest.mark.long
