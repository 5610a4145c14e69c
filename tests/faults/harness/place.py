"""What those who register, and the checker, need of the site: on one host or on several."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

import psycopg

from tests.support.mailserver import MailServer
from tests.support.receiver import Receiver


class Web(Protocol):
    """Where its pages are."""

    @property
    def url(self) -> str: ...


class Database(Protocol):
    """PostgreSQL, past whatever the site reaches it by."""

    def connect(self) -> psycopg.Connection[tuple[object, ...]]: ...


class Keys(Protocol):
    """Redis, past whatever the site reaches it by."""

    @property
    def client(self) -> AbstractContextManager[Any]: ...


class Place(Protocol):
    """A running site, its accounts, and what has left it by mail and webhook."""

    @property
    def web(self) -> Web: ...

    @property
    def postgres(self) -> Database: ...

    @property
    def valkey(self) -> Keys: ...

    @property
    def mail(self) -> MailServer: ...

    @property
    def receiver(self) -> Receiver: ...

    @property
    def token(self) -> str: ...

    def members(self, count: int) -> list[tuple[str, str]]: ...
