"""From the console an operator says who may do what, decides on shops, resumes a push service, and purges."""

import datetime as dt
import re

import pytest
from sqlalchemy import select, text

from citylife.accounts.citizens import CitizenDay
from citylife.accounts.merchants import Membership, Merchant, Role, key_of
from citylife.accounts.sessions import AccountKind, AccountSession
from citylife.accounts.sign_in import SignIn, ask_to_sign_in, use_link
from citylife.accounts.staff import StaffMember, StaffRole
from citylife.answers import KeptAnswer, begin_answer
from citylife.audit import Actor, AuditEntry
from citylife.database import engine_for, new_id, reading, writing
from citylife.devices import Origin
from citylife.ledger import settlement
from citylife.letters import Letter, LetterKind, LetterState
from citylife.limits import Limit, Pace, take
from citylife.shops import Shop, ShopClaim, ShopStatus, claim_shop
from citylife.shops.possession import enter_code, post_code
from tests.builders import NOW, a_citizen, a_device, a_merchant, a_shop, a_siret, signed_in

EMAIL = "camille@boulangerie.example"


@pytest.fixture
def engine(citylife, folder, migrated):
    assert citylife("init").code == 0
    engine = engine_for(f"sqlite:///{folder / 'citylife.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def shop(engine) -> Shop:
    with writing(engine).begin() as session:
        return a_shop(session)


def one(engine, statement):
    with reading(engine)() as session:
        return session.scalars(statement).one()


def acts(engine) -> list[tuple[str, dict]]:
    with reading(engine)() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.actor == Actor.OPERATOR).order_by(AuditEntry.id))
        return [(entry.action, entry.detail) for entry in entries]


