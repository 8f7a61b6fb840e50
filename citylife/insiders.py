"""Who follows a shop of her own team: what the pilot measures is not theirs (ADR 55).

Citizens have no account, and nothing tells a seller from a customer, but for her browser when she is signed in there as
a merchant as well. That she is of the shop's team is then noted, for the shop alone, and for nothing but measures.
"""

import uuid

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.database import Base, Identifier
from citylife.ledger.statements import Statement, stored


class TeamFollower(Base):
    """A citizen whose browser was signed in as one of a shop's team."""

    __tablename__ = "team_followers"
    __table_args__ = ({"sqlite_with_rowid": False},)

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"), primary_key=True)


_NOTE = Statement(
    """
    INSERT INTO team_followers (citizen_id, shop_id)
    SELECT c.id, m.shop_id FROM memberships m CROSS JOIN citizens c
    WHERE m.merchant_id = :merchant AND m.ended_at IS NULL AND c.id = :citizen
    ON CONFLICT DO NOTHING
    """
)


def note_team(session: Session, citizen_id: uuid.UUID, merchant_id: uuid.UUID) -> None:
    """Note that a citizen is of the team of each shop that a merchant is of."""
    session.flush()
    connection = session.connection()
    _NOTE.run(connection, {"citizen": stored(connection, citizen_id), "merchant": stored(connection, merchant_id)})
