"""What a request carries in its Authorization header, and by what name an Idempotency-Key knows its caller."""

from flask import g

from blueprints.application import current_request


def bearer_token() -> str | None:
    """The token of the Authorization header."""
    scheme, _, token = current_request().environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def caller() -> str:
    """By what an Idempotency-Key is kept apart from other callers'."""
    return str(g.get("caller", "anonymous"))
