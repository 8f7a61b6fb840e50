"""Follows: which shops a citizen hears of, and how much."""

from citylife.follows import Level
from schemas.fields import Identity, Moment, OneOf, Part, Resource, Said


class FollowedShopSchema(Resource):
    """The shop, in short."""

    id = Identity()
    slug = Said()
    name = Said()


class WantedFollowSchema(Resource):
    """How much of a shop she wants to hear; at most three at « always »."""

    level = OneOf(Level, load_default=Level.NORMAL)


class FollowSchema(Resource):
    """A follow."""

    shop = Part(FollowedShopSchema)
    level = OneOf(Level)
    begun_at = Moment()
