"""The body of every refusal and failure: RFC 9457, `application/problem+json`."""

from schemas.fields import Part, Resource, Said, Several, Whole


class FaultSchema(Resource):
    """One field at fault."""

    pointer = Said(metadata={"description": "JSON pointer (RFC 6901) of the field, or of the query argument"})
    detail = Said(metadata={"description": "What is wrong with it, in the caller's language"})


class ProblemSchema(Resource):
    """Why a request was not satisfied, in the caller's language."""

    type = Said(metadata={"format": "uri", "description": "A stable address for this kind of problem"})
    title = Said(metadata={"description": "The kind of problem"})
    status = Whole(metadata={"description": "The HTTP status"})
    detail = Said(metadata={"description": "What happened this time"})
    instance = Said(metadata={"format": "uri-reference", "description": "The path that was asked for"})
    errors = Several(Part(FaultSchema), metadata={"description": "The fields at fault; only with status 422"})
