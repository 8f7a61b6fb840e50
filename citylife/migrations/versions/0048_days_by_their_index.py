"""What a night counts of a day is found by an index, however many years there were before"""

from alembic import op

revision = '0048'
down_revision = '0046'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_index('ix_offers_live_from', 'offers', ['live_from'], unique=False)
    op.create_index('ix_ended_follows_begun_at', 'ended_follows', ['begun_at'], unique=False)
    op.create_index('ix_ledger_sums_day', 'ledger_sums', ['day'], unique=False)
    op.create_index('ix_till_codes_used_at', 'till_codes', ['used_at'], unique=False)


def downgrade() -> None:
    """Go back."""
    op.drop_index('ix_till_codes_used_at', table_name='till_codes')
    op.drop_index('ix_ledger_sums_day', table_name='ledger_sums')
    op.drop_index('ix_ended_follows_begun_at', table_name='ended_follows')
    op.drop_index('ix_offers_live_from', table_name='offers')
