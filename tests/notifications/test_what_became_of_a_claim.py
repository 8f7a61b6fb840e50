"""Who claims a shop is written what was decided, and why it was refused: else she would wait for ever."""

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Merchant, Role, join_team
from citylife.clock import local_date
from citylife.doorbell import ThreadDoorbell
from citylife.letters import Letter
from citylife.shops import Shop, ShopStatus, refuse_claim
from citylife.shops.possession import NotProved, Visit, enter_code, post_code, verify_by_code, verify_by_visit
from citylife.text import TextRefused
from notifications.mail import Mail, RecordingMailer
from notifications.postman import Postman
from tests import builders
from tests.builders import NOW

BASE = "https://citylife.example"
REASON = "Le SIRET est celui d’un autre commerce.\nVoyez avec la mairie."


@pytest.fixture
def claimant(session: Session) -> Merchant:
    return builders.a_merchant(session, "camille@boulangerie.example")


@pytest.fixture
def claimed(session: Session, claimant: Merchant) -> Shop:
    shop = builders.a_shop(session, "Chez Léon", status=ShopStatus.CLAIMED, merchant=claimant)
    join_team(session, builders.a_merchant(session), shop, Role.SELLER, now=NOW)
    return shop


@pytest.fixture
def post(engine: Engine, session: Session):
    """Send what is written; the mails."""

    def sent() -> list[Mail]:
        session.commit()
        mailer = RecordingMailer(sender="Citylife <bonjour@citylife.example>")
        postman = Postman(engine, mailer, base_url=BASE, bell=ThreadDoorbell(), clock=lambda: NOW)
        while postman.turn():
            pass
        return mailer.mails

    return sent


def test_the_reason_of_a_refusal_is_written_to_who_claimed_and_to_nobody_else(session, claimed, post):
    refuse_claim(session, claimed, reason=REASON, now=NOW)
    (mail,) = post()
    assert mail.recipient == "camille@boulangerie.example"
    assert mail.subject == "Votre demande pour «\N{NO-BREAK SPACE}Chez Léon\N{NO-BREAK SPACE}» sur Citylife"
    assert REASON in mail.text
    assert "refaites la demande" in mail.text
    assert "Chez Léon" in mail.text
    kept = session.scalars(select(Letter).execution_options(populate_existing=True)).one()
    assert (kept.recipient, kept.content) == ("", {})


@pytest.mark.parametrize("proof", ["visit", "code"])
def test_who_is_verified_is_written_so_in_her_language(session, claimant, claimed, post, proof):
    claimant.locale = "en"
    if proof == "visit":
        verify_by_visit(session, claimed, Visit(local_date(NOW), "Karima"), now=NOW)
    else:
        code = post_code(session, claimed, now=NOW)
        with pytest.raises(NotProved):
            verify_by_code(session, claimed, now=NOW)
        enter_code(session, claimed, code, now=NOW, actor_id=claimant.id)
        verify_by_code(session, claimed, now=NOW)
    (mail,) = post()
    assert (mail.recipient, mail.subject) == (claimant.email, "“Chez Léon” is verified on Citylife")
    assert "you may publish its offers" in mail.text
    assert f"{BASE}/connexion" in mail.text


def test_a_refusal_without_a_reason_writes_nothing(session, claimed, post):
    with pytest.raises(TextRefused):
        refuse_claim(session, claimed, reason="  ", now=NOW)
    assert post() == []


def test_a_decision_that_is_rolled_back_writes_nothing(sessions: sessionmaker[Session], session, claimed, post):
    session.commit()
    with sessions() as other:
        refuse_claim(other, other.get_one(Shop, claimed.id), reason=REASON, now=NOW)
        other.rollback()
    assert post() == []
