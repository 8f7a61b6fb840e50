"""What is read of the ledger: a citizen's own rows with their reasons, and what waits where."""

import datetime as dt

from citylife.database import new_id
from citylife.ledger import reading
from citylife.ledger.reasons import SENTENCES, sentence_for
from citylife.ledger.tables import DeliveryState, Outcome, Reason
from citylife.wording import say
from tests.builders import NOW
from tests.citylife.ledger.conftest import LATER
from tests.ledger_desk import claim_all, settle_all


def test_what_a_citizen_reads_of_the_ledger_names_the_offer_the_reason_and_what_became_of_it(sessions, waiting) -> None:
    shop, citizen, offer = waiting
    settle_all(sessions, claim_all(sessions), DeliveryState.ACCEPTED, now=LATER)
    with sessions() as session:
        (row,) = reading.decisions_of(session, citizen.id, now=LATER)
        assert (row.offer_id, row.shop_id, row.outcome, row.reason) == (offer.id, shop.id, Outcome.SEND, Reason.FOLLOWS)
        assert [(one.state, one.accepted_at) for one in row.deliveries] == [(DeliveryState.ACCEPTED, LATER)]
        assert reading.decisions_of(session, citizen.id, now=LATER, after=row.message_id) == []
        assert reading.decisions_of(session, new_id(), now=LATER) == []


def test_the_health_of_the_ledger_tells_what_waits_where_and_since_when(sessions, waiting) -> None:
    with sessions() as session:
        health = reading.health(session, now=NOW + dt.timedelta(seconds=90))
    assert (health.waiting, health.claimed, health.expanding, health.lag) == (1, 0, 0, 90.0)
    assert [(origin.waiting, origin.claimed) for origin in health.origins] == [(1, 0)]
    claim_all(sessions)
    with sessions() as session:
        health = reading.health(session, now=NOW + dt.timedelta(seconds=90))
    assert (health.waiting, health.claimed, health.lag) == (0, 1, 0.0)


def test_every_reason_has_its_sentence_in_both_languages() -> None:
    assert set(SENTENCES) == set(Reason)
    for reason in Reason:
        sentence = sentence_for(reason, "Chez Zoé")
        assert say(sentence, "en") != say(sentence, "fr") != ""
