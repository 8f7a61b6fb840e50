"""The export of everything kept of a citizen: sections of rows, each with headings in her language."""

from marshmallow import fields

from schemas.fields import Identity, Moment, Part, Resource, Said, Several


class ExportSectionSchema(Resource):
    """One kind of thing that is kept."""

    name = Said(metadata={"description": "Stable; the title is for people", "example": "follows"})
    title = Said(metadata={"example": "Les commerces que vous suivez"})
    headings = fields.Dict(keys=Said(), values=Said(), metadata={"description": "What each field of a row is"})
    rows = Several(
        fields.Dict(keys=Said()),
        metadata={"description": "Moments in UTC (RFC 3339), bytes in hexadecimal, words of the contract as they are"},
    )


class LeftOutSchema(Resource):
    """What is kept and not exported."""

    name = Said(metadata={"description": "A table, or a column of one", "example": "citizen_tokens.digest"})
    why = Said()


class ExportSchema(Resource):
    """Everything that is kept of you, and what is left out with its reason."""

    id = Identity()
    exported_at = Moment()
    about = Said()
    sections = Several(Part(ExportSectionSchema))
    left_out = Several(Part(LeftOutSchema))
