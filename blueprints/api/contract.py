"""The house's dialect of flask-smorest: strict arguments, stored bytes, ETags, problems; and the OpenAPI it writes."""

import functools
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final, ParamSpec, TypeVar

import flask_smorest
from flask import Flask, Response, current_app, request
from flask_smorest.utils import prepare_response
from marshmallow import Schema
from werkzeug.routing import BaseConverter

from blueprints import conditions, intake, problems
from blueprints.documented import documented, takes_header
from blueprints.storage import SAFE
from schemas.fields import CLOCK_TIME, Cell, ClockTime, Money
from schemas.problems import ProblemSchema

P = ParamSpec("P")
R = TypeVar("R")
View = TypeVar("View", bound=Callable[..., Any])

PREFIX: Final = "/api/v1"
IF_MATCH: Final = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "schema": {"type": "string"},
    "description": "The ETag of your last reading. Without it 428, with another 412.",
}
IF_NONE_MATCH: Final = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of your last reading; 304 when nothing has changed.",
}
DEFAULT_PROBLEM: Final = {"default": "DEFAULT_ERROR"}
UNCHANGED: Final = {"304": {"description": "Nothing has changed since the ETag in If-None-Match"}}


def conditional(view: Callable[P, R]) -> Callable[P, R]:
    """Say in the document that the view needs If-Match (the view itself calls `conditions.must_match`)."""
    takes_header(view, IF_MATCH)
    return view


class Slug(BaseConverter):
    """A shop's name in a URL."""

    regex = "[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?"


class ApiBlueprint(flask_smorest.Blueprint):  # type: ignore[misc] # the library has no types
    """The views of one resource, under `/api/v1`."""

    ARGUMENTS_PARSER: ClassVar[intake.StrictParser] = intake.StrictParser()

    def __init__(self, name: str, description: str) -> None:
        super().__init__(name, __name__, url_prefix=PREFIX, description=description)
        self._prepare_doc_cbks.append(_write_header_parameters)
        self.before_request(take_in)

    def described(self, *decorators: Callable[[Any], Any]) -> Callable[[View], View]:
        """Document a view as these decorators would, the first the innermost, without wrapping it in any of them."""

        def decorate(view: View) -> View:
            shadow: Any = functools.wraps(view)(lambda: None)
            for decorator in decorators:
                shadow = decorator(shadow)
            view.__dict__.update(_apidoc=shadow._apidoc, takes_query=getattr(shadow, "takes_query", False))  # noqa: SLF001
            return view

        return decorate

    def also(self, status: int, schema: type[Schema] | None = None, description: str = "") -> Callable[[View], View]:
        """Document another answer the view may give."""

        def decorate(view: View) -> View:
            result: View = self.alt_response(status, schema=schema, description=description, success=True)(view)
            return result

        return decorate

    def route(self, rule: str, *, methods: tuple[str, ...] = ("GET",), **options: Any) -> Callable[[View], View]:
        """Answer `rule` with a view, and write it into the OpenAPI document."""
        add = super().route(rule, methods=list(methods), **options)

        def decorate(view: View) -> View:
            answers: dict[str, Any] = dict(DEFAULT_PROBLEM)
            if methods == ("GET",):
                takes_header(view, IF_NONE_MATCH)
                answers |= UNCHANGED
            documented(view, operationId=view.__name__, responses=answers)
            result: View = add(view)
            return result

        return decorate

    def arguments(
        self, schema: type[Schema] | Schema, *, location: str = "json", **options: Any
    ) -> Callable[[Callable[..., R]], Callable[..., R]]:
        """Hand the view what the request carries, once `schema` accepts it; an absent body reads as an empty one."""
        fields = (schema() if isinstance(schema, type) else schema).fields.values()
        options.setdefault("required", location != "json" or any(field.required for field in fields))
        decorate = super().arguments(schema, location=location, **options)

        def take(view: Callable[..., R]) -> Callable[..., R]:
            taking: Callable[..., R] = decorate(view)
            if location == "query":
                taking.takes_query = True  # type: ignore[attr-defined]
            return taking

        return take

    def response(
        self, status: int, schema: type[Schema] | Schema | dict[str, str] | None = None, **options: Any
    ) -> Callable[[Callable[P, Any]], Callable[P, Response]]:
        """Say what the view gives through `schema`, with an ETag; a Response of its own goes out as it is.

        A dict only documents: it is the shape of what is no JSON, such as a page.
        """
        write = super().response(status, schema, **options)
        dump = schema() if isinstance(schema, type) else schema if isinstance(schema, Schema) else None

        def decorate(view: Callable[P, Any]) -> Callable[P, Response]:
            @functools.wraps(view)
            def said(*args: P.args, **kwargs: P.kwargs) -> Response:
                result = view(*args, **kwargs)
                if isinstance(result, Response):
                    return result
                if dump is None:
                    return Response(status=status)
                return conditions.answer(conditions.json_bytes(dump.dump(result)), status)

            answered: Callable[P, Response] = write(said)
            return answered

        return decorate


