"""A merchant's API keys, shared by the API and the pages: made and revoked by herself, and written down."""

import datetime as dt
import uuid
from collections.abc import Iterable

from blueprints import guards
from blueprints.house import now
from blueprints.storage import db
from citylife import audit
from citylife.accounts.merchants import MerchantKey, Scope, new_key, revoke_key
from citylife.audit import Actor


def make(label: str, scopes: Iterable[Scope], expires_at: dt.datetime | None) -> tuple[MerchantKey, str]:
    """A new key of who is asking, and its token, which is told once.

    Raises:
        KeyWithoutScope, KeyEndsTooSoon, TooManyKeys, TextRefused: as `new_key` does.
    """
    session, merchant, moment = db.session(), guards.current_merchant(), now()
    key, token = new_key(session, merchant, label, scopes, expires_at=expires_at, now=moment)
    audit.note(session, "key.made", key.id, actor=Actor.MERCHANT, actor_id=merchant.id, now=moment, scopes=key.scopes)
    return key, token


def revoke(key_id: uuid.UUID) -> None:
    """Revoke a key of who is asking: whatever uses it is refused from now on.

    Raises:
        Absent: there is no such key, or it is another's.
    """
    session, merchant_id, moment = db.session(), guards.merchant_id(), now()
    revoke_key(session, merchant_id, key_id, now=moment)
    audit.note(session, "key.revoked", key_id, actor=Actor.MERCHANT, actor_id=merchant_id, now=moment)
