"""Sold out, withdrawn and over, on tables that are cut: every test of tests/citylife/test_offer_closing.py."""

import pytest

from tests.citylife.test_offer_closing import *  # noqa: F403 - the tests, and the fixtures they bring

pytestmark = pytest.mark.long
