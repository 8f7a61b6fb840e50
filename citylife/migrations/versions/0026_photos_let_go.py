"""Offers that were over without having been live let their photos go; what is stored of older offers says `photo`"""

import orjson
import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier

revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None

OFFERS = sa.table('offers', sa.column('id', Identifier()), *(sa.column(name) for name in ('status', 'live_from', 'photo_id', 'piece')))
NEVER_LIVE = sa.and_(OFFERS.c.live_from.is_(None), OFFERS.c.status.in_(('withdrawn', 'ended')), OFFERS.c.photo_id.is_not(None))
PHOTO, SHOP = ',"photo":', ',"shop":{'
"""Only a key is written like this: within what a merchant wrote, JSON escapes each quotation mark."""


def upgrade() -> None:
    """Go forward."""
    let_photos_go()
    without = sa.func.instr if op.get_bind().dialect.name == 'sqlite' else sa.func.strpos
    older = sa.and_(OFFERS.c.piece.is_not(None), without(OFFERS.c.piece, PHOTO) == 0)
    op.execute(OFFERS.update().where(older).values(piece=sa.func.replace(OFFERS.c.piece, SHOP, f'{PHOTO}null{SHOP}')))


def let_photos_go() -> None:
    """Forget which photo an offer would have shown, also in what is stored of it."""
    bind = op.get_bind()
    for offer_id, piece in bind.execute(sa.select(OFFERS.c.id, OFFERS.c.piece).where(NEVER_LIVE)).all():
        said = None if piece is None else orjson.dumps({**orjson.loads(piece), 'photo': None}).decode()
        bind.execute(OFFERS.update().where(OFFERS.c.id == offer_id).values(photo_id=None, piece=said))


def downgrade() -> None:
    """Go back: there is nothing to undo."""
