"""Where market traders stand on a weekday, found by position"""

from alembic import op

revision = '0012'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_index('ix_shop_stands_position', 'shop_stands', ['weekday', 'latitude', 'longitude'], unique=False)


def downgrade() -> None:
    """Go back."""
    op.drop_index('ix_shop_stands_position', table_name='shop_stands')
