"""Who is asking, and may they: citizens, merchants, staff, each in a module of their own.

Somebody else's thing is answered exactly as an absent one. A request that a cookie speaks for and that changes
something must come from our own pages (Sec-Fetch-Site, else Origin): a page elsewhere cannot act for anybody.
"""

from blueprints.guards.citizens import (
    asking,
    citizen_asking,
    citizen_or_none,
    citizen_required,
    clear_citizen_cookie,
    cookie_name,
    current_citizen,
    note_visit,
    set_citizen_cookie,
    shown_token,
    write_gathered,
)
from blueprints.guards.merchants import (
    by_key,
    current_merchant,
    merchant_id,
    merchant_required,
    merchant_session_required,
    my_offer,
    my_recurring,
    my_shop,
)
from blueprints.guards.origin import FromElsewhere, check_same_origin
from blueprints.guards.reader import AnotherReader, check_reader, reader_tag, say_reader
from blueprints.guards.refusals import (
    OwnersOnly,
    PasskeyNeeded,
    RoleMissing,
    ScopeMissing,
    SessionNeeded,
    SignInNeeded,
)
from blueprints.guards.sessions import (
    clear_session_cookie,
    own_sessions,
    session_cookie_name,
    session_required,
    set_session_cookie,
    standing_session,
)
from blueprints.guards.shown import tokens_shown
from blueprints.guards.staff import current_staff, staff_required
from blueprints.guards.tokens import bearer_token, caller

__all__ = [
    "AnotherReader",
    "FromElsewhere",
    "OwnersOnly",
    "PasskeyNeeded",
    "RoleMissing",
    "ScopeMissing",
    "SessionNeeded",
    "SignInNeeded",
    "asking",
    "bearer_token",
    "by_key",
    "caller",
    "check_reader",
    "check_same_origin",
    "citizen_asking",
    "citizen_or_none",
    "citizen_required",
    "clear_citizen_cookie",
    "clear_session_cookie",
    "cookie_name",
    "current_citizen",
    "current_merchant",
    "current_staff",
    "merchant_id",
    "merchant_required",
    "merchant_session_required",
    "my_offer",
    "my_recurring",
    "my_shop",
    "note_visit",
    "own_sessions",
    "reader_tag",
    "say_reader",
    "session_cookie_name",
    "session_required",
    "set_citizen_cookie",
    "set_session_cookie",
    "shown_token",
    "staff_required",
    "standing_session",
    "tokens_shown",
    "write_gathered",
]
