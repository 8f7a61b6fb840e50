"""What public registers propose to whoever claims a shop: addresses as they are typed, a company by its SIRET."""

from schemas.fields import Number, Part, Resource, Said, Several, Text, Truth
from schemas.shops import CommuneBriefSchema

LONGEST_WORDS = 200


class AddressWordsSchema(Resource):
    """An address as far as it is typed."""

    words = Text(required=True, longest=LONGEST_WORDS, metadata={"example": "12 rue de lille bét"})


class ProposedAddressSchema(Resource):
    """An address of the territory."""

    label = Said(metadata={"example": "12 Rue de Lille 62400 Béthune"})
    street = Said(metadata={"example": "12 Rue de Lille"})
    postal_code = Said(metadata={"example": "62400"})
    commune = Part(CommuneBriefSchema)
    latitude = Number(least=-90, most=90, metadata={"description": "Degrees WGS 84"})
    longitude = Number(least=-180, most=180)


class ProposedAddressesSchema(Resource):
    """What the words may mean in the territory, the likeliest first, six at most."""

    items = Several(Part(ProposedAddressSchema))
    answered = Truth(metadata={"description": "False where the register did not answer: nothing is refused for that"})
    elsewhere = Truth(metadata={"description": "Whether the words surely mean an address outside the territory"})


class CompanySiretSchema(Resource):
    """A SIRET to look up."""

    siret = Text(required=True, longest=24, metadata={"example": "732 829 320 00074"})


class ProposedCompanySchema(Resource):
    """What the public register says of an establishment, to be corrected; both empty where it says nothing."""

    name = Said(metadata={"example": "CHEZ LEON"})
    address = Said(metadata={"description": "On one line", "example": "12 RUE DE LILLE 62400 BETHUNE"})
    note = Said(allow_none=True, metadata={"description": "Why nothing is proposed, in the caller's language"})
