"""Logs: one JSON object a line in production, readable in development, and nothing personal in either."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

PERSONAL = frozenset(
    {
        "address",
        "body",
        "code",
        "contact",
        "cookie",
        "coto_registration",
        "data",
        "display_name",
        "email",
        "first_name",
        "form",
        "full_name",
        "last_name",
        "mail_to",
        "member_number",
        "name",
        "notes",
        "other_details",
        "password",
        "query",
        "query_string",
        "recipient",
        "secret",
        "to",
        "token",
        "user_business_id",
        "user_id",
        "username",
    }
)
REDACTED = "[redacted]"
EMAIL = re.compile(r"[^\s@<>\",;:()]+@[^\s@<>\"',;:()]+\.[^\s@<>\"',;:()]+")
QUERY = re.compile(r"(?<=[\w/])\?[\w.~%-]+=[^\s\"']*")
# Resume links carry their secret in the path.
LINK = re.compile(r"(?<=/resume/)[\w-]+")


def configure(*, production: bool, level: int = logging.INFO) -> None:
    """Send structlog's events and the standard library's records through one chain to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(production=production),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)


def _rendering(*, production: bool) -> list[Processor]:
    # Tracebacks become text first, so that what an exception quotes is redacted as well.
    if production:
        return [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return [
        structlog.processors.format_exc_info,
        redact,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback),
    ]


def redact(_logger: WrappedLogger | None, _method: str, event: EventDict) -> EventDict:
    """Drop values whose key says that they are personal, and addresses, query strings and link secrets from texts."""
    return {key: REDACTED if key.lower() in PERSONAL else _clean(value) for key, value in event.items()}


def _clean(value: Any) -> Any:  # noqa: ANN401 - whatever was logged
    if isinstance(value, str):
        return LINK.sub(REDACTED, QUERY.sub("?…", EMAIL.sub(REDACTED, value)))
    if isinstance(value, Mapping):
        return {key: REDACTED if str(key).lower() in PERSONAL else _clean(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(each) for each in value]
    return value
