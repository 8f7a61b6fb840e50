"""The export is complete: every column that leads to a citizen is in it, or is left out with a reason."""

import secrets
import uuid

import pytest
from sqlalchemy import Column, Table, select
from sqlalchemy.orm import Session

from citylife import migrations
from citylife.accounts.citizens import CitizenDay
from citylife.accounts.export import LEFT_OUT, SECTIONS, sections_of
from citylife.accounts.moving import make_recovery_code, make_transfer_code
from citylife.answers import begin_answer, caller_of_citizen
from citylife.courtesy.tables import BudgetSlot, DigestLine
from citylife.database import Identifier
from citylife.email_digest.tables import EmailDigest
from citylife.follows import unfollow
from citylife.insiders import TeamFollower
from citylife.redemptions import take_code
from tests import builders
from tests.builders import NOW

KNOWN_BY_OTHER_NAMES = {("kept_answers", "caller"), ("messages", "cursor")}
"""Columns that hold a citizen's id without its name or a foreign key to say so."""
OTHER_SUBJECTS = {
    "id",
    "shop_id",
    "offer_id",
    "message_id",
    "device_id",
    "merchant_id",
    "actor_id",
    "subject_id",
    "thing_id",
    "letter_id",
}
"""Identifiers that are never a citizen's."""


def leads_to_her(table: Table) -> bool:
    """Whether a row of the table is hers, or names her."""
    return (
        table.name == "citizens"
        or "citizen_id" in table.c
        or any(key.column.table.name == "citizens" for key in table.foreign_keys)
        or any(name == table.name for name, _ in KNOWN_BY_OTHER_NAMES)
    )


def is_her_id(column: Column) -> bool:
    return column.name == "citizen_id" or any(key.column.table.name == "citizens" for key in column.foreign_keys)


def exported() -> set[str]:
    return {
        f"{column.class_.__table__.name}.{column.key}"
        for section in SECTIONS
        for column, _ in section.fields.values()
        if column.class_.__table__ is section.owner.class_.__table__
    }


def hers() -> list[str]:
    """Every column that has to be exported or left out with a reason."""
    names = []
    for table in migrations.metadata.sorted_tables:
        if not leads_to_her(table):
            continue
        columns = [column for column in table.c if table.name != "messages" or column.name == "cursor"]
        names += [f"{table.name}.{column.name}" for column in columns if not is_her_id(column)]
    return names


@pytest.mark.parametrize("name", hers())
def test_what_is_kept_of_her_is_exported_or_left_out_with_a_reason(name: str):
    left_out = name in LEFT_OUT or name.partition(".")[0] in LEFT_OUT
    assert (name in exported()) != left_out, f"{name} is neither exported nor left out, or is both"


def test_nothing_is_left_out_that_does_not_exist_or_has_no_reason():
    names = {*hers(), *(name.partition(".")[0] for name in hers())}
    assert set(LEFT_OUT) - names == set()
    assert all(len(reason) > 20 for reason in LEFT_OUT.values())


def test_no_other_column_could_hold_her_id_unnoticed():
    """A new column of identifiers is either one of these subjects, or is added to what this test knows."""
    known = {"kept_answers.caller", "messages.cursor", "messages.replaces_id", "daily_counts.subject"}
    known |= {"timetable.subject", "purges.cursor", "passkey_challenges.account_id"}
    known |= {"pilot_targets.proposed_by", "pilot_targets.approved_by"}
    known |= {"pilot_costs.replaces", "pilot_costs.entered_by", "reports.decided_by"}
    found = {
        f"{table.name}.{column.name}"
        for table in migrations.metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, Identifier)
        and not is_her_id(column)
        and column.name not in OTHER_SUBJECTS
        and not column.foreign_keys
    }
    assert found - known == set()


def everything(session: Session) -> uuid.UUID:
    """A citizen with a row in every table that leads to one."""
    shop, left = builders.a_shop(session, f"Chez {secrets.token_hex(4)}"), builders.a_shop(session)
    offer = builders.an_offer(session, shop)
    citizen = builders.a_follower(session, shop)
    builders.a_follow(session, citizen, left)
    unfollow(session, citizen.id, left.id, now=NOW)
    session.add(TeamFollower(citizen_id=citizen.id, shop_id=shop.id))
    [delivery] = builders.a_delivery(session, citizen, offer.id, accepted_at=NOW)
    counted = {"week_of": NOW.date(), "slot": 1, "local_date": NOW.date(), "message_id": delivery.message_id}
    session.add(BudgetSlot(citizen_id=citizen.id, **counted))
    session.add(DigestLine(citizen_id=citizen.id, message_id=delivery.message_id, due_at=NOW))
    builders.a_place(session, citizen)
    builders.an_email_digest(session, citizen, f"{citizen.id.hex}@courrier.example")
    session.add(CitizenDay(citizen_id=citizen.id, day=NOW.date()))
    make_transfer_code(session, citizen, secret="s" * 43, now=NOW)
    make_recovery_code(session, citizen, now=NOW)
    take_code(session, citizen, offer, secret="s" * 43, now=NOW)
    begin_answer(session, caller_of_citizen(citizen.id), "her-key", b"f" * 32, now=NOW)
    session.flush()
    return citizen.id


def test_everything_of_hers_is_there_and_nothing_of_another_s(session: Session):
    her, other = everything(session), everything(session)
    found = {section.name: rows for section, rows in sections_of(session, her)}
    more = {"codes": 2, "consents": 3}
    assert {name: len(rows) for name, rows in found.items()} == {name: more.get(name, 1) for name in found}, (
        "one row of hers in each section"
    )
    assert found["settings"][0]["id"] == her
    assert str(other) not in str(found)
    assert found["follows"][0]["shop_name"].startswith("Chez ")
    assert found["devices"][0]["endpoint"].startswith("https://updates.push.services.mozilla.com/")
    assert found["decisions"][0]["offer_title"] == "Pains à moitié prix"
    assert found["deliveries"][0]["accepted_at"] == NOW
    assert found["email_digest"][0]["email"] == f"{her.hex}@courrier.example"


def test_no_secret_is_exported(session: Session):
    her = everything(session)
    found = str([rows for _, rows in sections_of(session, her)])
    for table in ("citizen_tokens", "moving_codes"):
        for (digest,) in session.execute(
            migrations.metadata.tables[table].select().with_only_columns(migrations.metadata.tables[table].c.digest)
        ):
            assert digest.hex() not in found
    for stop_token, confirm_digest in session.execute(select(EmailDigest.stop_token, EmailDigest.confirm_digest)):
        assert stop_token not in found
        assert confirm_digest is None
    for (auth,) in session.execute(
        migrations.metadata.tables["devices"].select().with_only_columns(migrations.metadata.tables["devices"].c.auth)
    ):
        assert auth.hex() not in found


def test_who_has_almost_nothing_is_told_so_in_every_section(session: Session):
    citizen = builders.a_citizen(session, consented=False)
    found = {section.name: len(rows) for section, rows in sections_of(session, citizen.id)}
    assert {name for name, rows in found.items() if rows} == {"settings", "phones"}
    assert len(found) == len(SECTIONS)
