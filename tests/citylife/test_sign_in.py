"""Signing in without a password: links and codes, once, in time, by whom they are for; and nobody else learns who."""

import datetime as dt
import uuid

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts import sign_in
from citylife.accounts.emails import EmailRefused
from citylife.accounts.invitations import invite_into_staff, invite_into_team
from citylife.accounts.merchants import Merchant, Role, invite_merchant, membership
from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.sign_in import (
    INVITATION_LIFE,
    KEPT_FOR,
    LIFE,
    MOST_TRIES,
    SignIn,
    SignInRefused,
    ask_to_sign_in,
    forget_sign_ins,
    link_opens,
    newcomer_of,
    sign_in_link,
    use_code,
    use_link,
)
from citylife.accounts.staff import StaffRole
from citylife.letters import Letter, LetterKind, LetterState
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

SECRET = "k" * 43
SECOND = dt.timedelta(seconds=1)
MERCHANT, STAFF = AccountKind.MERCHANT, AccountKind.STAFF


def ask(session: Session, email: str, kind: AccountKind = MERCHANT, *, now: dt.datetime = NOW):
    """The request, and what the letter to her says."""
    asked = ask_to_sign_in(session, kind, email, secret_key=SECRET, locale="fr", now=now)
    letter = session.scalars(select(Letter).order_by(Letter.id.desc())).first()
    assert letter is not None
    return asked, letter


