"""What the cluster had set for shops before"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('former_sending_rules',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=True),
    sa.Column('announcements_a_day', sa.SmallInteger(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('set_at', UtcDateTime(), nullable=False),
    sa.Column('ended_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_former_sending_rules_shop_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_former_sending_rules'))
    )
    op.create_index('ix_former_sending_rules_shop', 'former_sending_rules', ['shop_id'])


def downgrade() -> None:
    """Go back."""
    op.drop_table('former_sending_rules')
