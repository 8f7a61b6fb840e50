"""Shops that are said to have closed"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('shop_closings',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('closed_at', UtcDateTime(), nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('reopened_at', UtcDateTime(), nullable=True),
    sa.Column('reopened_reason', sa.String(length=300), nullable=True),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_shop_closings_shop_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shop_closings'))
    )
    op.create_index('ix_shop_closings_shop', 'shop_closings', ['shop_id', 'id'])


def downgrade() -> None:
    """Go back."""
    op.execute("UPDATE shops SET status = 'listed' WHERE status = 'closed'")  # no shop was gone before this
    op.drop_table('shop_closings')
