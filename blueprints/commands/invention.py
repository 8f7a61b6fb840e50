"""`citylife demo --town`: a whole invented town with a year behind it, in a database of its own.

Everything of it is written in one transaction: interrupted, it leaves nothing. Its shops are fictional, as all of a
demonstration, and counted by the pilot all the same, whose last weeks are frozen as by a worker that was never away.
"""

import datetime as dt
import secrets
import uuid
from typing import Final

from sqlalchemy import Connection, Engine, exists, select
from sqlalchemy.orm import Session

from blueprints.commands.desk import Desk
from blueprints.commands.mistakes import Mistake
from blueprints.commands.progress import progress
from blueprints.commands.speech import tell
from blueprints.commands.town import MERCHANT
from blueprints.pieces import piece_of
from citylife.accounts.citizens import Citizen
from citylife.accounts.merchants import Membership, Merchant, Role, invite_merchant
from citylife.audit import Actor
from citylife.clock import local_date
from citylife.database import new_id, reading, writing
from citylife.invented.drawing import CITIZENS, Draw
from citylife.invented.tables import InventedTown
from citylife.invented.writing import DELIVERIES, WEEKS_SEEN, in_one_transaction, rows_of, write_town
from citylife.pilot.calendar import periods_to_freeze
from citylife.pilot.counting import close_days, keep_lines
from citylife.pilot.freezing import count_period, freeze
from citylife.pilot.periods import A_DAY, A_WEEK, week_of
from citylife.revision import revision
from citylife.shops import Shop
from citylife.wording import Sentence

ROWS_A_LINE: Final = 1_000_000
LARGEST: Final = 10.0
SMALLEST: Final = 1 / CITIZENS
"""Where somebody still lives."""


def invent_town(desk: Desk, scale: float, *, now: dt.datetime) -> None:
    """Write the town and freeze its last weeks.

    Raises:
        Mistake: somebody lives in the database, or a demonstration stands in it; nothing is written.
    """
    if not SMALLEST <= scale <= LARGEST:
        raise Mistake("L’échelle va de {least} à {most}.", least=f"{SMALLEST:.6f}", most=f"{LARGEST:g}")
    with desk.engine() as engine:
        try:
            draw = _written(engine, scale, now=now)
        except KeyboardInterrupt:
            tell(Sentence("Interrompu : rien n’est écrit, la base est comme avant."))
            raise
        tell(
            Sentence(
                "Ville inventée : {citizens} citoyens, {shops} commerces, une année d’annonces. Tout y est fictif, et "
                "pourtant compté.",
                citizens=len(draw.citizen_ids),
                shops=len(draw.shop_ids),
            )
        )
        try:
            _freeze_weeks(engine, desk, now=now)
        except KeyboardInterrupt:
            tell(Sentence("Interrompu : la ville est entière ; « citylife work » arrêtera ses semaines au matin."))
            raise


def _written(engine: Engine, scale: float, *, now: dt.datetime) -> Draw:
    seed = secrets.randbelow(1 << 31)
    draw = Draw(scale, seed, now, piece_of)
    deliveries = round(DELIVERIES * scale)
    label, line = Sentence("Ville inventée"), Sentence("{done} lignes sur {count}, environ")
    with (
        progress(rows_of(draw, deliveries), label, line, every=ROWS_A_LINE) as advance,
        in_one_transaction(engine) as connection,
    ):
        _see_that_nobody_lives_here(connection)
        write_town(connection, draw, seed=seed, scale=scale, deliveries=deliveries, now=now, advance=advance)
        with Session(connection, join_transaction_mode="create_savepoint") as session, session.begin():
            _run_a_shop(session, uuid.UUID(bytes=draw.shop_ids[0]), now=now)
    return draw


def _see_that_nobody_lives_here(connection: Connection) -> None:
    if connection.scalar(select(exists().where(InventedTown.id.is_not(None)))):
        raise Mistake("Une ville inventée est déjà dans cette base. Pour une autre, prenez une base vide.")
    if any(connection.scalar(select(exists().where(each.id.is_not(None)))) for each in (Citizen, Shop, Merchant)):
        raise Mistake(
            "Cette base a déjà des commerces, des commerçants ou des citoyens : une ville inventée ne s’écrit que dans "
            "une base vide, que « citylife init » vient de préparer."
        )


def _run_a_shop(session: Session, shop_id: uuid.UUID, *, now: dt.datetime) -> None:
    """Let the merchant of the demonstration run the shop that most follow."""
    merchant = invite_merchant(session, MERCHANT, now=now)
    session.add(Membership(id=new_id(), shop_id=shop_id, merchant_id=merchant.id, role=Role.OWNER, begun_at=now))


def _freeze_weeks(engine: Engine, desk: Desk, *, now: dt.datetime) -> None:
    """Close the days of the last weeks until yesterday, and freeze what is over of them, the first to end first."""
    today = local_date(now)
    first = week_of(today).first - (WEEKS_SEEN - 1) * A_WEEK
    days = [first + number * A_DAY for number in range((today - first).days)]
    with writing(engine).begin() as session:
        keep_lines(session, {}, days, now=now)
        periods = periods_to_freeze(session, now=now)
    label, line = Sentence("Périodes arrêtées"), Sentence("Périodes arrêtées : {done} sur {count}")
    with progress(len(periods), label, line, every=1) as advance:
        for period in periods:
            with reading(engine)() as session:
                counting = count_period(session, period, now=now)
            with writing(engine).begin() as session:
                freeze(session, counting, revision=revision(desk.settings), actor=Actor.OPERATOR, now=now)
            advance(1)
    left = [day for day in days if day >= week_of(today).first]
    if left:
        with writing(engine).begin() as session:
            close_days(session, left, now=now)