def test_a_merchant_joins_a_team_and_gets_a_key_that_is_shown_once(citylife, engine, shop):
    invited = citylife("merchants", "invite", EMAIL, shop.slug, "--role", "seller")
    assert (invited.code, invited.err) == (0, "")
    merchant = one(engine, select(Merchant).where(Merchant.email == EMAIL))
    assert one(engine, select(Membership).where(Membership.merchant_id == merchant.id)).role is Role.SELLER
    said = citylife("merchants", "key", EMAIL, "--label", "caisse", "--scope", "offers", "--scope", "read")
    token = said.out.splitlines()[-1]
    with reading(engine)() as session:
        key = key_of(session, token, now=NOW)
        assert key is not None
        assert (key.merchant_id, key.label, key.scopes) == (merchant.id, "caisse", ["offers", "read"])
    assert [action for action, _ in acts(engine)] == ["team.joined", "key.made"]
    assert EMAIL not in str(acts(engine)), "the audit log names no person"
    assert token not in str(acts(engine))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("merchants", "invite", "camille", "{slug}"), "électronique"),
        (("merchants", "invite", EMAIL, "nowhere"), "nowhere"),
        (("merchants", "key", EMAIL), "Invitez-le"),
        (("staff", "invite", "camille at work"), "électronique"),
        (("shops", "verify", "{slug}"), "revendication"),
        (("shops", "refuse", "{slug}", "non"), "revendication"),
        (("shops", "reinstate", "{slug}", "erreur"), "suspendu"),
        (("sending", "stop", " "), "obligatoire"),
        (("sending", "stop", "abus", "--shop", "nowhere"), "nowhere"),
        (("sending", "resume", "fini"), "pas arrêtés"),
        (("sending", "resume", "fini", "--shop", "{slug}"), "pas arrêtés"),
        (("audit", "verify", "--expect", "12"), "--expect"),
        (("shops", "suspend", "nowhere", "abus"), "nowhere"),
        (("origins", "resume", "https://push.example"), "push.example"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(citylife, engine, shop, words, sentence):
    said = citylife(*(word.format(slug=shop.slug) for word in words))
    assert (said.code, said.out) == (1, "")
    assert sentence in said.err
    assert acts(engine) == []
    with reading(engine)() as session:
        assert session.scalar(select(Merchant).where(Merchant.email == EMAIL)) is None


def test_a_member_of_staff_is_invited_in_a_role(citylife, engine):
    assert citylife("staff", "invite", "Lou@Cluster.example", "--role", "administer").code == 0
    member = one(engine, select(StaffMember))
    assert (member.email, member.role) == ("lou@cluster.example", StaffRole.ADMINISTER)
    assert acts(engine) == [("staff.invited", {"role": "administer"})]


@pytest.fixture
def claimed(engine) -> Shop:
    with writing(engine).begin() as session:
        return claim_shop(
            session,
            a_merchant(session),
            siret=a_siret(),
            name="Chez Léon",
            category="restaurant",
            latitude=50.53015,
            longitude=2.64035,
            now=NOW,
        )


def status(engine, shop: Shop) -> ShopStatus:
    return one(engine, select(Shop).where(Shop.id == shop.id)).status


def test_a_claim_is_accepted_and_a_shop_suspended_and_reinstated(citylife, engine, claimed):
    for words, expected in (
        (("verify", claimed.slug, "--proof", "visit", "--seen-by", "Karima"), ShopStatus.VERIFIED),
        (("suspend", claimed.slug, "Annonces trompeuses"), ShopStatus.SUSPENDED),
        (("reinstate", claimed.slug, "Annonces corrigées"), ShopStatus.VERIFIED),
    ):
        assert citylife("shops", *words).code == 0
        assert status(engine, claimed) is expected
    assert [action for action, _ in acts(engine)] == ["shop.verified", "shop.suspended", "shop.reinstated"]
    assert one(engine, select(ShopClaim)).seen_by == "Karima"


def test_a_listed_shop_is_closed_and_reopened_from_the_console(citylife, engine):
    with writing(engine).begin() as session:
        shop = a_shop(session, status=ShopStatus.LISTED)
    assert citylife("shops", "close", shop.slug, "Rideau baissé").code == 0
    assert status(engine, shop) is ShopStatus.CLOSED
    assert citylife("shops", "close", shop.slug, "Encore").code == 1
    assert citylife("shops", "reopen", shop.slug, "Seulement des travaux").code == 0
    assert status(engine, shop) is ShopStatus.LISTED
    assert [action for action, _ in acts(engine)][-2:] == ["shop.closed-down", "shop.reopened"]


def test_a_posted_code_verifies_once_it_was_entered(citylife, engine, claimed):
    with writing(engine).begin() as session:
        code = post_code(session, session.get_one(Shop, claimed.id), now=NOW)
    said = citylife("shops", "verify", claimed.slug, "--proof", "posted-code")
    assert (said.code, status(engine, claimed)) == (1, ShopStatus.CLAIMED)
    assert "saisi" in said.err
    with writing(engine).begin() as session:
        enter_code(session, session.get_one(Shop, claimed.id), code, now=NOW, actor_id=new_id())
    assert citylife("shops", "verify", claimed.slug, "--proof", "posted-code").code == 0
    assert status(engine, claimed) is ShopStatus.VERIFIED


def test_sending_is_stopped_and_resumed_whole_or_for_a_shop(citylife, engine, shop):
    assert "Rien n’est arrêté" in citylife("sending", "list").out
    assert shop.name in citylife("sending", "stop", "Emballement", "--shop", shop.slug).out
    assert citylife("sending", "stop", "Panne").code == 0
    again = citylife("sending", "stop", "Panne")
    assert (again.code, again.out) == (1, "")
    listed = citylife("sending", "list", LANG="en_GB").out.splitlines()
    assert [line.partition(":")[0] for line in listed] == [shop.slug, "All sending"]
    assert "Emballement" in listed[0]
    assert citylife("sending", "resume", "Réparé").code == 0
    assert citylife("sending", "resume", "Corrigé", "--shop", shop.slug).code == 0
    assert "Rien n’est arrêté" in citylife("sending", "list").out
    assert [action for action, _ in acts(engine)] == ["sending.stopped"] * 2 + ["sending.resumed"] * 2


def test_the_audit_log_is_verified_and_its_first_break_named(citylife, engine, shop):
    whole = citylife("audit", "verify")
    assert (whole.code, whole.err) == (0, "")
    head = whole.out.splitlines()[-1]
    assert re.fullmatch(r"2:[0-9a-f]{64}", head)
    assert citylife("sending", "stop", "Panne").code == 0
    assert citylife("audit", "verify", "--expect", head).code == 0
    lost = citylife("audit", "verify", "--expect", "7" + head)
    assert (lost.code, lost.out) == (1, "")
    assert "27" not in lost.err
    assert "72" in lost.err
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(text("DROP TRIGGER audit_log_no_update"))
        connection.execute(text("UPDATE audit_log SET action = 'shop.refused' WHERE id = 2"))
    broken = citylife("audit", "verify")
    assert (broken.code, broken.out) == (1, "")
    assert "n° 2 a été modifiée" in broken.err
    english = citylife("audit", "verify", LANG="en_GB")
    assert "Entry 2 was altered" in english.err


def test_a_claim_is_refused_with_a_reason(citylife, engine, claimed):
    assert citylife("shops", "refuse", claimed.slug, "Le SIRET est celui d’un autre.").code == 0
    assert status(engine, claimed) is ShopStatus.CLOSED
    assert [action for action, _ in acts(engine)] == ["shop.claim-refused", "shop.closed-down"]


def test_a_stopped_push_service_is_listed_and_resumed(citylife, engine):
    assert "Aucun navigateur" in citylife("origins", "list").out
    with writing(engine).begin() as session:
        a_device(session, a_citizen(session))
        origin = session.scalars(select(Origin)).one()
        settlement.stop_origin(session, origin.id, status=403, now=NOW)
    listed = citylife("origins", "list", LANG="en_GB")
    assert origin.origin in listed.out
    assert "stopped since" in listed.out
    assert citylife("origins", "resume", origin.origin + "/").code == 0
    assert "en service" in citylife("origins", "list").out
    with writing(engine).begin() as session:
        settlement.pause_origin(session, origin.id, until=NOW + dt.timedelta(minutes=5))
    assert "en pause" in citylife("origins", "list").out
    assert acts(engine) == [("origin.resumed", {"origin": origin.origin})]


def test_a_purge_forgets_what_is_kept_no_longer_and_nothing_else(citylife, engine):
    with writing(engine).begin() as session:
        citizen = a_citizen(session)
        for days in (1, 30, 40):
            session.add(CitizenDay(citizen_id=citizen.id, day=(NOW - dt.timedelta(days=days)).date()))
        for hours in (1, 30):
            begin_answer(session, "somebody", f"{hours} hours old", b"f" * 32, now=NOW - dt.timedelta(hours=hours))
    assert citylife("purge").code == 0
    with reading(engine)() as session:
        days = sorted((NOW.date() - day).days for day in session.scalars(select(CitizenDay.day)))
        keys = session.scalars(select(KeptAnswer.key)).all()
    assert (days, keys) == ([1, 30], ["1 hours old"])


def letters(engine) -> list[Letter]:
    with reading(engine)() as session:
        return list(session.scalars(select(Letter).order_by(Letter.id)))


def test_an_invitation_is_a_letter_and_its_link_is_told_where_mail_is_only_printed(citylife, engine, shop):
    for words, kind in (
        (("merchants", "invite", EMAIL, shop.slug), LetterKind.MERCHANT_INVITED),
        (("staff", "invite", "lou@cluster.example"), LetterKind.STAFF_INVITED),
    ):
        said = citylife(*words)
        letter = letters(engine)[-1]
        assert (letter.kind, letter.recipient) == (kind, words[2])
        link = said.out.splitlines()[-1]
        assert link == f"http://localhost:8000/connexion/lien/{letter.content['token']}"
        with writing(engine).begin() as session:
            account = use_link(session, letter.content["token"], now=NOW)
        assert account.kind.value == ("merchant" if kind is LetterKind.MERCHANT_INVITED else "staff")
    assert letters(engine)[0].content["shop"] == shop.name


def test_where_a_mail_server_is_set_the_link_is_not_told(citylife, engine, shop):
    said = citylife("merchants", "invite", EMAIL, shop.slug, CITYLIFE_SMTP_URL="smtps://mail.example", LANG="en_GB")
    assert said.code == 0
    assert "/connexion/lien/" not in said.out
    assert "by e-mail" in said.out
    assert letters(engine)[0].locale == "en", "an invitation speaks the operator's language"


def test_a_purge_forgets_what_signing_in_left_behind(citylife, engine):
    with writing(engine).begin() as session:
        merchant = a_merchant(session)
        signed_in(session, merchant, now=NOW - dt.timedelta(days=200))
        signed_in(session, merchant, now=NOW)
        for days in (40, 0):
            moment = NOW - dt.timedelta(days=days)
            ask_to_sign_in(session, AccountKind.MERCHANT, merchant.email, secret_key="k" * 43, locale="fr", now=moment)
            limit = Limit(f"{days} days ago", 5, dt.timedelta(minutes=5))
            take(session, limit, b"s" * 32, now=moment)
    assert citylife("purge").code == 0
    with reading(engine)() as session:
        assert len(session.scalars(select(AccountSession)).all()) == 1
        assert len(session.scalars(select(SignIn)).all()) == 1
        assert [pace.limit_name for pace in session.scalars(select(Pace))] == ["0 days ago"]
    states = [(letter.state, letter.recipient == "") for letter in letters(engine)]
    assert states == [(LetterState.LATE, True), (LetterState.WAITING, False)]
