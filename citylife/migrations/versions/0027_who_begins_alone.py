"""The address of whoever asks to begin and has no account yet, until she does"""

import sqlalchemy as sa
from alembic import op

revision = '0027'
down_revision = '0031b'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column('sign_ins', sa.Column('newcomer', sa.String(length=254), nullable=True))


def downgrade() -> None:
    """Go back: who has not begun yet asks again."""
    op.drop_column('sign_ins', 'newcomer')
