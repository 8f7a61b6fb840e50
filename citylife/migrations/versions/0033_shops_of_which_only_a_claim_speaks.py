"""Shops of which only a pending claim speaks, which the public does not see"""

import sqlalchemy as sa
from alembic import op

from citylife.search import fill

revision = '0033'
down_revision = '0034'
branch_labels = None
depends_on = None

# Brought by a claim in the same moment, by no import, and never reopened by staff: `NEVER_LISTED`.
UNPROVED = (
    "status = 'claimed' AND source IS NULL "
    "AND EXISTS (SELECT 1 FROM shop_claims c WHERE c.shop_id = shops.id AND c.claimed_at = shops.created_at) "
    "AND NOT EXISTS (SELECT 1 FROM shop_closings g WHERE g.shop_id = shops.id AND g.reopened_at IS NOT NULL)"
)


def upgrade() -> None:
    """Go forward: what such a shop is found by goes too. A database of before the search has its words written now."""
    op.add_column('shops', sa.Column('unproved', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(f"UPDATE shops SET unproved = true WHERE {UNPROVED}")
    op.execute("DELETE FROM search_entries WHERE kind = 'shop' AND thing_id IN (SELECT id FROM shops WHERE unproved)")
    if op.get_bind().scalar(sa.text("SELECT 1 FROM search_entries LIMIT 1")) is None:
        fill(op.get_bind())


def downgrade() -> None:
    """Go back: such a shop is public again, and is found by its words once it is changed."""
    op.drop_column('shops', 'unproved')
