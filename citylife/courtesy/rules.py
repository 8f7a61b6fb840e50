"""What the cluster sets for shops: how many announcements a day, for one shop or for all of them."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import null, or_, select, text
from sqlalchemy.orm import Session

from citylife.audit import Actor, note
from citylife.courtesy.tables import FormerSendingRule, SendingRule
from citylife.database import new_id
from citylife.errors import Invalid
from citylife.shops.tables import Shop
from citylife.text import check_lines
from citylife.wording import Sentence

ANNOUNCEMENTS_A_DAY: Final = 1
"""What holds while the cluster has set nothing."""
MOST_ANNOUNCEMENTS: Final = 10
LONGEST_REASON: Final = 300
Asked = tuple[uuid.UUID | None, dt.datetime]
"""A shop (none: one without a rule of its own) and a moment."""


class RuleRefused(Invalid):
    """Nobody wants so many announcements."""

    slug = "sending-rule-refused"
    title = "Règle refusée"
    sentence = "Cette règle d’envoi ne peut pas être acceptée."


def announcements_a_day(session: Session, shop_id: uuid.UUID) -> int:
    """How many announcements of this shop a citizen may get on one day."""
    found = session.execute(
        select(SendingRule.shop_id, SendingRule.announcements_a_day).where(
            or_(SendingRule.shop_id == shop_id, SendingRule.shop_id.is_(None))
        )
    ).all()
    rules: dict[uuid.UUID | None, int] = {row[0]: row[1] for row in found}
    return rules.get(shop_id, rules.get(None, ANNOUNCEMENTS_A_DAY))


def announcements_a_day_then(session: Session, asked: Iterable[Asked]) -> dict[Asked, int]:
    """The same as it was: for each shop and moment."""
    wanted = set(asked)
    if not wanted:
        return {}
    shops = {shop_id for shop_id, _ in wanted}
    spans: dict[uuid.UUID | None, list[tuple[dt.datetime, dt.datetime | None, int]]] = defaultdict(list)
    for table, ended_at in ((SendingRule, null()), (FormerSendingRule, FormerSendingRule.ended_at)):
        rows = session.execute(
            select(table.shop_id, table.set_at, ended_at, table.announcements_a_day).where(
                or_(table.shop_id.in_(shops), table.shop_id.is_(None))
            )
        )
        for shop_id, begun, ended, most in rows:
            spans[shop_id].append((begun, ended, most))

    def then(shop_id: uuid.UUID | None, moment: dt.datetime) -> int:
        for key in (shop_id, None):
            for begun, ended, most in spans.get(key, ()):
                if begun <= moment and (ended is None or moment < ended):
                    return most
        return ANNOUNCEMENTS_A_DAY

    return {each: then(*each) for each in wanted}


def sending_rules(session: Session) -> Sequence[tuple[SendingRule, Shop | None]]:
    """What the cluster has set, each with its shop, by name; none is for every shop without a rule of its own."""
    rows = session.execute(
        select(SendingRule, Shop).outerjoin(Shop, Shop.id == SendingRule.shop_id).order_by(Shop.name, SendingRule.id)
    )
    return [(row[0], row[1]) for row in rows]


def set_announcements_a_day(
    session: Session,
    shop_id: uuid.UUID | None,
    most: int | None,
    *,
    reason: str,
    now: dt.datetime,
    actor: Actor = Actor.STAFF,
    actor_id: uuid.UUID | None = None,
) -> SendingRule | None:
    """Set how many announcements a citizen may get on one day, of one shop or (none) of every shop without its own.

    `most` none takes the rule back. What held before is kept: whoever was not told reads by which rule.

    Raises:
        RuleRefused: not between 0 and 10.
        TextRefused: the reason is empty or too long.
    """
    if most is not None and not 0 <= most <= MOST_ANNOUNCEMENTS:
        raise RuleRefused(
            Sentence("Le nombre d’annonces par jour doit être compris entre 0 et {most}.", most=MOST_ANNOUNCEMENTS),
            pointer="/announcements_a_day",
        )
    reason = check_lines(reason, pointer="/reason", most=LONGEST_REASON, least=1)
    _take_down(session, shop_id, now=now)
    rule = None
    if most is not None:
        rule = SendingRule(id=new_id(), shop_id=shop_id, announcements_a_day=most, reason=reason, set_at=now)
        session.add(rule)
    note(session, "sending.rule-set", shop_id, actor=actor, actor_id=actor_id, now=now, announcements_a_day=most)
    session.flush()
    return rule


def _take_down(session: Session, shop_id: uuid.UUID | None, *, now: dt.datetime) -> None:
    """Put the rule that stands among the former ones; who sets another meanwhile waits. SQLite has one writer."""
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE sending_rules IN SHARE ROW EXCLUSIVE MODE"))
    same = SendingRule.shop_id.is_(None) if shop_id is None else SendingRule.shop_id == shop_id
    for rule in session.scalars(select(SendingRule).where(same)):
        session.add(
            FormerSendingRule(
                id=rule.id,
                shop_id=rule.shop_id,
                announcements_a_day=rule.announcements_a_day,
                reason=rule.reason,
                set_at=rule.set_at,
                ended_at=now,
            )
        )
        session.delete(rule)
    session.flush()
