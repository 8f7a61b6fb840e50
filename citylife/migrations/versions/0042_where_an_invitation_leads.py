"""The shop into whose team the link of an invitation leads"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier

revision = '0042'
down_revision = '0038b'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column('sign_ins', sa.Column('shop_id', Identifier(), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column('sign_ins', 'shop_id')