def another(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_a_letter_has_a_link_and_a_code_and_the_database_only_their_digests_once_it_is_sent(session: Session):
    merchant = builders.a_merchant(session)

    asked, letter = ask(session, f"  {merchant.email.upper()} ")

    token, code = letter.content["token"], letter.content["code"]
    assert (letter.kind, letter.state, letter.recipient) == (LetterKind.SIGN_IN, LetterState.WAITING, merchant.email)
    assert letter.expires_at == asked.expires_at == NOW + LIFE
    assert (len(token), len(code), code.isdecimal()) == (43, 6, True)
    assert token.encode() not in asked.link_digest
    assert code.encode() not in asked.code_digest
    assert sign_in_link("https://citylife.example", token) == f"https://citylife.example/connexion/lien/{token}"


@pytest.mark.parametrize("kind", AccountKind)
def test_a_link_opens_its_account_once(session: Session, kind: AccountKind):
    who = builders.a_merchant(session) if kind is MERCHANT else builders.a_staff_member(session)
    _, letter = ask(session, who.email, kind)
    token = letter.content["token"]
    for _ in range(2):
        assert link_opens(session, token, now=NOW) == Account(kind, who.id), "looking changes nothing"

    assert use_link(session, token, now=NOW) == Account(kind, who.id)

    assert not link_opens(session, token, now=NOW)
    with pytest.raises(SignInRefused):
        use_link(session, token, now=NOW)


def test_a_link_and_its_code_are_one_key_used_once(session: Session):
    merchant = builders.a_merchant(session)
    asked, letter = ask(session, merchant.email)
    use_link(session, letter.content["token"], now=NOW)
    with pytest.raises(SignInRefused):
        use_code(session, asked.id, letter.content["code"], secret_key=SECRET, now=NOW)

    asked, letter = ask(session, merchant.email)
    use_code(session, asked.id, letter.content["code"], secret_key=SECRET, now=NOW)
    with pytest.raises(SignInRefused):
        use_link(session, letter.content["token"], now=NOW)


def test_a_link_used_twice_at_once_opens_once(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        _, letter = ask(session, builders.a_merchant(session).email)
        token = letter.content["token"]

    first, second = overlapping(
        sessions, lambda session: use_link(session, token, now=NOW), lambda session: use_link(session, token, now=NOW)
    )

    assert isinstance(first, Account)
    assert isinstance(second, SignInRefused)


def test_a_code_used_twice_at_once_opens_once(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        asked, letter = ask(session, builders.a_merchant(session).email)
        request_id, code = asked.id, letter.content["code"]

    def use(session: Session) -> Account:
        return use_code(session, request_id, code, secret_key=SECRET, now=NOW)

    first, second = overlapping(sessions, use, use)

    assert isinstance(first, Account)
    assert isinstance(second, SignInRefused)


def test_both_are_good_for_fifteen_minutes(session: Session):
    merchant = builders.a_merchant(session)
    for after, good in ((LIFE - SECOND, True), (LIFE, False)):
        asked, letter = ask(session, merchant.email)
        assert (link_opens(session, letter.content["token"], now=NOW + after) is not None) == good
        for use in (
            lambda token=letter.content["token"], late=after: use_link(session, token, now=NOW + late),
            lambda code=letter.content["code"], asked=asked, late=after: use_code(
                session, asked.id, code, secret_key=SECRET, now=NOW + late
            ),
        ):
            session.expire_all()
            asked.used_at = None
            session.flush()
            if good:
                assert use().id == merchant.id
            else:
                with pytest.raises(SignInRefused):
                    use()


def test_a_code_may_be_tried_five_times(session: Session):
    merchant = builders.a_merchant(session)
    for wrong in (MOST_TRIES - 1, MOST_TRIES):
        asked, letter = ask(session, merchant.email)
        code = letter.content["code"]
        for _ in range(wrong):
            with pytest.raises(SignInRefused):
                use_code(session, asked.id, another(code), secret_key=SECRET, now=NOW)
        if wrong < MOST_TRIES:
            assert use_code(session, asked.id, code, secret_key=SECRET, now=NOW).id == merchant.id
        else:
            with pytest.raises(SignInRefused):
                use_code(session, asked.id, code, secret_key=SECRET, now=NOW)
            assert link_opens(session, letter.content["token"], now=NOW), "the link cannot be guessed"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "12345\N{ARABIC-INDIC DIGIT SIX}"])
def test_what_is_no_code_is_a_try_like_another(session: Session, typed: str):
    asked, _ = ask(session, builders.a_merchant(session).email)

    with pytest.raises(SignInRefused):
        use_code(session, asked.id, typed, secret_key=SECRET, now=NOW)

    session.refresh(asked)
    assert asked.tries == 1


def test_a_code_is_read_with_spaces_and_belongs_to_its_request_and_instance(session: Session):
    merchant = builders.a_merchant(session)
    first, letter = ask(session, merchant.email)
    second, _ = ask(session, merchant.email)
    code = letter.content["code"]
    for request_id, secret in ((second.id, SECRET), (first.id, "x" * 43), (uuid.uuid4(), SECRET)):
        with pytest.raises(SignInRefused):
            use_code(session, request_id, code, secret_key=secret, now=NOW)

    spaced = f" {code[:3]}\N{NO-BREAK SPACE}{code[3:]} "
    assert use_code(session, first.id, spaced, secret_key=SECRET, now=NOW).id == merchant.id


def test_an_address_nobody_has_costs_the_same_work_and_opens_nothing(session: Session):
    merchant, left = builders.a_merchant(session), builders.a_staff_member(session)
    left.ended_at = NOW
    session.flush()
    statements: dict[str, list[str]] = {}
    for name, kind, email in (
        ("known", MERCHANT, merchant.email),
        ("unknown", MERCHANT, "nobody@boutique.example"),
        ("left", STAFF, left.email),
        ("no staff", STAFF, merchant.email),
    ):
        heard = statements.setdefault(name, [])

        def listen(_conn, _cursor, statement, *_rest, heard=heard):
            heard.append(statement.partition(" (")[0].partition(" WHERE")[0])

        event.listen(session.get_bind(), "before_cursor_execute", listen)
        asked = ask_to_sign_in(session, kind, email, secret_key=SECRET, locale="fr", now=NOW)
        for typed in ("000000", "999999"):
            with pytest.raises(SignInRefused):
                use_code(session, asked.id, typed, secret_key=SECRET, now=NOW)
        event.remove(session.get_bind(), "before_cursor_execute", listen)
    assert statements["unknown"] == statements["known"]
    assert len(statements["unknown"]) >= 5
    assert [text.replace("merchants", "staff") for text in statements["left"]] == statements["no staff"]
    assert len(statements["left"]) == len(statements["known"])
    states = session.scalars(select(Letter.state).order_by(Letter.id)).all()
    assert states == [LetterState.WAITING, *[LetterState.WITHHELD] * 3]
    assert session.scalars(select(Letter.content).where(Letter.state == LetterState.WITHHELD)).all() == [{}, {}, {}]


def test_no_code_opens_a_request_of_nobody(session: Session):
    """Not even the one the database holds: told from outside, it is nobody's."""
    asked, _ = ask(session, "nobody@boutique.example")
    session.expire_all()
    asked.code_digest = sign_in._code_digest(SECRET, asked.id, "123456")
    session.flush()

    with pytest.raises(SignInRefused) as refused:
        use_code(session, asked.id, "123456", secret_key=SECRET, now=NOW)
    assert refused.value.pointer == "/code", "word for word as a wrong code"


def test_what_is_no_address_is_refused_whoever_might_have_it(session: Session):
    with pytest.raises(EmailRefused):
        ask_to_sign_in(session, MERCHANT, "a@b.example\nBcc: c@d.example", secret_key=SECRET, locale="fr", now=NOW)


def test_who_left_the_staff_meanwhile_does_not_get_in(session: Session):
    member = builders.a_staff_member(session)
    asked, letter = ask(session, member.email, STAFF)
    member.ended_at = NOW
    session.flush()

    assert link_opens(session, letter.content["token"], now=NOW) is None
    with pytest.raises(SignInRefused):
        use_code(session, asked.id, letter.content["code"], secret_key=SECRET, now=NOW)
    session.expire_all()
    asked.used_at = None
    session.flush()
    with pytest.raises(SignInRefused):
        use_link(session, letter.content["token"], now=NOW)


@pytest.mark.parametrize("token", ["", "a" * 42, "a" * 44, "é" * 43, "a" * 43])
def test_another_link_opens_nothing(session: Session, token: str):
    ask(session, builders.a_merchant(session).email)

    assert not link_opens(session, token, now=NOW)
    with pytest.raises(SignInRefused):
        use_link(session, token, now=NOW)


def test_an_invitation_gives_a_place_a_letter_and_a_link_for_three_days(session: Session):
    shop = builders.a_shop(session, "Chez Léon")
    merchant, _, token = invite_into_team(session, "lou@chez-leon.example", shop, Role.SELLER, now=NOW)
    member, staff_token = invite_into_staff(session, "ana@cluster.example", StaffRole.WATCH, now=NOW)

    place = membership(session, merchant.id, shop.id)
    assert place is not None
    assert place.role is Role.SELLER
    letters = session.scalars(select(Letter).order_by(Letter.id)).all()
    assert [(letter.kind, letter.recipient) for letter in letters] == [
        (LetterKind.MERCHANT_INVITED, merchant.email),
        (LetterKind.STAFF_INVITED, member.email),
    ]
    assert letters[0].content == {"token": token, "shop": "Chez Léon", "role": "seller"}
    assert link_opens(session, token, now=NOW + INVITATION_LIFE - SECOND)
    assert not link_opens(session, token, now=NOW + INVITATION_LIFE)
    assert use_link(session, token, now=NOW) == Account(MERCHANT, merchant.id)
    assert use_link(session, staff_token, now=NOW) == Account(STAFF, member.id)


def test_requests_are_forgotten_a_day_after_their_end(session: Session):
    ask(session, builders.a_merchant(session).email)

    assert forget_sign_ins(session, now=NOW + LIFE + KEPT_FOR - SECOND) == 0
    assert forget_sign_ins(session, now=NOW + LIFE + KEPT_FOR) == 1
    assert session.scalars(select(SignIn)).all() == []


NEW = "lea@fleurs.example"


def begin(session: Session, email: str = NEW):
    """The request of somebody who begins, and what the letter to her says."""
    asked = ask_to_sign_in(session, MERCHANT, email, secret_key=SECRET, locale="fr", now=NOW, beginning=True)
    letter = session.scalars(select(Letter).order_by(Letter.id.desc())).first()
    assert letter is not None
    return asked, letter


def merchants(session: Session) -> list[tuple[str, str]]:
    return [(one.email, one.locale) for one in session.scalars(select(Merchant).order_by(Merchant.id))]


@pytest.mark.parametrize("by", ["link", "code"])
def test_who_begins_has_an_account_once_she_uses_her_letter_and_not_before(session: Session, by: str):
    asked, letter = begin(session, " LEA@fleurs.example ")
    token, code = letter.content["token"], letter.content["code"]
    assert (letter.state, letter.recipient, letter.content["new"]) == (LetterState.WAITING, NEW, True)
    assert (newcomer_of(session, token, now=NOW), link_opens(session, token, now=NOW)) == (NEW, None)
    assert merchants(session) == []

    if by == "link":
        account = use_link(session, token, locale="en", now=NOW)
    else:
        with pytest.raises(SignInRefused):
            use_code(session, asked.id, another(code), secret_key=SECRET, now=NOW)
        assert merchants(session) == []
        account = use_code(session, asked.id, code, secret_key=SECRET, locale="en", now=NOW)

    assert merchants(session) == [(NEW, "en")]
    session.refresh(asked)
    assert (asked.newcomer, asked.merchant_id) == (None, account.id)
    with pytest.raises(SignInRefused):
        use_link(session, token, now=NOW)
    with pytest.raises(SignInRefused):
        use_code(session, asked.id, code, secret_key=SECRET, now=NOW)


def test_a_beginning_that_came_too_late_or_is_staffs_makes_nothing(session: Session):
    _, letter = begin(session)
    with pytest.raises(SignInRefused):
        use_link(session, letter.content["token"], now=NOW + LIFE)
    assert newcomer_of(session, letter.content["token"], now=NOW + LIFE) is None
    assert newcomer_of(session, "x", now=NOW) is None
    asked = ask_to_sign_in(session, STAFF, NEW, secret_key=SECRET, locale="fr", now=NOW, beginning=True)
    assert asked.newcomer is None
    withheld = session.scalars(select(Letter).order_by(Letter.id.desc())).first()
    assert withheld is not None
    assert withheld.state is LetterState.WITHHELD
    assert merchants(session) == []


def test_who_was_invited_meanwhile_gets_that_account(session: Session):
    _, letter = begin(session)
    invited = invite_merchant(session, NEW, now=NOW)
    assert use_link(session, letter.content["token"], now=NOW) == Account(MERCHANT, invited.id)
    known, letter = begin(session)
    assert (known.newcomer, known.merchant_id, letter.content["new"]) == (None, invited.id, False)


def test_two_letters_used_at_one_moment_make_one_account(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        tokens = [begin(session)[1].content["token"] for _ in range(2)]
    first, second = overlapping(
        sessions,
        lambda session: use_link(session, tokens[0], now=NOW),
        lambda session: use_link(session, tokens[1], now=NOW),
    )
    assert first == second
    with sessions() as session:
        assert merchants(session) == [(NEW, "fr")]
