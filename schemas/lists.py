"""Lists: how much is asked for, and where the list goes on."""

from functools import cache

from schemas.fields import Part, Resource, Said, Several, Text, Whole

DEFAULT_LIMIT = 20
MOST = 100


class ListQuery(Resource):
    """What every list takes."""

    limit = Whole(written=True, least=1, most=MOST, load_default=DEFAULT_LIMIT)
    cursor = Text(load_default=None, longest=200, metadata={"description": "The `next_cursor` of the page before"})


@cache
def page_of(item: type[Resource]) -> type[Resource]:
    """The schema of one page of `item`."""
    name = item.__name__.removesuffix("Schema") + "PageSchema"
    return type(
        name,
        (Resource,),
        {
            "__doc__": "One page of a list.",
            "items": Several(Part(item)),
            "next_cursor": Said(allow_none=True, metadata={"description": "Null on the last page"}),
        },
    )
