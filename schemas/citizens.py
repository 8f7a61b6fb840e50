"""A citizen and her settings, as she sees them; nobody else does."""

from schemas.fields import ClockTime, Identity, Moment, Resource, Said, Text, Truth, Whole

MOST_A_WEEK = 20
MOST_A_DAY = 10


class NewCitizenSchema(Resource):
    """What a new citizen may say of herself: nothing is asked for."""

    locale = Text(
        load_default=None, allow_none=True, longest=5, metadata={"description": "fr or en; else your Accept-Language"}
    )
    cookie = Truth(
        load_default=False,
        metadata={
            "description": "For our own pages: the token goes into an HttpOnly cookie instead of the answer. "
            "A browser that already has one keeps its citizen, and the status is 200."
        },
    )


class CreatedCitizenSchema(Resource):
    """The citizen just made, and the token that speaks for her: it is said once."""

    id = Identity()
    token = Said(metadata={"description": "Absent when it went into the cookie"})


class CitizenSchema(Resource):
    """Her settings."""

    id = Identity()
    created_at = Moment()
    locale = Said()
    time_zone = Said(metadata={"description": "IANA name"})
    quiet_from = ClockTime()
    quiet_until = ClockTime()
    quiet_sundays = Truth()
    weekly_budget = Whole(metadata={"description": "Notifications a week, of all shops together"})
    daily_budget = Whole(metadata={"description": "Notifications a day, of all shops together"})
    digest = Truth()
    digest_at = ClockTime()
    discover_nearby = Truth()
    notifications_consented = Truth(metadata={"description": "Her latest answer; see /me/consents"})
    location_consented = Truth(metadata={"description": "Her latest answer; see /me/consents"})


class WishesSchema(Resource):
    """What she changes of her settings; what is absent stays."""

    locale = Text(longest=5)
    time_zone = Text(longest=40)
    quiet_from = ClockTime()
    quiet_until = ClockTime()
    quiet_sundays = Truth()
    weekly_budget = Whole(least=0, most=MOST_A_WEEK)
    daily_budget = Whole(least=0, most=MOST_A_DAY)
    digest = Truth()
    digest_at = ClockTime()
    discover_nearby = Truth()


class ErasureReceiptSchema(Resource):
    """Proof that everything of hers is erased; it leads back to nothing."""

    id = Identity()
    erased_at = Moment()
