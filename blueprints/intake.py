"""What a request may carry: JSON that every reader reads alike, and query arguments known by name, each once."""

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import marshmallow
import orjson
from flask import Request, request
from webargs import core
from webargs.flaskparser import FlaskParser

from blueprints.problems import Malformed, WrongType
from citylife.wording import Sentence
from schemas.fields import SCHEMA_MESSAGES

REPEATED: Final = Sentence("Ce paramètre est donné plusieurs fois.")
TWICE: Final = "La clé « {key} » est donnée deux fois dans un même objet."


UNKNOWN: Final[dict[str, str | None]] = {"json": None, "query": marshmallow.RAISE}
"""What becomes of an unknown argument, by where it stands: the body's schema decides, a query's is refused."""


class StrictParser(FlaskParser):
    """Reads arguments for the views, and refuses what is unknown, repeated or ambiguous."""

    DEFAULT_UNKNOWN_BY_LOCATION = UNKNOWN

    def load_json(self, req: Request, schema: marshmallow.Schema) -> Any:  # noqa: ARG002 - the interface
        """The JSON body; an empty body reads as an object without fields."""
        return read_json(req)

    def load_querystring(self, req: Request, schema: marshmallow.Schema) -> Any:  # noqa: ARG002 - the interface
        """The query arguments.

        Raises:
            ValidationError: an argument given more than once.
        """
        repeated = {name: [REPEATED] for name, values in req.args.lists() if len(values) > 1}
        if repeated:
            raise marshmallow.ValidationError(repeated)
        return req.args.to_dict()

    def _on_validation_error(self, error: marshmallow.ValidationError, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise error


def read_json(req: Request) -> Any:
    """The body as JSON values.

    Raises:
        WrongType: a body that does not say it is JSON.
        Malformed: not JSON, not UTF-8, NaN, a lone surrogate, too deep, or an object with a key given twice.
    """
    raw = req.get_data(cache=True)
    if not raw:
        return {}
    if not core.is_json(req.mimetype):
        raise WrongType
    try:
        orjson.loads(raw)
        return json.loads(raw, object_pairs_hook=_each_key_once)
    except (ValueError, RecursionError) as error:
        raise Malformed from error


def _each_key_once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise Malformed(Sentence(TWICE, key=twice[:40]))
    return found


def refuse_arguments() -> None:
    """Refuse any query argument, for a view that knows none.

    Raises:
        ValidationError: there is one.
    """
    unknown = {name: [SCHEMA_MESSAGES["unknown"]] for name in request.args}
    if unknown:
        raise marshmallow.ValidationError(
            {name: [SCHEMA_MESSAGES["unknown"]] for name in request.args} or {"": [REPEATED]}
        )
