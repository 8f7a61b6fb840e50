"""How often a report was sent again by hand"""

import sqlalchemy as sa
from alembic import op

revision = '0034'
down_revision = '0032'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column('pilot_sendings', sa.Column('resent', sa.SmallInteger(), server_default='0', nullable=False))


def downgrade() -> None:
    """Go back."""
    op.drop_column('pilot_sendings', 'resent')
