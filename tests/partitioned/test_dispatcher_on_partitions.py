"""The dispatcher, on tables that are cut: every test of tests/notifications/test_dispatcher.py."""

import pytest

from tests.notifications.test_dispatcher import *  # noqa: F403 - the tests, and the fixtures they bring

pytestmark = pytest.mark.long
