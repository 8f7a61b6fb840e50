"""Codes for the till"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('till_codes',
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('offer_id', Identifier(), nullable=False),
    sa.Column('surface', sa.String(length=24), nullable=False),
    sa.Column('arm', sa.String(length=24), nullable=False),
    sa.Column('used_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['offer_id'], ['offers.id'], name=op.f('fk_till_codes_offer_id')),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_till_codes')),
    sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_till_codes_offer_id'), 'till_codes', ['offer_id'], unique=False)
    op.create_table('till_takings',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('offer_id', Identifier(), nullable=False),
    sa.Column('drawing', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_till_takings_citizen_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['offer_id'], ['offers.id'], name=op.f('fk_till_takings_offer_id')),
    sa.PrimaryKeyConstraint('citizen_id', 'offer_id', name=op.f('pk_till_takings')),
    sqlite_with_rowid=False
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table('till_takings')
    op.drop_index(op.f('ix_till_codes_offer_id'), table_name='till_codes')
    op.drop_table('till_codes')
