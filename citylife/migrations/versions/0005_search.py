"""The words by which shops and offers are found, and their trigrams"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0005'
down_revision = '0003'
branch_labels = None
depends_on = None


def sorted_plainly(length: int) -> sa.String:
    """Sorted by code point on both databases."""
    return sa.String(length=length, collation='C').with_variant(sa.String(length=length), 'sqlite')


def upgrade() -> None:
    """Go forward; the words themselves are written by 0033, which has every column that they are read from."""
    op.create_table('search_entries',
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('word', sorted_plainly(32), nullable=False),
    sa.Column('penalty', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('thing_id', Identifier(), nullable=False),
    sa.Column('insee_code', sa.String(length=5), nullable=False),
    sa.Column('category', sa.String(length=24), nullable=False),
    sa.Column('words', sa.SmallInteger(), nullable=False),
    sa.Column('ends_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('kind', 'word', 'penalty', 'thing_id', name=op.f('pk_search_entries')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_search_entries_thing', 'search_entries', ['thing_id', 'word', 'penalty'], unique=False)
    op.create_index('ix_search_entries_place', 'search_entries', ['kind', 'insee_code', 'word', 'penalty'], unique=False)
    op.create_table('search_grams',
    sa.Column('gram', sorted_plainly(3), nullable=False),
    sa.Column('length', sa.SmallInteger(), nullable=False),
    sa.Column('word', sorted_plainly(32), nullable=False),
    sa.PrimaryKeyConstraint('gram', 'length', 'word', name=op.f('pk_search_grams')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_shops_category', 'shops', ['category', 'id'], unique=False)
    op.create_index('ix_offers_ending', 'offers', ['ends_at', 'id'], unique=False, sqlite_where=sa.text("status = 'live'"), postgresql_where=sa.text("status = 'live'"))


def downgrade() -> None:
    """Go back."""
    op.drop_index('ix_offers_ending', table_name='offers')
    op.drop_index('ix_shops_category', table_name='shops')
    op.drop_table('search_grams')
    op.drop_index('ix_search_entries_place', table_name='search_entries')
    op.drop_index('ix_search_entries_thing', table_name='search_entries')
    op.drop_table('search_entries')
