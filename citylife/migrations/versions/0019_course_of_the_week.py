"""When in the week shops announce"""

import sqlalchemy as sa
from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('announcement_courses',
    sa.Column('computed_on', sa.Date(), nullable=False),
    sa.Column('counts', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('computed_on', name=op.f('pk_announcement_courses'))
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table('announcement_courses')
