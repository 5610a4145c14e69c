"""Settings that are right one by one, and wrong together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import urlsplit

_HOST = re.compile(r"\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:]+\]")
_TOGETHER = {"base_url", "trusted_hosts"}
SECRETS = ("secret_keys", "webhook_secrets", "metrics_tokens")


class Settings(Protocol):
    """Those that are looked at."""

    @property
    def is_production(self) -> bool: ...

    @property
    def base_url(self) -> str: ...

    @property
    def trusted_hosts(self) -> tuple[str, ...]: ...

    @property
    def model_fields_set(self) -> set[str]: ...


def conflicts(settings: Settings) -> list[str]:
    """Each with the variables that it is about, and what to write."""
    return [*(_repeated(settings) if settings.is_production else ()), *_addresses(settings)]


def _repeated(settings: Settings) -> Iterator[str]:
    """A secret that stands twice cannot be taken away, and one that others are given is none."""
    known: dict[str, str] = {}
    for field in SECRETS:
        name = f"WIZARD_{field.upper()}"
        for number, secret in enumerate(getattr(settings, field), 1):
            if secret in known:
                yield f"{name}: secret {number} is the same as {known[secret]}; make one of its own."
            known.setdefault(secret, f"secret {number} of {name}")


def _addresses(settings: Settings) -> Iterator[str]:
    for host in settings.trusted_hosts:
        if not _HOST.fullmatch(host):
            yield f"WIZARD_TRUSTED_HOSTS: “{host}” is no host name; write it without https://, port and *."
    parts = urlsplit(settings.base_url)
    if parts.path or parts.query or parts.fragment:
        yield "WIZARD_BASE_URL: write nothing behind the host; the site has to be at the root of its own host."
    elif (
        settings.is_production
        and settings.model_fields_set >= _TOGETHER
        and not _trusts(settings, parts.hostname or "")
    ):
        yield (
            f"WIZARD_BASE_URL, WIZARD_TRUSTED_HOSTS: links would lead to {parts.hostname}, which the site does not "
            "answer to; name it among the trusted hosts."
        )


def _trusts(settings: Settings, host: str) -> bool:
    hosts = [each.lower() for each in settings.trusted_hosts]
    return any(host == each.lstrip(".") or (each.startswith(".") and host.endswith(each)) for each in hosts)
