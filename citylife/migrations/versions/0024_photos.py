"""Photos of shops and offers"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None

UNUSED = 'NOT fronts AND NOT published'


def upgrade() -> None:
    """Go forward."""
    op.create_table('photos',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('fronts', sa.Boolean(), nullable=False),
    sa.Column('published', sa.Boolean(), nullable=False),
    sa.Column('touched_at', UtcDateTime(), nullable=False),
    sa.Column('width', sa.SmallInteger(), nullable=False),
    sa.Column('height', sa.SmallInteger(), nullable=False),
    sa.Column('small_width', sa.SmallInteger(), nullable=False),
    sa.Column('small_height', sa.SmallInteger(), nullable=False),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_photos_shop_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_photos'))
    )
    op.create_index('ix_photos_shop', 'photos', ['shop_id', 'touched_at'])
    op.create_index('uq_photos_fronts', 'photos', ['shop_id'], unique=True, sqlite_where=sa.text('fronts'), postgresql_where=sa.text('fronts'))
    op.create_index('ix_photos_unused', 'photos', ['touched_at'], sqlite_where=sa.text(UNUSED), postgresql_where=sa.text(UNUSED))
    op.create_table('photo_files',
    sa.Column('photo_id', Identifier(), nullable=False),
    sa.Column('size', sa.String(length=24), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['photo_id'], ['photos.id'], name=op.f('fk_photo_files_photo_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('photo_id', 'size', name=op.f('pk_photo_files'))
    )
    kind = Identifier().compile(op.get_bind().dialect)  # SQLite adds a reference in the column itself, or not at all
    op.execute(f'ALTER TABLE offers ADD COLUMN photo_id {kind} CONSTRAINT fk_offers_photo_id REFERENCES photos (id)')
    there = sa.text('photo_id IS NOT NULL')
    op.create_index('ix_offers_photo', 'offers', ['photo_id'], sqlite_where=there, postgresql_where=there)


def downgrade() -> None:
    """Go back."""
    op.drop_index('ix_offers_photo', table_name='offers')
    op.drop_column('offers', 'photo_id')
    op.drop_table('photo_files')
    op.drop_table('photos')
