"""What old rows of the ledger are counted into, and how far a purge has come"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier

revision = '0008'
down_revision = '0005c'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('ledger_sums',
    sa.Column('message_id', Identifier(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('fate', sa.String(length=24), nullable=False),
    sa.Column('count', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_ledger_sums_message_id')),
    sa.PrimaryKeyConstraint('message_id', 'day', 'fate', name=op.f('pk_ledger_sums')),
    sqlite_with_rowid=False
    )
    op.create_table('purges',
    sa.Column('name', sa.String(length=24), nullable=False),
    sa.Column('cursor', Identifier(), nullable=True),
    sa.Column('ended_on', sa.Date(), nullable=True),
    sa.Column('forgotten', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_purges'))
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table('purges')
    op.drop_table('ledger_sums')
