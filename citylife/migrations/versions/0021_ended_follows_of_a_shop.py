"""The follows of a shop that have ended"""

from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_index('ix_ended_follows_shop', 'ended_follows', ['shop_id', 'ended_at'])


def downgrade() -> None:
    """Go back."""
    op.drop_index('ix_ended_follows_shop', table_name='ended_follows')
