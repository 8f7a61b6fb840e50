"""Who of a team has come by since she was invited; when an API key ends, and the last day it was used"""

import sqlalchemy as sa
from alembic import op

from citylife.database import UtcDateTime

revision = '0030'
down_revision = '0026'
branch_labels = None
depends_on = None

MEMBERSHIPS = sa.table('memberships', *(sa.column(name) for name in ('begun_at', 'seen_at')))


def upgrade() -> None:
    """Go forward: whoever is in a team already is not asked to show it."""
    op.add_column('memberships', sa.Column('seen_at', UtcDateTime(), nullable=True))
    op.execute(MEMBERSHIPS.update().values(seen_at=MEMBERSHIPS.c.begun_at))
    op.add_column('merchant_keys', sa.Column('expires_at', UtcDateTime(), nullable=True))
    op.add_column('merchant_keys', sa.Column('used_on', sa.Date(), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column('merchant_keys', 'used_on')
    op.drop_column('merchant_keys', 'expires_at')
    op.drop_column('memberships', 'seen_at')
