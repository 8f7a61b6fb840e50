"""What decorators add to the OpenAPI document, beside what flask-smorest reads from the schemas."""

from collections.abc import Callable, Mapping
from typing import Any, Final

A_PAGE: Final = {"type": "string", "example": '<!doctype html><html lang="fr"><title>Lettre</title></html>'}
"""The shape of an answer that is a page."""
A_PDF: Final = {"type": "string", "contentMediaType": "application/pdf", "example": "%PDF-1.4"}
"""The shape of an answer that is a PDF: its bytes (OpenAPI 3.1 says nothing more of them)."""


def documented(view: Callable[..., Any], **fragment: Any) -> None:
    """Add fields to the operation that a view answers."""
    apidoc = dict(getattr(view, "_apidoc", {}))
    apidoc["manual_doc"] = {**apidoc.get("manual_doc", {}), **fragment}
    view._apidoc = apidoc  # type: ignore[attr-defined]  # noqa: SLF001 - where flask-smorest reads it


def takes_header(view: Callable[..., Any], parameter: Mapping[str, Any]) -> None:
    """Add a header to the parameters of the operation that a view answers."""
    apidoc = dict(getattr(view, "_apidoc", {}))
    apidoc["header_parameters"] = [*apidoc.get("header_parameters", ()), parameter]
    view._apidoc = apidoc  # type: ignore[attr-defined]  # noqa: SLF001 - where flask-smorest reads it
