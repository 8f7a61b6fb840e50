"""A problem as a page: what a person sees where a program would read `application/problem+json`."""

from http import HTTPStatus
from typing import Final

from flask import Response, make_response, render_template

from blueprints.pages.language import page_locale
from blueprints.problems import PersonTold
from citylife.wording import Sentence, say

HOME: Final = ("/", Sentence("Revenir à l’accueil"))
NOT_HERE: Final = PersonTold(
    Sentence("Cette page n’est pas là"),
    Sentence("L’adresse est peut-être incomplète, ou ce qu’elle montrait a été retiré."),
    *HOME,
)
"""Words for people who came by a link, instead of those for programmers."""


def problem_page(status: int, title: str, detail: str, told: PersonTold | None) -> Response:
    """The problem in the reader's language, with a way on: the refusal's own words for people where it has any."""
    if told is None and status == HTTPStatus.NOT_FOUND:
        told = NOT_HERE
    leads_to, way = HOME
    if told is not None:
        title, detail, leads_to, way = told.title, told.detail, told.leads_to, told.way
    said = {name: say(words, page_locale()) for name, words in (("title", title), ("detail", detail), ("way", way))}
    return make_response(render_template("problem.html", status=status, leads_to=leads_to, **said), status)
