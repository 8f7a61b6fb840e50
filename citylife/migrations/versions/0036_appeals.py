"""Appeals of merchants, and who decided on a report"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0036'
down_revision = '0040'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column('reports', sa.Column('decided_by', Identifier(), nullable=True))
    op.create_table(
        'appeals',
        sa.Column('id', Identifier(), nullable=False),
        sa.Column('report_id', Identifier(), nullable=False),
        sa.Column('merchant_id', Identifier(), nullable=False),
        sa.Column('words', sa.String(length=1000), nullable=False),
        sa.Column('made_at', UtcDateTime(), nullable=False),
        sa.Column('outcome', sa.String(length=24), nullable=False),
        sa.Column('decided_at', UtcDateTime(), nullable=True),
        sa.Column('decision', sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_appeals_report_id')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_appeals_merchant_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_appeals')),
    )
    waiting = sa.text("outcome = 'open'")
    op.create_index('uq_appeals_report', 'appeals', ['report_id'], unique=True)
    op.create_index('ix_appeals_open', 'appeals', ['id'], sqlite_where=waiting, postgresql_where=waiting)


def downgrade() -> None:
    """Go back: what merchants answered goes."""
    op.drop_table('appeals')
    op.drop_column('reports', 'decided_by')
