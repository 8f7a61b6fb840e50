"""What the cluster sets for what shops send: how many announcements of a shop a citizen may get on one day."""

from typing import Any, Final

from blueprints import guards
from blueprints.api.contract import ApiBlueprint
from blueprints.house import now
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.staff import StaffRole
from citylife.courtesy.rules import ANNOUNCEMENTS_A_DAY, sending_rules, set_announcements_a_day
from citylife.courtesy.tables import SendingRule
from citylife.shops import Shop
from citylife.shops.oversight import any_shop
from schemas.staff import SendingRuleChangeSchema, SendingRulesSchema

blueprint: Final = ApiBlueprint("sending-rules", "How much shops may send, as the cluster sets it")


def shown_rule(rule: SendingRule, shop: Shop | None) -> dict[str, Any]:
    """A rule with its shop."""
    return {
        "shop_id": rule.shop_id,
        "shop_slug": None if shop is None else shop.slug,
        "shop_name": None if shop is None else shop.name,
        "announcements_a_day": rule.announcements_a_day,
        "reason": rule.reason,
        "set_at": rule.set_at,
    }


def shown_rules() -> dict[str, Any]:
    """Every rule that stands; where the cluster has set nothing for all shops, what holds by itself."""
    shown = [shown_rule(rule, shop) for rule, shop in sending_rules(db.session())]
    unset = {"shop_id": None, "announcements_a_day": ANNOUNCEMENTS_A_DAY}
    unset |= dict.fromkeys(("shop_slug", "shop_name", "reason", "set_at"))
    return {
        "everyone": next((rule for rule in shown if rule["shop_id"] is None), unset),
        "shops": [rule for rule in shown if rule["shop_id"] is not None],
    }


@blueprint.route("/staff/sending/rules")
@guards.staff_required(StaffRole.WATCH)
@blueprint.response(200, SendingRulesSchema)
def read_sending_rules() -> dict[str, Any]:
    """How many announcements of a shop a citizen may get on one day: of any shop, and of those with their own rule."""
    return shown_rules()


@blueprint.route("/staff/sending/rules", methods=("PUT",))
@guards.staff_required(StaffRole.ADMINISTER)
@transaction()
@blueprint.response(200, SendingRulesSchema)
@blueprint.arguments(SendingRuleChangeSchema)
def set_sending_rule(said: dict[str, Any]) -> dict[str, Any]:
    """Set the rule of a shop, or of all that have none of their own; null takes it back. It holds from now on.

    Whoever was not told for it reads so, with the number that held then.
    """
    shop_id = None if said["shop_id"] is None else any_shop(db.session(), said["shop_id"]).id
    set_announcements_a_day(
        db.session(),
        shop_id,
        said["announcements_a_day"],
        reason=said["reason"],
        now=now(),
        actor_id=guards.current_staff().id,
    )
    return shown_rules()
