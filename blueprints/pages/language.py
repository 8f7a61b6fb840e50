"""In which language a page speaks: the one its reader chose, else the first of her browser's that is ours."""

from typing import Any, Final
from urllib.parse import urlencode

from flask import Flask, Response, request

from blueprints import problems
from blueprints.application import current_request
from blueprints.house import house
from citylife.wording import DEFAULT_LOCALE, LOCALES, Sentence, say

COOKIE: Final = "citylife-language"
COOKIE_SECONDS: Final = 400 * 24 * 3600
ARGUMENT: Final = "lang"
NAMES: Final = {"fr": "Français", "en": "English"}


def page_locale() -> str:
    """`?lang=`, else the choice she made before, else her Accept-Language, else French."""
    for choice in (request.args.get(ARGUMENT), request.cookies.get(COOKIE)):
        if choice in LOCALES:
            return str(choice)
    return problems.locale()


def spoken(template: str, /, **values: Any) -> str:
    """A French sentence, filled in and said in the reader's language; `_` in templates."""
    return say(Sentence(template, **values), page_locale())


def spoken_sentence(sentence: Sentence) -> str:
    """A sentence that the code holds, said in the reader's language; `say` in templates."""
    return say(sentence, page_locale())


def other_language() -> dict[str, str]:
    """The language to switch to: its code, its own name, and this very page in it."""
    code = "en" if page_locale() == DEFAULT_LOCALE else DEFAULT_LOCALE
    query = urlencode({**request.args.to_dict(), ARGUMENT: code})
    return {"code": code, "name": NAMES[code], "address": f"?{query}"}


def remember_choice(response: Response) -> Response:
    """Keep the language she chose by `?lang=` on this browser; it says nothing else of her."""
    asked = current_request()
    if not asked.query_string:
        return response
    choice = asked.args.get(ARGUMENT)
    if choice in LOCALES and response.mimetype == "text/html" and asked.cookies.get(COOKIE) != choice:
        response.set_cookie(
            COOKIE, choice, max_age=COOKIE_SECONDS, secure=house().settings.secure, httponly=True, samesite="Lax"
        )
    return response


def init_app(app: Flask) -> None:
    """Let every template speak: `_`, `say`, `locale()`, `other_language()`; and keep the language chosen."""
    app.after_request(remember_choice)
    app.jinja_env.globals.update(_=spoken, say=spoken_sentence, locale=page_locale, other_language=other_language)
