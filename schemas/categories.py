"""Categories: the short list of trades, and what each may do here."""

from citylife.categories import Policy
from schemas.fields import OneOf, Resource, Said, Several


class CategorySchema(Resource):
    """A trade; `name` is in the caller's language."""

    key = Said(metadata={"example": "bakery"})
    name = Said(metadata={"example": "Boulangerie, pâtisserie"})
    policy = OneOf(Policy)
    tags = Several(Said(), metadata={"description": "OpenStreetMap tags"})
