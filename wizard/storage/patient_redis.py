"""Connections to Redis that wait no longer than the request has patience left for (services/ports/patience.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.connection import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.sentinel import SentinelManagedConnection
from redis.utils import SENTINEL

from wizard.services.ports.patience import waiting


class _Patient:
    """Over a connection of any kind."""

    socket_connect_timeout: float | None
    socket_timeout: float | None

    def _connect(self) -> Any:  # noqa: ANN401 - the library's
        usual = self.socket_connect_timeout
        with waiting(usual) as most:
            self.socket_connect_timeout = most
            try:
                return super()._connect()  # type: ignore[misc]
            finally:
                self.socket_connect_timeout = usual

    def read_response(self, *args: Any, timeout: Any = SENTINEL, **options: Any) -> Any:  # noqa: ANN401
        """The answer to what was sent; silence is a `TimeoutError`, the sooner the less patience is left."""
        with waiting(self.socket_timeout) as most:
            asked = most if timeout is SENTINEL else timeout
            return super().read_response(*args, timeout=asked, **options)  # type: ignore[misc]


class PatientConnection(_Patient, Connection):
    """By TCP."""


class PatientTls(_Patient, SSLConnection):
    """By TLS."""


class PatientSocket(_Patient, UnixDomainSocketConnection):
    """On this machine."""


class PatientBehindSentinel(_Patient, SentinelManagedConnection):
    """To whichever server Sentinel names."""


PATIENT: Mapping[type, type] = {
    Connection: PatientConnection,
    SSLConnection: PatientTls,
    UnixDomainSocketConnection: PatientSocket,
}


class PatientPool(ConnectionPool):
    """For the nodes of a Cluster."""

    def __init__(self, connection_class: type = Connection, **options: Any) -> None:  # noqa: ANN401
        super().__init__(connection_class=PATIENT[connection_class], **options)
