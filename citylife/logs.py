"""What a process says while it runs: one JSON object a line on stderr, with no personal data, secret nor coordinate.

Whoever logs names what happened and the ids it happened to. What should not be there is taken out here all the same,
by the name of its field and by its shape, from our own lines, from the libraries' and from tracebacks.
"""

import logging
import logging.config
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

GONE: Final = "[…]"
"""What stands where something was taken out."""

UNSAID: Final = frozenset(
    {
        "address",
        "auth",
        "authorization",
        "cell",
        "cookie",
        "email",
        "endpoint",
        "ip",
        "key",
        "latitude",
        "longitude",
        "lat",
        "lon",
        "name",
        "p256dh",
        "password",
        "position",
        "query",
        "remote_addr",
        "secret",
        "street",
        "telephone",
        "token",
        "url",
        "user_agent",
    }
)
"""Fields whose value is never written, whatever it is."""

_SHAPES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"\[parameters: .*",  # what SQLAlchemy appends to its errors
        r"(?<=DETAIL:).*",  # what PostgreSQL appends to its own
        r"(?i)\b(?:bearer|basic|vapid|webpush)\s+\S+",
        r"(?<=://)[^\s/@:]*:[^\s/@]*(?=@)",  # user and password of a URL
        r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+",  # e-mail addresses
        r"\bclk_[\w-]{20,}",  # keys of merchants
        r"(?<=https://)([\w.-]+/)(?:wpush|fcm|w|p|push|up)\S*",  # endpoints of browsers
        r"(?<![\w-])[A-Za-z0-9_-]{40,}(?![\w-])",  # tokens, keys, signatures
        r"(?<![\d.])(?<!\dT)(?<!:\d\d:)-?\d{1,3}\.\d{3,}(?!\d*\.\d)",  # coordinates; figures have two decimals
        r"\b8[0-9a-f]{14}\b",  # H3 cells
        r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])",  # IPv4
    )
)


def configure_logs(level: str = "INFO", *, stream: Any = None) -> None:
    """Set up this process's logs, structlog's and the standard library's alike; a second call replaces the first."""
    out = stream or sys.stderr
    logging.config.dictConfig(standard_logging(level, out))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *_said(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def standard_logging(level: str = "INFO", stream: Any = "ext://sys.stderr") -> dict[str, Any]:
    """The same as a configuration of `logging.config`, for servers that insist on one of their own."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [structlog.stdlib.add_logger_name, *_said()],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    redacted,
                    structlog.processors.JSONRenderer(serializer=_json),
                ],
            }
        },
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "json", "stream": stream}},
        "root": {"handlers": ["out"], "level": level.upper()},
        "loggers": {
            "_granian": {"level": "WARNING"},
            "alembic": {"level": "WARNING"},
            # A broker that is away is said once by `notifications.broker`, not at every attempt.
            "pika": {"level": "CRITICAL"},
            "dramatiq": {"level": "CRITICAL"},
        },
    }


def redacted(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event without what must not be written."""
    return {name: GONE if name.lower() in UNSAID else _clean(value) for name, value in event.items()}


def _said() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]


def _clean(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, Mapping):
        return {str(name): GONE if str(name).lower() in UNSAID else _clean(inner) for name, inner in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [_clean(inner) for inner in value]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    for shape in _SHAPES:
        text = shape.sub(GONE, text)
    return text


def _json(event: EventDict, **_options: Any) -> str:
    return orjson.dumps(event, default=str).decode()
