"""Consent is appended, word for word; what is withdrawn counts at once."""

import datetime as dt
import hashlib

import pytest
from sqlalchemy.orm import Session

from citylife import consent
from citylife.consent import TEXTS, ConsentText, Purpose, TextUnknown, consents_of, record_consent
from citylife.wording import LOCALES, Sentence, say
from tests import builders
from tests.builders import NOW


def answer(session: Session, citizen, purpose=Purpose.NOTIFICATIONS, **changed):
    said = {"granted": True, "text_version": TEXTS[purpose].version, "locale": "fr", "now": NOW, **changed}
    return record_consent(session, citizen, purpose, **said)


@pytest.mark.parametrize(
    ("purpose", "flags"),
    [
        (Purpose.NOTIFICATIONS, (True, False)),
        (Purpose.LOCATION, (False, True)),
        (Purpose.EMAIL_DIGEST, (False, False)),
    ],
)
def test_consent_to_one_purpose_is_consent_to_that_one(session: Session, purpose: Purpose, flags: tuple[bool, bool]):
    citizen = builders.a_citizen(session, consented=False)

    answer(session, citizen, purpose)

    assert (citizen.notifications_consented, citizen.location_consented) == flags
    assert citizen.version == (2 if any(flags) else 1)


@pytest.mark.parametrize("locale", LOCALES)
def test_the_text_she_read_is_kept_by_its_hash(session: Session, locale: str):
    citizen = builders.a_citizen(session, consented=False)

    kept = answer(session, citizen, locale=locale)
    session.commit()

    text = TEXTS[Purpose.NOTIFICATIONS]
    assert kept.text_version == text.version
    assert kept.text_sha256 == hashlib.sha256(say(text.sentence, locale).encode()).digest()
    assert (kept.locale, kept.recorded_at) == (locale, NOW)


def test_withdrawal_counts_at_once_and_leaves_what_was_before(session: Session):
    citizen = builders.a_citizen(session, consented=False)

    answer(session, citizen)
    answer(session, citizen, granted=False, now=NOW + dt.timedelta(hours=1))
    session.commit()

    assert not citizen.notifications_consented
    assert [(kept.granted, kept.recorded_at) for kept in consents_of(session, citizen.id, limit=10)] == [
        (False, NOW + dt.timedelta(hours=1)),
        (True, NOW),
    ]


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"text_version": "2020-01"}, "/text_version"),
        ({"text_version": ""}, "/text_version"),
        ({"locale": "nl"}, "/locale"),
    ],
)
def test_a_text_nobody_was_shown_is_refused(session: Session, changed: dict[str, str], pointer: str):
    citizen = builders.a_citizen(session, consented=False)

    with pytest.raises(TextUnknown) as refusal:
        answer(session, citizen, **changed)

    assert refusal.value.pointer == pointer
    assert not citizen.notifications_consented
    assert consents_of(session, citizen.id, limit=10) == []


def test_a_former_text_can_be_withdrawn_from_and_not_agreed_to(session: Session, monkeypatch: pytest.MonkeyPatch):
    former = ConsentText("2026-10", Sentence("Un texte d’avant."))
    monkeypatch.setattr(consent, "FORMER_TEXTS", {Purpose.NOTIFICATIONS: (former,)})
    citizen = builders.a_citizen(session)

    with pytest.raises(TextUnknown):
        answer(session, citizen, text_version="2026-10")
    withdrawn = answer(session, citizen, granted=False, text_version="2026-10")

    assert withdrawn.text_version == "2026-10"
    assert not citizen.notifications_consented


def test_answers_are_read_by_pages_the_latest_first(session: Session):
    citizen, other = builders.a_citizen(session, consented=False), builders.a_citizen(session)
    kept = [answer(session, citizen, granted=granted).id for granted in (True, False, True, False, True)]

    first = consents_of(session, citizen.id, limit=3)
    rest = consents_of(session, citizen.id, after=first[-1].id, limit=3)

    assert [row.id for row in (*first, *rest)] == sorted(kept, reverse=True)
    assert len(consents_of(session, other.id, limit=10)) == 1


def test_every_purpose_has_a_text_with_a_version():
    assert set(TEXTS) == set(Purpose)
    assert all(0 < len(text.version) <= 20 for text in TEXTS.values())
