"""The pilot's reports on their way to the cluster"""

import sqlalchemy as sa
from alembic import op

from citylife.database import UtcDateTime

revision = '0032'
down_revision = '0027'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('pilot_sendings',
    sa.Column('report', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('state', sa.String(length=24), nullable=False),
    sa.Column('taken', sa.Integer(), nullable=False),
    sa.Column('attempts', sa.SmallInteger(), nullable=False),
    sa.Column('next_at', UtcDateTime(), nullable=False),
    sa.Column('lease_until', UtcDateTime(), nullable=True),
    sa.Column('fence', sa.BigInteger(), nullable=True),
    sa.Column('status', sa.SmallInteger(), nullable=True),
    sa.Column('answer', sa.String(length=1000), nullable=False),
    sa.Column('delivered_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['report'], ['pilot_reports.number'], name=op.f('fk_pilot_sendings_report')),
    sa.PrimaryKeyConstraint('report', name=op.f('pk_pilot_sendings'))
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index('ix_pilot_sendings_waiting', 'pilot_sendings', ['next_at'], sqlite_where=waiting, postgresql_where=waiting)
    op.execute(
        "INSERT INTO pilot_sendings (report, state, taken, attempts, next_at, answer) "
        "SELECT number, 'waiting', 0, 0, frozen_at, '' FROM pilot_reports"
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table('pilot_sendings')
