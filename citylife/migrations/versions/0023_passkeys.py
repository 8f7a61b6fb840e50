"""Passkeys of merchants and staff, and the challenges of their ceremonies"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('passkey_challenges',
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('account_id', Identifier(), nullable=True),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_passkey_challenges'))
    )
    op.create_index('ix_passkey_challenges_expires_at', 'passkey_challenges', ['expires_at'])
    op.create_table('passkeys',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('credential_id', sa.LargeBinary(length=1023), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('sign_count', sa.BigInteger(), nullable=False),
    sa.Column('merchant_id', Identifier(), nullable=True),
    sa.Column('staff_id', Identifier(), nullable=True),
    sa.Column('browser', sa.String(length=24), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('used_at', UtcDateTime(), nullable=True),
    sa.CheckConstraint('(merchant_id IS NULL) <> (staff_id IS NULL)', name=op.f('ck_passkeys_one_account')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_passkeys_merchant_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_passkeys_staff_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_passkeys')),
    sa.UniqueConstraint('credential_id', name=op.f('uq_passkeys_credential_id'))
    )
    op.create_index('ix_passkeys_merchant', 'passkeys', ['merchant_id'])
    op.create_index('ix_passkeys_staff', 'passkeys', ['staff_id'])


def downgrade() -> None:
    """Go back."""
    op.drop_table('passkeys')
    op.drop_table('passkey_challenges')
