"""Which problems each operation may answer: those that its shape brings by itself, and those of the rules behind it.

A test holds every refusal that the other tests meet against what is written here.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

ALWAYS: Final = ("invalid", "host-refused", "too-many-requests", "failure", "unavailable")
"""`invalid`: a query argument that the operation does not know."""
WITH_BODY: Final = ("malformed", "unsupported-media-type", "too-large")
WITH_KEY: Final = ("idempotency-key-reused", "in-progress", "already-answered")
WITH_MATCH: Final = ("precondition-required", "changed-meanwhile")
OFFER: Final = ("text-refused", "offer-bounds", "offer-dates", "offer-price", "category-refused", "photo-unknown")
SHOP: Final = (
    "text-refused",
    "category-refused",
    "contact-refused",
    "hours-not-understood",
    "not-in-territory",
    "siret-refused",
    "rna-refused",
)
GOING_LIVE: Final = (*OFFER, "already-live", "offer-closed", "shop-not-verified", "shop-suspended")
WEEKLY: Final = (
    "text-refused",
    "offer-bounds",
    "offer-dates",
    "offer-price",
    "photo-unknown",
    "rhythm-refused",
    "shop-not-verified",
    "shop-suspended",
)
OF_THE_RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "become_citizen": ("cross-site", "wish-refused"),
    "change_me": ("wish-refused", "changed-meanwhile"),
    "move_here": ("cross-site", "moving-code-refused", "too-many-tries"),
    "answer_consent": ("consent-text-unknown",),
    "find_nearby": ("outside-territory",),
    "list_offers": ("outside-territory",),
    "list_shops": ("outside-territory",),
    "follow_shop": ("too-many-always",),
    "choose_place": ("outside-territory", "no-location-consent", "too-many-places"),
    "tell_me_near": ("outside-territory", "no-location-consent", "no-consent"),
    "add_device": (
        "no-consent",
        "endpoint-refused",
        "keys-refused",
        "push-key-unknown",
        "subscription-expired",
        "too-many-devices",
    ),
    "ask_to_sign_in": ("email-refused",),
    "sign_in_by_code": ("cross-site", "sign-in-refused"),
    "make_key": ("key-without-scope", "key-ends-too-soon", "text-refused", "too-many-keys"),
    "read_journal": ("owners-only",),
    "invite_member": ("owners-only", "email-refused", "last-owner"),
    "let_member_go": ("owners-only", "last-owner"),
    "claim_my_shop": (*SHOP, "number-needed", "already-listed", "shop-already-claimed"),
    "claim_listed": ("number-needed", "siret-refused", "rna-refused", "shop-already-claimed", "number-elsewhere"),
    "propose_company": ("siret-refused",),
    "change_my_shop": (*SHOP, "stand-refused", "owners-only", "shop-suspended", "shop-not-verified", "photo-unknown"),
    "add_my_photo": ("photo-unreadable", "photo-too-large", "photo-too-small", "too-many-photos", "busy"),
    "print_my_poster": ("no-poster",),
    "draft_my_offer": OFFER,
    "correct_my_offer": (*OFFER, "fixed-once-live", "offer-closed"),
    "delete_my_offer": ("offer-closed",),
    "publish_my_offer": GOING_LIVE,
    "schedule_my_offer": GOING_LIVE,
    "withdraw_my_offer": ("offer-closed",),
    "sell_out_my_offer": ("not-live", "offer-closed"),
    "declare_my_use": ("nothing-to-declare",),
    "undo_my_declared_use": ("declared-too-long-ago",),
    "undo_sell_out_my_offer": ("not-sold-out", "undo-too-late"),
    "prove_possession": ("owners-only", "not-claimed", "no-code-posted", "posted-code-over", "posted-code-wrong"),
    "take_till_code": ("no-till-code",),
    "redeem_code": ("till-code-unknown", "till-code-used", "till-code-over"),
    "begin_my_recurring_offer": (*WEEKLY, "too-many-recurring"),
    "change_my_recurring_offer": (*WEEKLY, "recurring-over"),
    "skip_my_recurring_offer": ("recurring-over", "not-next"),
    "undo_my_skip": ("recurring-over", "not-next"),
    "report_bad_offer": ("not-found", "text-refused"),
    "verify_claim": ("not-claimed", "another-claim", "possession-not-proved", "visit-refused", "text-refused"),
    "refuse_pending_claim": ("not-claimed", "another-claim", "text-refused"),
    "read_shop": ("shop-closed-down",),
    "list_shop_offers": ("shop-closed-down",),
    "close_listed_shop": ("not-listed", "text-refused"),
    "reopen_closed_shop": ("not-closed-down", "text-refused"),
    "suspend_any_shop": ("not-verified", "text-refused"),
    "reinstate_any_shop": ("not-suspended", "text-refused"),
    "post_shop_code": ("not-claimed", "another-claim"),
    "uphold_report": ("report-closed", "text-refused"),
    "dismiss_report": ("report-closed", "text-refused"),
    "stop_all_or_a_shop": ("not-found", "already-stopped", "text-refused"),
    "resume_all_or_a_shop": ("not-found", "not-stopped", "text-refused"),
    "set_sending_rule": ("not-found", "text-refused"),
    "read_demand_letter": ("too-few-waiting",),
    "send_pilot_report": ("report-on-its-way",),
    "propose_pilot_target": ("target-refused", "text-refused"),
    "enter_pilot_cost": ("cost-refused", "text-refused", "not-found"),
    "approve_pilot_target": ("own-target", "target-settled"),
}
"""What the rules of the house may refuse, by operation."""


def problems_of(operation: Mapping[str, Any], method: str, *, in_path: bool) -> list[str]:
    """The slugs of the problems an operation may answer; `in_path`: its address names a thing, which may be absent."""
    return sorted(set(_problems_of(operation, method, in_path=in_path)))


def _problems_of(operation: Mapping[str, Any], method: str, *, in_path: bool) -> Iterator[str]:
    yield from ALWAYS
    yield from _of_who_asks({name for rule in operation.get("security", ()) for name in rule}, method)
    headers = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "header"}
    for brought, slugs in (
        (in_path, ("not-found",)),
        (method != "get", ("collision", "too-large")),
        ("requestBody" in operation, WITH_BODY),
        ("Idempotency-Key" in headers, WITH_KEY),
        ("If-Match" in headers, WITH_MATCH),
    ):
        if brought:
            yield from slugs
    yield from OF_THE_RULES.get(operation["operationId"], ())


def _of_who_asks(schemes: set[str], method: str) -> Iterator[str]:
    if schemes:
        yield "sign-in-needed"
    if "citizenToken" in schemes and method != "get":
        yield "not-found"  # erased meanwhile
    if "merchantKey" in schemes:
        yield "scope-missing"
    if "staffSession" in schemes and "merchantSession" not in schemes:
        yield "role-missing"
    if "merchantSession" in schemes and "merchantKey" not in schemes:
        yield "session-needed"
    if method != "get" and any(name.endswith("Cookie") for name in schemes):
        yield "cross-site"
