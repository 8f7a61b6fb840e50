"""Whether a merchant wants a letter for each offer she publishes"""

import sqlalchemy as sa
from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column('merchants', sa.Column('confirmations', sa.Boolean(), server_default=sa.true(), nullable=False))


def downgrade() -> None:
    """Go back."""
    op.drop_column('merchants', 'confirmations')
