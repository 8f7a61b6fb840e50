"""Until when a citizen followed a shop « nearby »"""

import sqlalchemy as sa
from alembic import op

from citylife.database import UtcDateTime

revision = '0046'
down_revision = '0045'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column('follows', sa.Column('nearby_until', UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column('follows', 'nearby_until')
