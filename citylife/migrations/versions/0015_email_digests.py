"""Addresses for the digest by e-mail"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0015'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('email_digests',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('asked_at', UtcDateTime(), nullable=False),
    sa.Column('confirm_digest', sa.LargeBinary(length=32), nullable=True),
    sa.Column('confirmed_at', UtcDateTime(), nullable=True),
    sa.Column('stop_token', sa.String(length=43), nullable=False),
    sa.Column('due_at', UtcDateTime(), nullable=True),
    sa.Column('written_at', UtcDateTime(), nullable=True),
    sa.Column('letter_id', Identifier(), nullable=True),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_email_digests_citizen_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('citizen_id', name=op.f('pk_email_digests')),
    sa.UniqueConstraint('confirm_digest', name=op.f('uq_email_digests_confirm_digest')),
    sa.UniqueConstraint('stop_token', name=op.f('uq_email_digests_stop_token'))
    )
    op.create_index('ix_email_digests_due_at', 'email_digests', ['due_at'])
    op.create_index('ix_email_digests_unconfirmed', 'email_digests', ['asked_at'], sqlite_where=sa.text("confirmed_at IS NULL"), postgresql_where=sa.text("confirmed_at IS NULL"))


def downgrade() -> None:
    """Go back. Addresses are lost."""
    op.drop_table('email_digests')
