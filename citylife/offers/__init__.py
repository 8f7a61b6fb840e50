"""Offers, events and news of shops: draft, scheduled, live, then ended by time, withdrawn or sold out."""

from citylife.ledger.messages import UNDO
from citylife.offers.closing import end_due, sold_out, undo_sold_out, withdraw
from citylife.offers.coming_again import recur_due
from citylife.offers.drafts import OfferChanges, OfferDraft, correct_offer, draft_offer
from citylife.offers.prior_prices import AskedPrice, lowest_asked
from citylife.offers.publishing import publish, schedule, start_due
from citylife.offers.reading import every_offer_of_shop, offer_of_team, offers_of_shop, public_offer, told_offers
from citylife.offers.recurring import Occurred, Occurrence, RecurringDraft, RecurringOffer, RecurringStatus
from citylife.offers.tables import LONGEST, Offer, OfferKind, OfferStatus, OfferVersion
from citylife.offers.weekly import Rhythm

__all__ = [
    "LONGEST",
    "UNDO",
    "AskedPrice",
    "Occurred",
    "Occurrence",
    "Offer",
    "OfferChanges",
    "OfferDraft",
    "OfferKind",
    "OfferStatus",
    "OfferVersion",
    "RecurringDraft",
    "RecurringOffer",
    "RecurringStatus",
    "Rhythm",
    "correct_offer",
    "draft_offer",
    "end_due",
    "every_offer_of_shop",
    "lowest_asked",
    "offer_of_team",
    "offers_of_shop",
    "public_offer",
    "publish",
    "recur_due",
    "schedule",
    "sold_out",
    "start_due",
    "told_offers",
    "undo_sold_out",
    "withdraw",
]
