"""Signing in: sessions, requests, letters, paces"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0002'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('letters',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('state', sa.String(length=24), nullable=False),
    sa.Column('recipient', sa.String(length=254), nullable=False),
    sa.Column('locale', sa.String(length=5), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('written_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('next_at', UtcDateTime(), nullable=False),
    sa.Column('attempts', sa.SmallInteger(), nullable=False),
    sa.Column('lease_until', UtcDateTime(), nullable=True),
    sa.Column('fence', sa.BigInteger(), nullable=True),
    sa.Column('settled_at', UtcDateTime(), nullable=True),
    sa.Column('answer', sa.SmallInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_letters'))
    )
    with op.batch_alter_table('letters', schema=None) as batch_op:
        batch_op.create_index('ix_letters_waiting', ['next_at'], unique=False, sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))

    op.create_table('paces',
    sa.Column('limit_name', sa.String(length=40), nullable=False),
    sa.Column('subject', sa.LargeBinary(length=32), nullable=False),
    sa.Column('ahead_until', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('limit_name', 'subject', name=op.f('pk_paces')),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('paces', schema=None) as batch_op:
        batch_op.create_index('ix_paces_ahead_until', ['ahead_until'], unique=False)

    op.create_table('account_sessions',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('merchant_id', Identifier(), nullable=True),
    sa.Column('staff_id', Identifier(), nullable=True),
    sa.Column('browser', sa.String(length=24), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('seen_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('ended_at', UtcDateTime(), nullable=True),
    sa.CheckConstraint('(merchant_id IS NULL) <> (staff_id IS NULL)', name=op.f('ck_account_sessions_one_account')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_account_sessions_merchant_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_account_sessions_staff_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account_sessions')),
    sa.UniqueConstraint('digest', name=op.f('uq_account_sessions_digest'))
    )
    with op.batch_alter_table('account_sessions', schema=None) as batch_op:
        batch_op.create_index('ix_account_sessions_merchant', ['merchant_id'], unique=False)
        batch_op.create_index('ix_account_sessions_staff', ['staff_id'], unique=False)

    op.create_table('sign_ins',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('merchant_id', Identifier(), nullable=True),
    sa.Column('staff_id', Identifier(), nullable=True),
    sa.Column('link_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('code_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('tries', sa.SmallInteger(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('used_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_sign_ins_merchant_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_sign_ins_staff_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_ins')),
    sa.UniqueConstraint('link_digest', name=op.f('uq_sign_ins_link_digest'))
    )
    with op.batch_alter_table('sign_ins', schema=None) as batch_op:
        batch_op.create_index('ix_sign_ins_expires_at', ['expires_at'], unique=False)



def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table('sign_ins', schema=None) as batch_op:
        batch_op.drop_index('ix_sign_ins_expires_at')

    op.drop_table('sign_ins')
    with op.batch_alter_table('account_sessions', schema=None) as batch_op:
        batch_op.drop_index('ix_account_sessions_staff')
        batch_op.drop_index('ix_account_sessions_merchant')

    op.drop_table('account_sessions')
    with op.batch_alter_table('paces', schema=None) as batch_op:
        batch_op.drop_index('ix_paces_ahead_until')

    op.drop_table('paces')
    with op.batch_alter_table('letters', schema=None) as batch_op:
        batch_op.drop_index('ix_letters_waiting', sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))

    op.drop_table('letters')
