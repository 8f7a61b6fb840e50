"""Sessions that a passkey began, and not a letter"""

import sqlalchemy as sa
from alembic import op

revision = '0035'
down_revision = '0033'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: of a session that stands already, nobody knows what began it, so staff come in by a passkey again."""
    op.add_column('account_sessions', sa.Column('by_passkey', sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Go back."""
    op.drop_column('account_sessions', 'by_passkey')
