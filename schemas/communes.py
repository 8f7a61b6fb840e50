"""Communes: the 100 municipalities of the agglomeration, as INSEE and IGN know them."""

from schemas.fields import Number, Resource, Said, Several, Text, Whole
from schemas.lists import MOST, ListQuery


class CommuneSchema(Resource):
    """A commune."""

    insee_code = Said()
    name = Said(metadata={"example": "Béthune"})
    postal_codes = Several(Said())
    population = Whole(metadata={"description": "Legal population (INSEE)"})
    latitude = Number(least=-90, most=90, metadata={"description": "Its centre, degrees WGS 84"})
    longitude = Number(least=-180, most=180)


class CommuneQuery(ListQuery):
    """Which communes."""

    limit = Whole(written=True, least=1, most=MOST, load_default=MOST)
    q = Text(load_default=None, longest=80, metadata={"description": "A part of the name, or a postal code"})