def _write_header_parameters(doc: dict[str, Any], doc_info: Mapping[str, Any], **_: Any) -> dict[str, Any]:
    """Called by flask-smorest for each operation it documents."""
    wanted = doc_info.get("header_parameters")
    return {**doc, "parameters": [*doc.get("parameters", ()), *wanted]} if wanted else doc


def take_in() -> None:
    """Before any view: the whole body is here (no transaction waits for a slow caller), no argument is unknown."""
    view = current_app.view_functions[request.endpoint or ""]
    if request.method not in SAFE and not getattr(view, "reads_its_body", False):
        request.get_data(cache=True)
    if request.query_string and not getattr(view, "takes_query", False):
        intake.refuse_arguments()


class Api(flask_smorest.Api):  # type: ignore[misc] # the library has no types
    """The OpenAPI document, whose errors are problems.

    It is written at the first reading, not when the application is made: a process that nobody asks for it neither
    waits for it nor keeps it.
    """

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Flask, complete: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(app)
        self._resources: list[ApiBlueprint] = []
        self._complete = complete
        self._writing = threading.Lock()

    def _init_spec(self, **options: Any) -> None:
        super()._init_spec(**options)
        self.ma_plugin.converter.add_attribute_function(written_shape)

    def register_blueprint(self, blueprint: ApiBlueprint) -> None:
        """Answer its addresses; what they are is written into the document once somebody reads it."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blueprint.name] = self
        self._app.register_blueprint(blueprint)
        self._resources.append(blueprint)

    @property
    def document(self) -> dict[str, Any]:
        """The whole document."""
        return self._written[0]

    @functools.cached_property
    def _written(self) -> tuple[dict[str, Any], bytes]:
        with self._writing:
            while self._resources:
                blueprint = self._resources.pop(0)
                blueprint.register_views_in_doc(self, self._app, self.spec, name=blueprint.name, parameters=None)
                self.spec.tag({"name": blueprint.name, "description": blueprint.description})
                if not self._resources:
                    self._complete(self.spec.to_dict())
            built: dict[str, Any] = self.spec.to_dict()
        return built, conditions.json_bytes(built)

    def _openapi_json(self) -> Response:
        """Answer the document, which stays the same as long as the process lives."""
        return conditions.answer(self._written[1], cache=conditions.PUBLIC, vary="Accept-Encoding")

    def _register_error_handlers(self) -> None:
        """Leave errors to `blueprints.problems`."""

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            self._register_problem(status.name, status.phrase)
        self._register_problem("DEFAULT_ERROR", "A problem, in the caller's language")

    def _register_problem(self, name: str, description: str) -> None:
        answer = {"description": description, "schema": self.ERROR_SCHEMA}
        prepare_response(answer, self.spec, problems.MIMETYPE)
        self.spec.components.response(name, answer, lazy=True)


def written_shape(_converter: Any, field: Any, **_options: Any) -> dict[str, Any]:
    """How the document describes the fields whose form on the wire is our own; called by apispec for every field."""
    if isinstance(field, ClockTime):
        return {"type": ["string", "null"] if field.allow_none else "string", "pattern": f"^{CLOCK_TIME.pattern}$"}
    if isinstance(field, Cell):
        return {"type": ["string", "null"] if field.allow_none else "string", "pattern": "^87[0-9a-f]{13}$"}
    if isinstance(field, Money):
        amount = {"type": "string", "pattern": r"^\d{1,9}(\.\d{1,2})?$"}
        return {
            "type": ["object", "null"] if field.allow_none else "object",
            "properties": {"amount": amount, "currency": {"type": "string", "enum": ["EUR"]}},
            "required": ["amount", "currency"],
            "additionalProperties": False,
        }
    return {}
