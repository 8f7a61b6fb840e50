"""The tables of the first landing"""

import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


APPEND_ONLY = {"audit_log": ("UPDATE", "DELETE"), "offer_versions": ("UPDATE", "DELETE"), "consents": ("UPDATE",)}
"""Tables whose rows are never changed; a citizen's consents are only deleted with everything else of hers."""


def forbid_changes() -> None:
    """Let the database itself refuse to change what is append-only."""
    if op.get_bind().dialect.name == "sqlite":
        for table, verbs in APPEND_ONLY.items():
            for verb in verbs:
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table, verbs in APPEND_ONLY.items():
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE {' OR '.join(verbs)} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def allow_changes() -> None:
    """Take the function away again; the triggers leave with their tables."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change() CASCADE")


def upgrade() -> None:
    """Go forward."""
    op.create_table('audit_log',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('actor', sa.String(length=24), nullable=False),
    sa.Column('actor_id', Identifier(), nullable=True),
    sa.Column('action', sa.String(length=40), nullable=False),
    sa.Column('subject_id', Identifier(), nullable=True),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_log'))
    )
    with op.batch_alter_table('audit_log', schema=None) as batch_op:
        batch_op.create_index('ix_audit_log_subject', ['subject_id'], unique=False)

    op.create_table('citizens',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('bucket', sa.SmallInteger(), nullable=False),
    sa.Column('locale', sa.String(length=5), nullable=False),
    sa.Column('time_zone', sa.String(length=40), nullable=False),
    sa.Column('quiet_from', sa.Time(), nullable=False),
    sa.Column('quiet_until', sa.Time(), nullable=False),
    sa.Column('quiet_sundays', sa.Boolean(), nullable=False),
    sa.Column('weekly_budget', sa.SmallInteger(), nullable=False),
    sa.Column('daily_budget', sa.SmallInteger(), nullable=False),
    sa.Column('digest', sa.Boolean(), nullable=False),
    sa.Column('digest_at', sa.Time(), nullable=False),
    sa.Column('discover_nearby', sa.Boolean(), nullable=False),
    sa.Column('notifications_consented', sa.Boolean(), nullable=False),
    sa.Column('location_consented', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_citizens'))
    )
    op.create_table('communes',
    sa.Column('insee_code', sa.String(length=5), nullable=False),
    sa.Column('siren', sa.String(length=9), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('population', sa.Integer(), nullable=False),
    sa.Column('postal_codes', sa.JSON(), nullable=False),
    sa.Column('latitude', sa.Double(), nullable=False),
    sa.Column('longitude', sa.Double(), nullable=False),
    sa.Column('area_km2', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('insee_code', name=op.f('pk_communes'))
    )
    op.create_table('daily_counts',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('counted', sa.String(length=24), nullable=False),
    sa.Column('subject', Identifier(), nullable=False),
    sa.Column('count', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('day', 'counted', 'subject', name=op.f('pk_daily_counts')),
    sqlite_with_rowid=False
    )
    op.create_table('endpoints',
    sa.Column('endpoint_sha256', sa.LargeBinary(length=32), nullable=False),
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('device_id', Identifier(), nullable=False),
    sa.PrimaryKeyConstraint('endpoint_sha256', name=op.f('pk_endpoints')),
    sqlite_with_rowid=False
    )
    op.create_table('erasure_receipts',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('erased_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_erasure_receipts'))
    )
    op.create_table('kept_answers',
    sa.Column('caller', sa.String(length=80), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('fingerprint', sa.LargeBinary(length=32), nullable=False),
    sa.Column('state', sa.String(length=24), nullable=False),
    sa.Column('status', sa.SmallInteger(), nullable=True),
    sa.Column('headers', sa.JSON(), nullable=True),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.Column('begun_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('caller', 'key', name=op.f('pk_kept_answers'))
    )
    with op.batch_alter_table('kept_answers', schema=None) as batch_op:
        batch_op.create_index('ix_kept_answers_begun_at', ['begun_at'], unique=False)

    op.create_table('merchants',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('locale', sa.String(length=5), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_merchants')),
    sa.UniqueConstraint('email', name=op.f('uq_merchants_email'))
    )
    op.create_table('origins',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('origin', sa.String(length=200), nullable=False),
    sa.Column('paused_until', UtcDateTime(), nullable=True),
    sa.Column('stopped_at', UtcDateTime(), nullable=True),
    sa.Column('stopped_status', sa.SmallInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_origins')),
    sa.UniqueConstraint('origin', name=op.f('uq_origins_origin'))
    )
    op.create_table('staff',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('role', sa.String(length=24), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('ended_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff')),
    sa.UniqueConstraint('email', name=op.f('uq_staff_email'))
    )
    op.create_table('timetable',
    sa.Column('task', sa.String(length=24), nullable=False),
    sa.Column('subject', Identifier(), nullable=False),
    sa.Column('due_at', UtcDateTime(), nullable=False),
    sa.Column('lease_until', UtcDateTime(), nullable=True),
    sa.Column('fence', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('task', 'subject', name=op.f('pk_timetable'))
    )
    with op.batch_alter_table('timetable', schema=None) as batch_op:
        batch_op.create_index('ix_timetable_due_at', ['due_at'], unique=False)

    op.create_table('citizen_days',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_citizen_days_citizen_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('citizen_id', 'day', name=op.f('pk_citizen_days')),
    sqlite_with_rowid=False
    )
    op.create_table('citizen_tokens',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_citizen_tokens_citizen_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('citizen_id', 'digest', name=op.f('pk_citizen_tokens')),
    sqlite_with_rowid=False
    )
    op.create_table('commune_cells',
    sa.Column('insee_code', sa.String(length=5), nullable=False),
    sa.Column('cell', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['insee_code'], ['communes.insee_code'], name=op.f('fk_commune_cells_insee_code')),
    sa.PrimaryKeyConstraint('insee_code', 'cell', name=op.f('pk_commune_cells'))
    )
    with op.batch_alter_table('commune_cells', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_commune_cells_cell'), ['cell'], unique=False)

    op.create_table('consents',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('purpose', sa.String(length=24), nullable=False),
    sa.Column('granted', sa.Boolean(), nullable=False),
    sa.Column('text_version', sa.String(length=20), nullable=False),
    sa.Column('text_sha256', sa.LargeBinary(length=32), nullable=False),
    sa.Column('locale', sa.String(length=5), nullable=False),
    sa.Column('recorded_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_consents_citizen_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('citizen_id', 'id', name=op.f('pk_consents'))
    )
    op.create_table('devices',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('bucket', sa.SmallInteger(), nullable=False),
    sa.Column('origin_id', sa.Integer(), nullable=False),
    sa.Column('endpoint', sa.String(length=2048), nullable=False),
    sa.Column('endpoint_sha256', sa.LargeBinary(length=32), nullable=False),
    sa.Column('p256dh', sa.LargeBinary(length=65), nullable=False),
    sa.Column('auth', sa.LargeBinary(length=16), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=True),
    sa.Column('registered_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_devices_citizen_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['origin_id'], ['origins.id'], name=op.f('fk_devices_origin_id')),
    sa.PrimaryKeyConstraint('citizen_id', 'id', name=op.f('pk_devices'))
    )
    op.create_table('merchant_keys',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('merchant_id', Identifier(), nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('label', sa.String(length=80), nullable=False),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('revoked_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_merchant_keys_merchant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_merchant_keys')),
    sa.UniqueConstraint('digest', name=op.f('uq_merchant_keys_digest'))
    )
    with op.batch_alter_table('merchant_keys', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_merchant_keys_merchant_id'), ['merchant_id'], unique=False)

    op.create_table('shops',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('slug', sa.String(length=100), nullable=False),
    sa.Column('status', sa.String(length=24), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('description', sa.String(length=500), nullable=False),
    sa.Column('category', sa.String(length=24), nullable=False),
    sa.Column('siret', sa.String(length=14), nullable=True),
    sa.Column('rna', sa.String(length=10), nullable=True),
    sa.Column('street', sa.String(length=160), nullable=False),
    sa.Column('postal_code', sa.String(length=5), nullable=False),
    sa.Column('insee_code', sa.String(length=5), nullable=False),
    sa.Column('latitude', sa.Double(), nullable=False),
    sa.Column('longitude', sa.Double(), nullable=False),
    sa.Column('opening_hours', sa.String(length=500), nullable=True),
    sa.Column('telephone', sa.String(length=24), nullable=True),
    sa.Column('website', sa.String(length=300), nullable=True),
    sa.Column('source', sa.String(length=60), nullable=True),
    sa.Column('fictional', sa.Boolean(), nullable=False),
    sa.Column('suspended_reason', sa.String(length=300), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['insee_code'], ['communes.insee_code'], name=op.f('fk_shops_insee_code')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shops')),
    sa.UniqueConstraint('slug', name=op.f('uq_shops_slug')),
    sa.UniqueConstraint('source', name=op.f('uq_shops_source'))
    )
    with op.batch_alter_table('shops', schema=None) as batch_op:
        batch_op.create_index('ix_shops_commune', ['insee_code', 'id'], unique=False)
        batch_op.create_index('ix_shops_position', ['latitude', 'longitude'], unique=False)
        batch_op.create_index('ix_shops_siret', ['siret'], unique=False)
        batch_op.create_index('ix_shops_status', ['status', 'id'], unique=False)

    op.create_table('ended_follows',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('begun_at', UtcDateTime(), nullable=False),
    sa.Column('ended_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_ended_follows_citizen_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_ended_follows_shop_id')),
    sa.PrimaryKeyConstraint('citizen_id', 'shop_id', 'begun_at', name=op.f('pk_ended_follows')),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('ended_follows', schema=None) as batch_op:
        batch_op.create_index('ix_ended_follows_ended_at', ['ended_at'], unique=False)

    op.create_table('follows',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('level', sa.String(length=24), nullable=False),
    sa.Column('begun_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_follows_citizen_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_follows_shop_id')),
    sa.PrimaryKeyConstraint('citizen_id', 'shop_id', name=op.f('pk_follows')),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('follows', schema=None) as batch_op:
        batch_op.create_index('ix_follows_shop', ['shop_id', 'citizen_id'], unique=False)

    op.create_table('memberships',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('merchant_id', Identifier(), nullable=False),
    sa.Column('role', sa.String(length=24), nullable=False),
    sa.Column('begun_at', UtcDateTime(), nullable=False),
    sa.Column('ended_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_memberships_merchant_id')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_memberships_shop_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_memberships'))
    )
    with op.batch_alter_table('memberships', schema=None) as batch_op:
        batch_op.create_index('ix_memberships_merchant', ['merchant_id'], unique=False)
        batch_op.create_index('uq_memberships_current', ['shop_id', 'merchant_id'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.create_table('offers',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('status', sa.String(length=24), nullable=False),
    sa.Column('title', sa.String(length=80), nullable=False),
    sa.Column('description', sa.String(length=1000), nullable=False),
    sa.Column('price', sa.Integer(), nullable=True),
    sa.Column('prior_price', sa.Integer(), nullable=True),
    sa.Column('reduction', sa.Boolean(), nullable=False),
    sa.Column('perishable', sa.Boolean(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=True),
    sa.Column('radius', sa.Integer(), nullable=False),
    sa.Column('starts_at', UtcDateTime(), nullable=True),
    sa.Column('ends_at', UtcDateTime(), nullable=False),
    sa.Column('first_saved_at', UtcDateTime(), nullable=False),
    sa.Column('live_from', UtcDateTime(), nullable=True),
    sa.Column('closed_at', UtcDateTime(), nullable=True),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('piece', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_offers_shop_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_offers'))
    )
    with op.batch_alter_table('offers', schema=None) as batch_op:
        batch_op.create_index('ix_offers_live', ['shop_id', 'ends_at', 'id'], unique=False, sqlite_where=sa.text("status = 'live'"), postgresql_where=sa.text("status = 'live'"))
        batch_op.create_index('ix_offers_shop', ['shop_id', 'id'], unique=False)

    op.create_table('sending_stops',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=True),
    sa.Column('stopped_at', UtcDateTime(), nullable=False),
    sa.Column('lifted_at', UtcDateTime(), nullable=True),
    sa.Column('reason', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_sending_stops_shop_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sending_stops'))
    )
    with op.batch_alter_table('sending_stops', schema=None) as batch_op:
        batch_op.create_index('ix_sending_stops_current', ['shop_id'], unique=False, sqlite_where=sa.text('lifted_at IS NULL'), postgresql_where=sa.text('lifted_at IS NULL'))

    op.create_table('shop_claims',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('merchant_id', Identifier(), nullable=False),
    sa.Column('siret', sa.String(length=14), nullable=True),
    sa.Column('rna', sa.String(length=10), nullable=True),
    sa.Column('status', sa.String(length=24), nullable=False),
    sa.Column('proof', sa.String(length=24), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('claimed_at', UtcDateTime(), nullable=False),
    sa.Column('decided_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_shop_claims_merchant_id')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_shop_claims_shop_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shop_claims'))
    )
    with op.batch_alter_table('shop_claims', schema=None) as batch_op:
        batch_op.create_index('uq_shop_claims_pending', ['shop_id'], unique=True, sqlite_where=sa.text("status = 'pending'"), postgresql_where=sa.text("status = 'pending'"))

    op.create_table('shop_communes',
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=True),
    sa.Column('insee_code', sa.String(length=5), nullable=False),
    sa.ForeignKeyConstraint(['insee_code'], ['communes.insee_code'], name=op.f('fk_shop_communes_insee_code')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_shop_communes_shop_id')),
    sa.PrimaryKeyConstraint('shop_id', 'since', name=op.f('pk_shop_communes'))
    )
    op.create_table('shop_stands',
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('weekday', sa.SmallInteger(), nullable=False),
    sa.Column('label', sa.String(length=120), nullable=False),
    sa.Column('insee_code', sa.String(length=5), nullable=False),
    sa.Column('latitude', sa.Double(), nullable=False),
    sa.Column('longitude', sa.Double(), nullable=False),
    sa.Column('hours', sa.String(length=120), nullable=False),
    sa.ForeignKeyConstraint(['insee_code'], ['communes.insee_code'], name=op.f('fk_shop_stands_insee_code')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_shop_stands_shop_id')),
    sa.PrimaryKeyConstraint('shop_id', 'weekday', name=op.f('pk_shop_stands'))
    )
    op.create_table('messages',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('state', sa.String(length=24), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=True),
    sa.Column('offer_id', Identifier(), nullable=True),
    sa.Column('offer_version', sa.SmallInteger(), nullable=True),
    sa.Column('replaces_id', Identifier(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('release_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('cursor', Identifier(), nullable=True),
    sa.Column('decided', sa.Integer(), nullable=False),
    sa.Column('expanded_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['offer_id'], ['offers.id'], name=op.f('fk_messages_offer_id')),
    sa.ForeignKeyConstraint(['replaces_id'], ['messages.id'], name=op.f('fk_messages_replaces_id')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_messages_shop_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_messages'))
    )
    with op.batch_alter_table('messages', schema=None) as batch_op:
        batch_op.create_index('ix_messages_expanding', ['release_at'], unique=False, sqlite_where=sa.text("state = 'expanding'"), postgresql_where=sa.text("state = 'expanding'"))
        batch_op.create_index('ix_messages_offer', ['offer_id'], unique=False)

    op.create_table('offer_versions',
    sa.Column('offer_id', Identifier(), nullable=False),
    sa.Column('number', sa.SmallInteger(), nullable=False),
    sa.Column('published_at', UtcDateTime(), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('sha256', sa.LargeBinary(length=32), nullable=False),
    sa.ForeignKeyConstraint(['offer_id'], ['offers.id'], name=op.f('fk_offer_versions_offer_id')),
    sa.PrimaryKeyConstraint('offer_id', 'number', name=op.f('pk_offer_versions'))
    )
    op.create_table('decisions',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('message_id', Identifier(), nullable=False),
    sa.Column('outcome', sa.String(length=24), nullable=False),
    sa.Column('reason', sa.String(length=24), nullable=False),
    sa.Column('decided_at', UtcDateTime(), nullable=False),
    sa.Column('until', UtcDateTime(), nullable=True),
    sa.Column('local_date', sa.Date(), nullable=True),
    sa.Column('arm', sa.String(length=24), server_default='none', nullable=False),
    sa.Column('chance', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_decisions_citizen_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_decisions_message_id')),
    sa.PrimaryKeyConstraint('citizen_id', 'message_id', name=op.f('pk_decisions')),
    sqlite_with_rowid=False
    )
    op.create_table('deliveries',
    sa.Column('citizen_id', Identifier(), nullable=False),
    sa.Column('message_id', Identifier(), nullable=False),
    sa.Column('device_id', Identifier(), nullable=False),
    sa.Column('bucket', sa.SmallInteger(), nullable=False),
    sa.Column('origin_id', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=24), nullable=False),
    sa.Column('attempts', sa.SmallInteger(), nullable=False),
    sa.Column('next_at', UtcDateTime(), nullable=False),
    sa.Column('lease_until', UtcDateTime(), nullable=True),
    sa.Column('fence', sa.BigInteger(), nullable=True),
    sa.Column('accepted_at', UtcDateTime(), nullable=True),
    sa.Column('status', sa.SmallInteger(), nullable=True),
    sa.ForeignKeyConstraint(['citizen_id'], ['citizens.id'], name=op.f('fk_deliveries_citizen_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_deliveries_message_id')),
    sa.PrimaryKeyConstraint('citizen_id', 'message_id', 'device_id', name=op.f('pk_deliveries'))
    )
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.create_index('ix_deliveries_claimed', ['lease_until'], unique=False, sqlite_where=sa.text("state = 'claimed'"), postgresql_where=sa.text("state = 'claimed'"))
        batch_op.create_index('ix_deliveries_waiting', ['bucket', 'origin_id', 'next_at'], unique=False, sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))
    forbid_changes()


def downgrade() -> None:
    """Go back."""
    allow_changes()
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.drop_index('ix_deliveries_waiting', sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))
        batch_op.drop_index('ix_deliveries_claimed', sqlite_where=sa.text("state = 'claimed'"), postgresql_where=sa.text("state = 'claimed'"))

    op.drop_table('deliveries')
    op.drop_table('decisions')
    op.drop_table('offer_versions')
    with op.batch_alter_table('messages', schema=None) as batch_op:
        batch_op.drop_index('ix_messages_offer')
        batch_op.drop_index('ix_messages_expanding', sqlite_where=sa.text("state = 'expanding'"), postgresql_where=sa.text("state = 'expanding'"))

    op.drop_table('messages')
    op.drop_table('shop_stands')
    op.drop_table('shop_communes')
    with op.batch_alter_table('shop_claims', schema=None) as batch_op:
        batch_op.drop_index('uq_shop_claims_pending', sqlite_where=sa.text("status = 'pending'"), postgresql_where=sa.text("status = 'pending'"))

    op.drop_table('shop_claims')
    with op.batch_alter_table('sending_stops', schema=None) as batch_op:
        batch_op.drop_index('ix_sending_stops_current', sqlite_where=sa.text('lifted_at IS NULL'), postgresql_where=sa.text('lifted_at IS NULL'))

    op.drop_table('sending_stops')
    with op.batch_alter_table('offers', schema=None) as batch_op:
        batch_op.drop_index('ix_offers_shop')
        batch_op.drop_index('ix_offers_live', sqlite_where=sa.text("status = 'live'"), postgresql_where=sa.text("status = 'live'"))

    op.drop_table('offers')
    with op.batch_alter_table('memberships', schema=None) as batch_op:
        batch_op.drop_index('uq_memberships_current', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
        batch_op.drop_index('ix_memberships_merchant')

    op.drop_table('memberships')
    with op.batch_alter_table('follows', schema=None) as batch_op:
        batch_op.drop_index('ix_follows_shop')

    op.drop_table('follows')
    with op.batch_alter_table('ended_follows', schema=None) as batch_op:
        batch_op.drop_index('ix_ended_follows_ended_at')

    op.drop_table('ended_follows')
    with op.batch_alter_table('shops', schema=None) as batch_op:
        batch_op.drop_index('ix_shops_status')
        batch_op.drop_index('ix_shops_siret')
        batch_op.drop_index('ix_shops_position')
        batch_op.drop_index('ix_shops_commune')

    op.drop_table('shops')
    with op.batch_alter_table('merchant_keys', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_merchant_keys_merchant_id'))

    op.drop_table('merchant_keys')
    op.drop_table('devices')
    op.drop_table('consents')
    with op.batch_alter_table('commune_cells', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_commune_cells_cell'))

    op.drop_table('commune_cells')
    op.drop_table('citizen_tokens')
    op.drop_table('citizen_days')
    with op.batch_alter_table('timetable', schema=None) as batch_op:
        batch_op.drop_index('ix_timetable_due_at')

    op.drop_table('timetable')
    op.drop_table('staff')
    op.drop_table('origins')
    op.drop_table('merchants')
    with op.batch_alter_table('kept_answers', schema=None) as batch_op:
        batch_op.drop_index('ix_kept_answers_begun_at')

    op.drop_table('kept_answers')
    op.drop_table('erasure_receipts')
    op.drop_table('endpoints')
    op.drop_table('daily_counts')
    op.drop_table('communes')
    op.drop_table('citizens')
    with op.batch_alter_table('audit_log', schema=None) as batch_op:
        batch_op.drop_index('ix_audit_log_subject')

    op.drop_table('audit_log')
