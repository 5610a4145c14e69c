"""How settings are written in the environment: durations, lists, rate limits, URLs. A refusal says what to write."""

import re
from datetime import timedelta
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from limits import parse_many
from pydantic import AfterValidator, BeforeValidator
from redis.connection import parse_url
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

UNITS = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """What is written as seconds, or with a unit. Raises ValueError that says what to write."""
    match = re.fullmatch(r"([1-9][0-9]{0,8})([smhd]?)", text.strip())
    if not match:
        raise ValueError(f"“{text}” is no duration; write seconds, or a form such as 30m, 24h or 14d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def _duration(value: object) -> object:
    return duration(value) if isinstance(value, str) else value


def listed(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated text."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _listed(value: object) -> object:
    return listed(value) if isinstance(value, str) else value


def _limits(value: str) -> str:
    try:
        nobody = any(each.amount < 1 for each in parse_many(value))
    except ValueError:
        raise ValueError(f"“{value}” is no rate limit; write a form such as “30 per hour; 100 per day”") from None
    if nobody:
        raise ValueError(f"“{value}” would let nobody in; write 1 or more")
    return value


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(part) for part in listed(value))
    except ValueError as error:
        raise ValueError(f"{error}; write networks such as 10.1.2.0/24, comma-separated") from None


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"“{value}” is no regular expression: {error}") from None
    return value


def _database(value: str) -> str:
    """Of a kind that is known, with a driver that is installed: `postgres://` and the like are neither."""
    try:
        url = make_url(value)
        is_known = url.get_backend_name() in {"postgresql", "sqlite"}
        url.get_dialect().import_dbapi()
    except (ArgumentError, ImportError):
        is_known = False
    if not is_known:
        raise ValueError("write an SQLAlchemy URL, such as postgresql+psycopg://user:password@host/name")
    return value


def _redis(value: str) -> str:
    """With options that the client understands; it takes anything but a number for database 0."""
    parts = urlsplit(value)
    if parts.scheme in {"redis", "rediss"} and not re.fullmatch("/?[0-9]*", parts.path):
        raise ValueError("the database of a Redis is a number; write it as in redis://host/1")
    if parts.scheme in {"redis", "rediss", "unix"}:
        try:
            parse_url(value)
        except ValueError as error:
            raise ValueError(f"write options such as ?socket_timeout=5 ({error})") from None
    return value


def _mailbox(value: str) -> str:
    try:
        validate_email(parseaddr(value)[1], check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise ValueError(f"“{value}” is no e-mail address") from None
    return value


def _require_url(value: str, schemes: tuple[str, ...]) -> str:
    """A URL of one of these schemes. The message never repeats it: there may be a password inside."""
    parts = urlsplit(value)
    if parts.scheme not in schemes or not (parts.netloc or parts.path.strip("/")):
        raise ValueError(f"write a URL that begins with {', '.join(f'{scheme}://' for scheme in schemes)}")
    if not _is_port(value):
        raise ValueError("write the port as a number, and what is special in a user name or password as %2F, %23, %3F")
    return value


def _is_port(value: str) -> bool:
    """Whether what stands where a port does is one; a `/`, `#` or `?` in a password ends the host too early."""
    parts = urlsplit(value)
    try:
        return "," in parts.netloc or parts.port is None or parts.port > 0
    except ValueError:
        return False


def _url(*schemes: str) -> AfterValidator:
    return AfterValidator(lambda value: _require_url(value, schemes).rstrip("/"))


def _receiver(value: str) -> str:
    """Where webhooks are posted to, as it stands: a slash at its end may be part of the address."""
    parts = urlsplit(_require_url(value, ("http", "https")))
    if not parts.hostname or parts.username is not None or parts.fragment:
        raise ValueError("write a URL with a host, and without a user name or a fragment")
    return value


def _issuer(value: str) -> str:
    """Exactly as the provider writes it, to the slash at the end: it is compared."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("write the provider's issuer, as a URL that begins with https://")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Limits = Annotated[str, AfterValidator(_limits)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
Directory = Annotated[Path, AfterValidator(lambda path: path.expanduser().resolve())]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
RedisUrl = Annotated[str, _url("redis", "rediss", "unix", "redis+sentinel", "redis+cluster"), AfterValidator(_redis)]
MailUrl = Annotated[str, _url("smtp", "smtps", "smtp+starttls")]
WebUrl = Annotated[str, _url("http", "https")]
Issuer = Annotated[str, AfterValidator(_issuer)]
ReceiverUrl = Annotated[str, AfterValidator(_receiver)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_networks)]
