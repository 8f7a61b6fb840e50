"""The words of a trade's shops and offers, found without reading everybody's"""

from alembic import op

revision = '0005c'
down_revision = '0005b'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_index('ix_search_entries_trade', 'search_entries', ['kind', 'category', 'word', 'penalty'], unique=False)


def downgrade() -> None:
    """Go back."""
    op.drop_index('ix_search_entries_trade', table_name='search_entries')
