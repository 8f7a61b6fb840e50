"""Posters: in which size one is printed."""

from enum import Enum

from schemas.fields import OneOf, Resource


class PosterFormat(Enum):
    """The sizes a poster is printed in."""

    A4 = "a4"
    A5 = "a5"


class PosterQuery(Resource):
    """What the poster takes."""

    format = OneOf(PosterFormat, load_default=PosterFormat.A4)
