"""The slots of a citizen's budgets after they were taken: given back, or moved to another day.

They are taken when an announcement is decided for her (`citylife.audience.writing`). What is refused in the end, once
the last of her devices has been looked at, gives its slot back; what has to wait for another day takes one there.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from citylife.courtesy.quiet import Profile, digest_moment, moment_of
from citylife.courtesy.rules import ANNOUNCEMENTS_A_DAY
from citylife.ledger.statements import Statement, stored
from citylife.ledger.tables import Outcome, Reason

_GIVE_BACK: Final = Statement("""
    DELETE FROM budget_slots WHERE citizen_id = :citizen AND message_id = :message AND NOT EXISTS (
        SELECT 1 FROM deliveries d WHERE d.citizen_id = :citizen AND d.message_id = :message
    )
""")
_SLOT: Final = Statement("""
    SELECT d.outcome, d.reason, b.local_date, d.local_date FROM decisions d
    LEFT JOIN budget_slots b ON b.citizen_id = d.citizen_id AND b.message_id = d.message_id
    WHERE d.citizen_id = :citizen AND d.message_id = :message
""")
_HAS_ENOUGH_OF_THE_SHOP: Final = Statement(f"""
    SELECT 1 FROM messages m WHERE m.id = :message AND m.kind = 'announcement' AND (
        SELECT count(*) FROM decisions x JOIN messages o ON o.id = x.message_id
        WHERE x.citizen_id = :citizen AND x.message_id <> :message AND x.outcome = 'send' AND x.local_date = :day
          AND o.kind = 'announcement' AND o.shop_id = m.shop_id
    ) >= coalesce(
        (SELECT r.announcements_a_day FROM sending_rules r WHERE r.shop_id = m.shop_id),
        (SELECT r.announcements_a_day FROM sending_rules r WHERE r.shop_id IS NULL),
        {ANNOUNCEMENTS_A_DAY}
    )
""")
_ROOM: Final = Statement("""
    SELECT c.weekly_budget, c.daily_budget, count(b.slot), coalesce(max(b.slot), 0),
        coalesce(sum(CASE WHEN b.local_date = :day THEN 1 ELSE 0 END), 0)
    FROM citizens c
    LEFT JOIN budget_slots b ON b.citizen_id = c.id AND b.week_of = :week AND b.message_id <> :message
    WHERE c.id = :citizen GROUP BY c.id, c.weekly_budget, c.daily_budget
""")
_DIGEST: Final = Statement("SELECT digest, digest_at FROM citizens WHERE id = :citizen")
_LEAVE: Final = Statement("DELETE FROM budget_slots WHERE citizen_id = :citizen AND message_id = :message")
_TAKE: Final = Statement("""
    INSERT INTO budget_slots (citizen_id, week_of, slot, local_date, message_id)
    VALUES (:citizen, :week, :slot, :day, :message) ON CONFLICT DO NOTHING
""")
_SHOW_ON: Final = Statement("""
    UPDATE decisions SET until = :until, local_date = :day WHERE citizen_id = :citizen AND message_id = :message
""")
_HOLD: Final = Statement("""
    UPDATE decisions SET outcome = 'held', reason = :reason, decided_at = :now
    WHERE citizen_id = :citizen AND message_id = :message
""")
_PUT_ASIDE: Final = Statement("""
    INSERT INTO digest_lines (citizen_id, message_id, due_at) VALUES (:citizen, :message, :due) ON CONFLICT DO NOTHING
""")


def give_back(connection: Connection, keys: Sequence[Mapping[str, Any]]) -> None:
    """Give back the slots of what is held now and has no delivery left; each key has `citizen` and `message`."""
    _GIVE_BACK.run_many(connection, [{"citizen": key["citizen"], "message": key["message"]} for key in keys])


def move(connection: Connection, key: Mapping[str, Any], profile: Profile, now: dt.datetime) -> Reason | None:
    """Let what waits for the end of her quiet hours count on that day; which budget is spent where it cannot.

    What counts on that day already stays as it is, and no budget is asked for what took no slot. When a budget is
    spent, or that day has as many announcements of the shop as it may, the slot was left, her decision says so for all
    of her devices, and the announcement is put aside for her digest if she has one.
    """
    moment = moment_of(profile, now)
    values = {"citizen": key["citizen"], "message": key["message"]}
    dates = {"day": stored(connection, moment.local_date), "week": stored(connection, moment.week_of)}
    outcome, reason, counted_on, shown_on = _SLOT.run(connection, values).one()
    if outcome == Outcome.HELD.value:
        return Reason(reason)
    spent = None
    if shown_on != dates["day"] and _HAS_ENOUGH_OF_THE_SHOP.run(connection, {**values, **dates}).first() is not None:
        _LEAVE.run(connection, values)
        spent = Reason.ONE_A_DAY
    elif counted_on is not None and counted_on != dates["day"]:
        _LEAVE.run(connection, values)
        spent = _take_slot(connection, {**values, **dates})
    if spent is not None:
        _HOLD.run(connection, {**values, "reason": spent.value, "now": stored(connection, now)})
        digest, digest_at = _DIGEST.run(connection, values).one()
        if digest:
            at = digest_at if isinstance(digest_at, dt.time) else dt.time.fromisoformat(digest_at)
            due = digest_moment(profile, at, moment.release_at)
            _PUT_ASIDE.run(connection, {**values, "due": stored(connection, due)})
        return spent
    until = stored(connection, moment.release_at)
    _SHOW_ON.run(connection, {**values, "until": until, "day": dates["day"]})
    return None


def _take_slot(connection: Connection, values: Mapping[str, Any]) -> Reason | None:
    """Take the next slot of that week for that day; which budget is spent where there is none.

    Another announcement may take the same one first: then it is looked at anew, until there is none left.
    """
    while True:
        weekly, daily, of_week, last, of_day = _ROOM.run(connection, values).one()
        if of_week >= weekly:
            return Reason.WEEK_SPENT
        if of_day >= daily:
            return Reason.DAY_SPENT
        if _TAKE.count(connection, {**values, "slot": last + 1}):
            return None
