"""Shops by bands of latitude: what is near costs the same in a country as in a town"""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    stored = op.get_bind().dialect.name == 'postgresql' or None  # SQLite adds only columns that are worked out when read
    band = sa.Computed('CAST(latitude * 200 AS INTEGER)', persisted=stored)
    op.add_column('shops', sa.Column('band', sa.Integer(), band, nullable=False))
    op.create_index('ix_shops_band', 'shops', ['band', 'longitude', 'latitude'])
    op.drop_index('ix_shops_position', 'shops')


def downgrade() -> None:
    """Go back."""
    op.create_index('ix_shops_position', 'shops', ['latitude', 'longitude'])
    op.drop_index('ix_shops_band', 'shops')
    op.drop_column('shops', 'band')
