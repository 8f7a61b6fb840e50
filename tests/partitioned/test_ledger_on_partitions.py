"""Expansion, claims and settlement, on tables that are cut: every test of tests/citylife/ledger."""

import pytest

from tests.citylife.ledger.test_claims import *  # noqa: F403 - the tests, and the fixtures they bring
from tests.citylife.ledger.test_expansion import *  # noqa: F403
from tests.citylife.ledger.test_reading import *  # noqa: F403
from tests.citylife.ledger.test_replacing import *  # noqa: F403
from tests.citylife.ledger.test_settlement import *  # noqa: F403

pytestmark = pytest.mark.long
