"""The level of a follow in the index by shop

The fan-out of an offer reads its followers from the index alone. Nobody follows or unfollows while it is built: some
seconds at a town's five million follows.
"""

from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.drop_index('ix_follows_shop', 'follows')
    op.create_index('ix_follows_shop', 'follows', ['shop_id', 'citizen_id', 'level'])


def downgrade() -> None:
    """Go back."""
    op.drop_index('ix_follows_shop', 'follows')
    op.create_index('ix_follows_shop', 'follows', ['shop_id', 'citizen_id'])
