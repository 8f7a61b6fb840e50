"""The keys a database is used with, and which of them each browser subscribed with"""

import sqlalchemy as sa
from alembic import op

from citylife.database import UtcDateTime

revision = '0007'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('noted_keys',
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('number', sa.SmallInteger(), nullable=False),
    sa.Column('mark', sa.String(length=88), nullable=False),
    sa.Column('current', sa.Boolean(), nullable=False),
    sa.Column('noted_at', UtcDateTime(), nullable=False),
    sa.Column('ended_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('kind', 'number', name=op.f('pk_noted_keys')),
    sa.UniqueConstraint('kind', 'mark', name=op.f('uq_noted_keys_kind_mark'))
    )
    op.add_column('devices', sa.Column('push_key', sa.SmallInteger(), server_default='1', nullable=False))


def downgrade() -> None:
    """Go back."""
    op.drop_column('devices', 'push_key')
    op.drop_table('noted_keys')
