"""What the pilot keeps of its measures: numbers of days and of periods, and frozen reports"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0031'
down_revision = '0030'
branch_labels = None
depends_on = None


def seal(table: str) -> None:
    """Let nothing of a table be changed or removed."""
    if op.get_bind().dialect.name == 'sqlite':
        for verb in ('UPDATE', 'DELETE'):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f'CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} '
        'FOR EACH ROW EXECUTE FUNCTION refuse_change()'
    )


def upgrade() -> None:
    """Go forward."""
    op.create_table('pilot_numbers',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('counted', sa.String(length=24), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('grade', sa.SmallInteger(), nullable=False),
    sa.Column('count', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('day', 'counted', 'shop_id', 'grade', name=op.f('pk_pilot_numbers')),
    sqlite_with_rowid=False
    )
    op.create_table('pilot_days',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('closed_at', UtcDateTime(), nullable=False),
    sa.Column('rows', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_pilot_days'))
    )
    op.create_table('pilot_stocks',
    sa.Column('period', sa.String(length=8), nullable=False),
    sa.Column('counted', sa.String(length=24), nullable=False),
    sa.Column('territory', sa.String(length=16), nullable=False),
    sa.Column('count', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('period', 'counted', 'territory', name=op.f('pk_pilot_stocks')),
    sqlite_with_rowid=False
    )
    op.create_table('pilot_reports',
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('period', sa.String(length=8), nullable=False),
    sa.Column('version', sa.SmallInteger(), nullable=False),
    sa.Column('frozen_at', UtcDateTime(), nullable=False),
    sa.Column('revision', sa.String(length=40), nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('rows', sa.JSON(), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('previous', sa.LargeBinary(length=32), nullable=False),
    sa.Column('sha256', sa.LargeBinary(length=32), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_pilot_reports'))
    )
    op.create_index('ix_pilot_reports_period', 'pilot_reports', ['period', 'version'], unique=True)
    seal('pilot_reports')


def downgrade() -> None:
    """Go back: nothing that only a later version knows is left to do."""
    op.drop_table('pilot_reports')
    op.drop_table('pilot_stocks')
    op.drop_table('pilot_days')
    op.drop_table('pilot_numbers')
    op.execute("DELETE FROM timetable WHERE task IN ('pilot-days', 'pilot-reports')")
