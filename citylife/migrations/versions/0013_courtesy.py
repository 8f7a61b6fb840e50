"""Budgets, digests, rhythms, what the cluster sets for shops, and the seeds of draws"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

SEEDS = {
    'sqlite': 'abs(random() % 2147483646) + 1',
    'postgresql': '1 + floor(random() * 2147483646)',
}


def upgrade() -> None:
    """Go forward. Citizens who are there already get a seed of their own."""
    op.create_table('budget_slots',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('week_of', sa.Date(), nullable=False),
    sa.Column('slot', sa.SmallInteger(), nullable=False),
    sa.Column('local_date', sa.Date(), nullable=False),
    sa.Column('message_id', Identifier(), nullable=False),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_budget_slots_citizen_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_budget_slots_message_id')),
    sa.PrimaryKeyConstraint('citizen_id', 'week_of', 'slot', name=op.f('pk_budget_slots')),
    sqlite_with_rowid=False
    )
    op.create_table('digest_lines',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('message_id', Identifier(), nullable=False),
    sa.Column('due_at', UtcDateTime(), nullable=True),
    sa.Column('digest_id', Identifier(), nullable=True),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_digest_lines_citizen_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['digest_id'], ['messages.id'], name=op.f('fk_digest_lines_digest_id')),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_digest_lines_message_id')),
    sa.PrimaryKeyConstraint('citizen_id', 'message_id', name=op.f('pk_digest_lines')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_digest_lines_due_at', 'digest_lines', ['due_at'])
    op.create_table('shop_rhythms',
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('weekly', sa.Integer(), nullable=False),
    sa.Column('computed_on', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_shop_rhythms_shop_id')),
    sa.PrimaryKeyConstraint('shop_id', name=op.f('pk_shop_rhythms')),
    sqlite_with_rowid=False
    )
    op.create_table('sending_rules',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=True),
    sa.Column('announcements_a_day', sa.SmallInteger(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('set_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_sending_rules_shop_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sending_rules')),
    sa.UniqueConstraint('shop_id', name=op.f('uq_sending_rules_shop_id'))
    )
    op.add_column('messages', sa.Column('draw_a', sa.BigInteger(), nullable=True))
    op.add_column('messages', sa.Column('draw_b', sa.BigInteger(), nullable=True))
    op.add_column('messages', sa.Column('discovering', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index('ix_messages_shop', 'messages', ['shop_id', 'created_at'])
    op.add_column('citizens', sa.Column('pace', sa.Integer(), server_default='0', nullable=False))
    op.add_column('citizens', sa.Column('draw_seed', sa.BigInteger(), server_default='1', nullable=False))
    op.execute(f"UPDATE citizens SET draw_seed = {SEEDS[op.get_context().dialect.name]}")


def downgrade() -> None:
    """Go back. Budgets begin anew, and what was put aside for digests is lost."""
    op.drop_column('citizens', 'draw_seed')
    op.drop_column('citizens', 'pace')
    op.drop_index('ix_messages_shop', 'messages')
    op.drop_column('messages', 'discovering')
    op.drop_column('messages', 'draw_b')
    op.drop_column('messages', 'draw_a')
    op.drop_table('sending_rules')
    op.drop_table('shop_rhythms')
    op.drop_table('digest_lines')
    op.drop_table('budget_slots')
