"""Whether a merchant wants a letter on Monday"""

import sqlalchemy as sa
from alembic import op

revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column('merchants', sa.Column('mondays', sa.Boolean(), server_default=sa.true(), nullable=False))


def downgrade() -> None:
    """Go back."""
    op.drop_column('merchants', 'mondays')
