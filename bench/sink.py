"""A push service that accepts everything and looks at nothing: an RSGI application for granian."""

from typing import Any


async def accept_everything(scope: Any, protocol: Any) -> None:
    """Read the message and answer 201."""
    if scope.proto == "http":
        await protocol()
        protocol.response_empty(201, [])
