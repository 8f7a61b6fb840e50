"""Offers that come again each week, and what became of each time"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0031b'
down_revision = '0031'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('recurring_offers',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('status', sa.String(length=24), nullable=False),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('title', sa.String(length=80), nullable=False),
    sa.Column('description', sa.String(length=1000), nullable=False),
    sa.Column('price', sa.Integer(), nullable=True),
    sa.Column('reduction', sa.Boolean(), nullable=False),
    sa.Column('perishable', sa.Boolean(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=True),
    sa.Column('radius', sa.Integer(), nullable=False),
    sa.Column('photo_id', Identifier(), nullable=True),
    sa.Column('weekdays', sa.SmallInteger(), nullable=False),
    sa.Column('at', sa.Time(), nullable=False),
    sa.Column('hours', sa.SmallInteger(), nullable=True),
    sa.Column('until', sa.Time(), nullable=True),
    sa.Column('last_day', sa.Date(), nullable=True),
    sa.Column('next_on', sa.Date(), nullable=True),
    sa.Column('skipped_on', sa.Date(), nullable=True),
    sa.Column('begun_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.Column('ended_at', UtcDateTime(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['photo_id'], ['photos.id'], name=op.f('fk_recurring_offers_photo_id')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_recurring_offers_shop_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recurring_offers'))
    )
    op.create_index('ix_recurring_offers_shop', 'recurring_offers', ['shop_id', 'id'], unique=False)
    op.create_index('ix_recurring_offers_photo', 'recurring_offers', ['photo_id'], unique=False)
    ended = sa.text('ended_at IS NOT NULL')
    op.create_index('ix_recurring_offers_ended', 'recurring_offers', ['ended_at'], unique=False, sqlite_where=ended, postgresql_where=ended)
    op.create_table('occurrences',
    sa.Column('recurring_id', Identifier(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('outcome', sa.String(length=24), nullable=False),
    sa.Column('offer_id', Identifier(), nullable=True),
    sa.Column('told', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('noted_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['offer_id'], ['offers.id'], name=op.f('fk_occurrences_offer_id')),
    sa.ForeignKeyConstraint(['recurring_id'], ['recurring_offers.id'], name=op.f('fk_occurrences_recurring_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('recurring_id', 'day', name=op.f('pk_occurrences'))
    )
    op.create_index('ix_occurrences_noted_at', 'occurrences', ['noted_at'], unique=False)
    op.create_index('ix_occurrences_offer', 'occurrences', ['offer_id'], unique=False)


def downgrade() -> None:
    """Go back: nothing that only a later version knows is left to do."""
    op.drop_table('occurrences')
    op.drop_table('recurring_offers')
    op.execute("DELETE FROM timetable WHERE task IN ('offer-recurs', 'shop-silent')")
