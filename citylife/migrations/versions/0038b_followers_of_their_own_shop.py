"""Who follows a shop of her own team"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier

revision = '0038b'
down_revision = '0036'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('team_followers',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_team_followers_citizen_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_team_followers_shop_id')),
    sa.PrimaryKeyConstraint('citizen_id', 'shop_id', name=op.f('pk_team_followers')),
    sqlite_with_rowid=False
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table('team_followers')
