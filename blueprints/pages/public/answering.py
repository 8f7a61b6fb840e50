"""Answers that are the same for everybody who reads one language, so that caches may keep them."""

from typing import Final

from flask import Response, request

from blueprints import conditions
from blueprints.pages.language import ARGUMENT

HTML: Final = "text/html; charset=utf-8"
VARIES_BY: Final = "Accept-Language, Cookie"
"""A cookie holds the language she chose."""


def for_everybody(body: bytes, *, cache: str, content_type: str = HTML) -> Response:
    """The body with its ETag, or 304 to who has it; the answer that keeps her choice of language is hers alone."""
    kept = conditions.PRIVATE if ARGUMENT in request.args else cache
    return conditions.answer(body, cache=kept, vary=VARIES_BY, content_type=content_type)
