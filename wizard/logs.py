"""Logs: one JSON object a line in production, readable in development, and nothing personal in either."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

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


def configure(*, production: bool, level: int = logging.INFO, to: TextIO | None = None) -> None:
    """Write structlog's events and the standard library's records, all alike, to standard error or elsewhere."""
    rendering = _rendering(production=production)
    to = to or sys.stderr
    lines = _Lines(to)
    structlog.configure(
        # Straight to the line: through the standard library it took three times as long (docs/benchmarks.md).
        processors=[*_SHARED, *rendering],
        logger_factory=lines.logger,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


class _Lines:
    """Where the lines go, each whole."""

    def __init__(self, to: TextIO) -> None:
        self._to = to

    def logger(self, *names: str) -> _NamedLogger:
        return _NamedLogger(self._to, names[0] if names else "wizard")


class _NamedLogger(structlog.WriteLogger):
    def __init__(self, to: TextIO, name: str) -> None:
        super().__init__(to)
        self.name = name


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
        return _clean_text(value)
    if isinstance(value, Mapping):
        return {key: REDACTED if str(key).lower() in PERSONAL else _clean(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(each) for each in value]
    return value


def _clean_text(text: str) -> str:
    """Most texts are ids and names of events, in which there is nothing to look for."""
    if "@" in text:
        text = EMAIL.sub(REDACTED, text)
    if "?" in text:
        text = QUERY.sub("?…", text)
    return LINK.sub(REDACTED, text) if "/resume/" in text else text
