"""What the public pays for the pilot"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0038'
down_revision = '0037'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('pilot_costs',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('first', sa.Date(), nullable=False),
    sa.Column('last', sa.Date(), nullable=False),
    sa.Column('cents', sa.BigInteger(), nullable=False),
    sa.Column('source', sa.String(length=300), nullable=False),
    sa.Column('replaces', Identifier(), nullable=True),
    sa.Column('entered_by', Identifier(), nullable=False),
    sa.Column('entered_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pilot_costs'))
    )
    if op.get_bind().dialect.name == 'sqlite':
        for verb in ('UPDATE', 'DELETE'):
            op.execute(
                f'CREATE TRIGGER pilot_costs_no_{verb.lower()} BEFORE {verb} ON pilot_costs '
                "BEGIN SELECT RAISE(ABORT, 'pilot_costs is append-only'); END"
            )
        return
    op.execute(
        'CREATE TRIGGER pilot_costs_append_only BEFORE UPDATE OR DELETE ON pilot_costs '
        'FOR EACH ROW EXECUTE FUNCTION refuse_change()'
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table('pilot_costs')
