"""Connections to Redis that wait no longer than the request has patience left for (services/ports/patience.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.connection import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError  # noqa: A004
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
        """The answer to what was sent; silence is a `TimeoutError`, the sooner the less patience is left.

        The connection is given up with it: what comes late would be read as the answer to somebody else's question.
        Behind Sentinel the library leaves that to retries, and a time-out is not one of ours.
        """
        with waiting(self.socket_timeout) as most:
            asked = most if timeout is SENTINEL else timeout
            manner = {"disconnect_on_error": True, **options}
            return super().read_response(*args, timeout=asked, **manner)  # type: ignore[misc]


class PatientConnection(_Patient, Connection):
    """By TCP."""


class PatientTls(_Patient, SSLConnection):
    """By TLS."""


class PatientSocket(_Patient, UnixDomainSocketConnection):
    """On this machine."""


class PatientBehindSentinel(_Patient, SentinelManagedConnection):
    """To whichever server Sentinel names."""

    def connect_to(self, address: Any) -> None:  # noqa: ANN401 - the library's
        """Connect. Raises `ConnectionError` where Sentinel names another server by now.

        One that hung was perhaps replaced meanwhile, and does not know: what it took when it woke would be lost.
        """
        super().connect_to(address)  # type: ignore[no-untyped-call]
        if self.connection_pool.get_master_address() != address:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise ConnectionError("Redis has failed over.")


PATIENT: Mapping[type, type] = {
    Connection: PatientConnection,
    SSLConnection: PatientTls,
    UnixDomainSocketConnection: PatientSocket,
}


class PatientPool(ConnectionPool):
    """For the nodes of a Cluster."""

    def __init__(self, connection_class: type = Connection, **options: Any) -> None:  # noqa: ANN401
        super().__init__(connection_class=PATIENT[connection_class], **options)
