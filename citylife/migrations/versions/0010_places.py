"""Places of citizens"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0010'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('places',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('insee_code', sa.String(length=5), nullable=True),
    sa.Column('cell', sa.BigInteger(), nullable=True),
    sa.Column('set_on', sa.Date(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=True),
    sa.CheckConstraint('(insee_code IS NULL) <> (cell IS NULL)', name=op.f('ck_places_commune_or_cell')),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_places_citizen_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['insee_code'], ['communes.insee_code'], name=op.f('fk_places_insee_code')),
    sa.PrimaryKeyConstraint('citizen_id', 'id', name=op.f('pk_places')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_places_cell', 'places', ['cell', 'citizen_id'], unique=False)
    op.create_index('ix_places_commune', 'places', ['insee_code', 'citizen_id'], unique=False)
    op.create_index('ix_places_expires_at', 'places', ['expires_at'], unique=False)
    op.create_index('uq_places_now', 'places', ['citizen_id'], unique=True, sqlite_where=sa.text("kind = 'now'"), postgresql_where=sa.text("kind = 'now'"))


def downgrade() -> None:
    """Go back."""
    op.drop_table('places')
