"""Hours and a photo that a claimant prepares while staff verify, kept with her claim"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier

revision = '0040'
down_revision = '0038'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column('shop_claims', sa.Column('opening_hours', sa.String(length=500), nullable=True))
    kind = Identifier().compile(op.get_bind().dialect)  # SQLite adds a reference in the column itself, or not at all
    op.execute(f'ALTER TABLE shop_claims ADD COLUMN photo_id {kind} CONSTRAINT fk_shop_claims_photo_id REFERENCES photos (id)')
    there = sa.text('photo_id IS NOT NULL')
    op.create_index('ix_shop_claims_photo', 'shop_claims', ['photo_id'], sqlite_where=there, postgresql_where=there)


def downgrade() -> None:
    """Go back: what was prepared is forgotten."""
    op.drop_index('ix_shop_claims_photo', table_name='shop_claims')
    op.drop_column('shop_claims', 'photo_id')
    op.drop_column('shop_claims', 'opening_hours')
