"""The offers that were called off, for feeds to say so"""

import sqlalchemy as sa
from alembic import op

revision = '0005b'
down_revision = '0005'
branch_labels = None
depends_on = None

CALLED_OFF = sa.text("status IN ('sold-out', 'withdrawn')")


def upgrade() -> None:
    """Go forward."""
    op.create_index('ix_offers_called_off', 'offers', ['shop_id', 'ends_at'], unique=False, sqlite_where=CALLED_OFF, postgresql_where=CALLED_OFF)


def downgrade() -> None:
    """Go back."""
    op.drop_index('ix_offers_called_off', table_name='offers')
