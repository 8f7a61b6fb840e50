"""Codes that let another phone in"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0006'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('moving_codes',
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('made_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_moving_codes_citizen_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_moving_codes')),
    sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_moving_codes_citizen_id'), 'moving_codes', ['citizen_id'], unique=False)
    op.create_table('code_tries',
    sa.Column('place', sa.LargeBinary(length=32), nullable=False),
    sa.Column('since', UtcDateTime(), nullable=False),
    sa.Column('refused', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('place', 'since', name=op.f('pk_code_tries')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_code_tries_since', 'code_tries', ['since'], unique=False)


def downgrade() -> None:
    """Go back."""
    op.drop_table('code_tries')
    op.drop_table('moving_codes')
