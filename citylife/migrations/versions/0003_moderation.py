"""What staff do: posted codes, suspensions, reports of offers, reasons of stops, a sealed audit log"""

import datetime as dt
import hashlib

import orjson
import sqlalchemy as sa
from alembic import op

from citylife.database import Identifier, UtcDateTime, new_id

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

PAGE = 1000


def upgrade() -> None:
    """Go forward."""
    op.create_table('posted_codes',
    sa.Column('claim_id', Identifier(), nullable=False),
    sa.Column('salt', sa.LargeBinary(length=16), nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('made_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('failed', sa.SmallInteger(), nullable=False),
    sa.Column('entered_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['claim_id'], ['shop_claims.id'], name=op.f('fk_posted_codes_claim_id')),
    sa.PrimaryKeyConstraint('claim_id', name=op.f('pk_posted_codes'))
    )
    op.create_table('shop_suspensions',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('shop_id', Identifier(), nullable=False),
    sa.Column('suspended_at', UtcDateTime(), nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('lifted_at', UtcDateTime(), nullable=True),
    sa.Column('lifted_reason', sa.String(length=300), nullable=True),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_shop_suspensions_shop_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shop_suspensions'))
    )
    op.create_index('ix_shop_suspensions_shop', 'shop_suspensions', ['shop_id', 'id'])
    op.create_table('reports',
    sa.Column('id', Identifier(), nullable=False),
    sa.Column('offer_id', Identifier(), nullable=False),
    sa.Column('wrong', sa.String(length=24), nullable=False),
    sa.Column('status', sa.String(length=24), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('details', sa.JSON(), nullable=False),
    sa.Column('first_at', UtcDateTime(), nullable=False),
    sa.Column('last_at', UtcDateTime(), nullable=False),
    sa.Column('decided_at', UtcDateTime(), nullable=True),
    sa.Column('decision', sa.String(length=300), nullable=True),
    sa.ForeignKeyConstraint(['offer_id'], ['offers.id'], name=op.f('fk_reports_offer_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reports'))
    )
    op.create_index('ix_reports_status', 'reports', ['status', 'id'])
    op.create_index('uq_reports_open', 'reports', ['offer_id', 'wrong'], unique=True, sqlite_where=sa.text("status = 'open'"), postgresql_where=sa.text("status = 'open'"))
    op.add_column('shop_claims', sa.Column('visited_on', sa.Date(), nullable=True))
    op.add_column('shop_claims', sa.Column('seen_by', sa.String(length=200), nullable=True))
    op.add_column('offers', sa.Column('withdrawn_reason', sa.String(length=300), nullable=True))
    op.add_column('sending_stops', sa.Column('lifted_reason', sa.String(), nullable=True))
    remember_suspensions()
    seal_audit_log()


def downgrade() -> None:
    """Go back. What was noted stays noted, unsealed."""
    allow_changes()
    op.drop_index('ix_audit_log_action', 'audit_log')
    op.drop_index('ix_audit_log_subject', 'audit_log')
    op.drop_column('audit_log', 'sha256')
    op.drop_column('audit_log', 'previous')
    op.create_index('ix_audit_log_subject', 'audit_log', ['subject_id'])
    forbid_changes()
    op.drop_column('sending_stops', 'lifted_reason')
    op.drop_column('offers', 'withdrawn_reason')
    op.drop_column('shop_claims', 'seen_by')
    op.drop_column('shop_claims', 'visited_on')
    op.drop_table('reports')
    op.drop_table('shop_suspensions')
    op.drop_table('posted_codes')


def remember_suspensions() -> None:
    """Give each shop that is suspended now the row that lifting it will close."""
    suspensions = sa.table('shop_suspensions', sa.column('id', Identifier()), sa.column('shop_id', Identifier()),
                           sa.column('suspended_at', UtcDateTime()), sa.column('reason', sa.String()))
    shops = sa.table('shops', sa.column('id', Identifier()), sa.column('status', sa.String()),
                     sa.column('updated_at', UtcDateTime()), sa.column('suspended_reason', sa.String()))
    suspended = sa.select(shops.c.id, shops.c.updated_at, shops.c.suspended_reason).where(shops.c.status == 'suspended')
    for shop_id, since, reason in op.get_bind().execute(suspended).all():
        op.execute(suspensions.insert().values(id=new_id(), shop_id=shop_id, suspended_at=since, reason=reason or ''))


def seal_audit_log() -> None:
    """Chain the entries that are there, in the order of their numbers, and let no entry come without its seal."""
    allow_changes()
    op.add_column('audit_log', sa.Column('previous', sa.LargeBinary(length=32), nullable=True))
    op.add_column('audit_log', sa.Column('sha256', sa.LargeBinary(length=32), nullable=True))
    log = sa.table('audit_log', sa.column('id', sa.BigInteger()), sa.column('at', UtcDateTime()),
                   sa.column('actor', sa.String()), sa.column('actor_id', Identifier()),
                   sa.column('action', sa.String()), sa.column('subject_id', Identifier()),
                   sa.column('detail', sa.JSON()), sa.column('previous', sa.LargeBinary()),
                   sa.column('sha256', sa.LargeBinary()))
    bind, last, before = op.get_bind(), 0, bytes(32)
    change = log.update().where(log.c.id == sa.bindparam('number')).values(
        previous=sa.bindparam('before'), sha256=sa.bindparam('after'))
    while True:
        page = sa.select(*list(log.c)[:7]).where(log.c.id > last).order_by(log.c.id).limit(PAGE)
        sealed = []
        for number, at, actor, actor_id, action, subject_id, detail in bind.execute(page).all():
            content = {"id": number, "at": at.astimezone(dt.UTC).isoformat(timespec="microseconds"), "actor": actor,
                       "actor_id": actor_id, "action": action, "subject_id": subject_id, "detail": detail}
            after = hashlib.sha256(before + orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()
            sealed.append({"number": number, "before": before, "after": after})
            last, before = number, after
        if sealed:
            bind.execute(change, sealed)
        if len(sealed) < PAGE:
            break
    with op.batch_alter_table('audit_log', schema=None) as batch_op:
        batch_op.drop_index('ix_audit_log_subject')
        batch_op.alter_column('previous', existing_type=sa.LargeBinary(length=32), nullable=False)
        batch_op.alter_column('sha256', existing_type=sa.LargeBinary(length=32), nullable=False)
    op.create_index('ix_audit_log_subject', 'audit_log', ['subject_id', 'id'])
    op.create_index('ix_audit_log_action', 'audit_log', ['action', 'id'])
    forbid_changes()


def allow_changes() -> None:
    """Let the audit log be changed until `forbid_changes`; nobody else is in the transaction of a migration."""
    if op.get_bind().dialect.name == 'sqlite':
        op.execute("DROP TRIGGER IF EXISTS audit_log_no_update")
        op.execute("DROP TRIGGER IF EXISTS audit_log_no_delete")
    else:
        op.execute("DROP TRIGGER IF EXISTS audit_log_append_only ON audit_log")


def forbid_changes() -> None:
    """Let the database itself refuse to change the audit log, as the first migration did."""
    if op.get_bind().dialect.name == 'sqlite':
        for verb in ('UPDATE', 'DELETE'):
            op.execute(
                f"CREATE TRIGGER audit_log_no_{verb.lower()} BEFORE {verb} ON audit_log "
                "BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END"
            )
    else:
        op.execute(
            "CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
