"""On SQLite: in which blocks of the country a shop, a stand or a live offer has changed, written down by triggers"""

from alembic import op

revision = '0043'
down_revision = '0042'
branch_labels = None
depends_on = None

OF_SHOP = (
    'slug', 'status', 'name', 'category', 'street', 'postal_code', 'insee_code', 'latitude', 'longitude',
    'opening_hours', 'fictional', 'unproved',
)
OF_OFFER = ('shop_id', 'status', 'ends_at', 'piece')
KEPT = 4096


def block(row: str) -> str:
    """Where a point lies, as `citylife.neighbourhood.block_of` reckons it."""
    return f'CAST(({row}.latitude + 90) * 50 AS INTEGER) * 100000 + CAST(({row}.longitude + 360) * 25 AS INTEGER)'


def note(*selects: str) -> str:
    return ' '.join(f'INSERT INTO near_changes (block) {select};' for select in selects)


def of_shop(shop_id: str) -> tuple[str, str]:
    """The block of a shop, and those of its stands."""
    return (
        f"SELECT {block('s')} FROM shops s WHERE s.id = {shop_id}",
        f"SELECT {block('t')} FROM shop_stands t WHERE t.shop_id = {shop_id}",
    )


def row(name: str) -> str:
    return f'SELECT {block(name)}'


TRIGGERS = {
    'near_shop_made': ('AFTER INSERT ON shops', note(row('NEW'))),
    'near_shop_gone': ('AFTER DELETE ON shops', note(row('OLD'))),
    'near_shop_changed': (f"AFTER UPDATE OF {', '.join(OF_SHOP)} ON shops", note(row('OLD'), *of_shop('NEW.id'))),
    'near_stand_made': ('AFTER INSERT ON shop_stands', note(*of_shop('NEW.shop_id'))),
    'near_stand_gone': ('AFTER DELETE ON shop_stands', note(row('OLD'), *of_shop('OLD.shop_id'))),
    'near_stand_changed': (
        'AFTER UPDATE ON shop_stands', note(row('OLD'), *of_shop('OLD.shop_id'), *of_shop('NEW.shop_id')),
    ),
    'near_offer_made': ("AFTER INSERT ON offers WHEN NEW.status = 'live'", note(*of_shop('NEW.shop_id'))),
    'near_offer_gone': ("AFTER DELETE ON offers WHEN OLD.status = 'live'", note(*of_shop('OLD.shop_id'))),
    'near_offer_changed': (
        f"AFTER UPDATE OF {', '.join(OF_OFFER)} ON offers WHEN OLD.status = 'live' OR NEW.status = 'live'",
        note(*of_shop('OLD.shop_id'), *of_shop('NEW.shop_id')),
    ),
    'near_changes_kept': (
        'AFTER INSERT ON near_changes WHEN NEW.number % 1024 = 0',
        f'DELETE FROM near_changes WHERE number <= NEW.number - {KEPT};',
    ),
}


def upgrade() -> None:
    """Go forward."""
    if op.get_bind().dialect.name != 'sqlite':
        return
    op.execute(
        'CREATE TABLE near_changes (number INTEGER PRIMARY KEY NOT NULL, mark INTEGER NOT NULL DEFAULT (random()), '
        'block INTEGER NOT NULL)'
    )
    op.execute('INSERT INTO near_changes (block) VALUES (0)')
    for name, (when, done) in TRIGGERS.items():
        op.execute(f'CREATE TRIGGER {name} {when} BEGIN {done} END')


def downgrade() -> None:
    """Go back."""
    if op.get_bind().dialect.name != 'sqlite':
        return
    for name in TRIGGERS:
        op.execute(f'DROP TRIGGER {name}')
    op.execute('DROP TABLE near_changes')
