"""The mark of a database that holds an invented town"""

import sqlalchemy as sa
from alembic import op

from citylife.database import UtcDateTime

revision = '0045'
down_revision = '0043'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('invented_towns',
    sa.Column('id', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('seed', sa.Integer(), nullable=False),
    sa.Column('scale', sa.Double(), nullable=False),
    sa.Column('drawn_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invented_towns'))
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table('invented_towns')
