"""Targets of the pilot's measures, each proposed by one of staff and approved by another"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0037'
down_revision = '0035'
branch_labels = None
depends_on = None


def settle() -> None:
    """Let nothing of an approved target be changed or removed."""
    if op.get_bind().dialect.name == 'sqlite':
        for verb in ('UPDATE', 'DELETE'):
            op.execute(
                f'CREATE TRIGGER pilot_targets_no_{verb.lower()} BEFORE {verb} ON pilot_targets '
                'WHEN OLD.approved_at IS NOT NULL '
                "BEGIN SELECT RAISE(ABORT, 'an approved target is never changed'); END"
            )
        return
    op.execute(
        'CREATE TRIGGER pilot_targets_settled BEFORE UPDATE OR DELETE ON pilot_targets '
        'FOR EACH ROW WHEN (OLD.approved_at IS NOT NULL) EXECUTE FUNCTION refuse_change()'
    )


def upgrade() -> None:
    """Go forward."""
    op.create_table('pilot_targets',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('measure', sa.String(length=24), nullable=False),
    sa.Column('version', sa.SmallInteger(), nullable=False),
    sa.Column('since', sa.String(length=8), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('proposed_by', Identifier(), nullable=False),
    sa.Column('proposed_at', UtcDateTime(), nullable=False),
    sa.Column('approved_by', Identifier(), nullable=True),
    sa.Column('approved_at', UtcDateTime(), nullable=True),
    sa.CheckConstraint('approved_by <> proposed_by', name=op.f('ck_pilot_targets_two_persons')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pilot_targets'))
    )
    op.create_index('ix_pilot_targets_measure', 'pilot_targets', ['measure', 'version'], unique=True)
    settle()


def downgrade() -> None:
    """Go back."""
    op.drop_table('pilot_targets')
