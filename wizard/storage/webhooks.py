"""Posting webhooks: to an address that was looked up once and judged, no further, and not for long."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from threading import Event, Timer
from time import monotonic
from urllib.parse import SplitResult, urlsplit

from wizard.config import Settings
from wizard.services.ports.messages import Answer, PostFailed
from wizard.storage.trusted import trusted
from wizard.storage.webhook_addresses import Gate

TIMEOUT = 10.0
# Of an answer only its status counts; more than this is not even read.
MOST_READ = 16 << 10
_PORTS = {"http": 80, "https": 443}

Resolver = Callable[[str, int], Sequence[str]]


def poster_for(settings: Settings) -> HttpPoster | None:
    """What posts to the receiver that the settings name; None where they name none."""
    if settings.webhook_url is None:
        return None
    return HttpPoster(settings.webhook_url, Gate(settings.webhook_networks, guarded=settings.is_production))


def addresses_of(host: str, port: int) -> Sequence[str]:
    """Where a name leads, in the system's order. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


@dataclass(frozen=True, slots=True)
class HttpPoster:
    """Posts to one receiver, within `timeout` seconds for all but the look-up of its name.

    The connection goes to an address that was judged, so that a name which leads elsewhere a moment later changes
    nothing. No redirect is followed and no proxy of the environment used: they would lead past the judgement.
    """

    url: str
    gate: Gate
    timeout: float = TIMEOUT
    resolve: Resolver = addresses_of

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post, and say what was answered. Raises PostFailed where nothing was."""
        parts = urlsplit(self.url)
        addresses = self._addresses(parts)
        cut = Event()
        try:
            with _connected(parts, addresses, self.timeout, cut) as connected:
                return _answered(connected, parts, body, headers, cut)
        except ssl.SSLError as error:
            raise PostFailed("webhook.timeout" if cut.is_set() else "webhook.tls") from error
        except (OSError, HTTPException) as error:
            late = cut.is_set() or isinstance(error, TimeoutError)
            raise PostFailed("webhook.timeout" if late else "webhook.unreachable") from error

    def ping(self) -> None:
        """Raise PostFailed unless the receiver's address may be used and takes a connection."""
        parts = urlsplit(self.url)
        try:
            with _connected(parts, self._addresses(parts), self.timeout, Event()):
                pass
        except ssl.SSLError as error:
            raise PostFailed("webhook.tls") from error
        except OSError as error:
            raise PostFailed("webhook.unreachable") from error

    def _addresses(self, parts: SplitResult) -> list[str]:
        try:
            found = self.resolve(parts.hostname or "", port_of(parts))
        except (OSError, UnicodeError) as error:
            raise PostFailed("webhook.unresolved") from error
        admitted = [each for each in found if self.gate.admits(each, encrypted=parts.scheme == "https")]
        if not admitted:
            raise PostFailed("webhook.address")
        return admitted


def port_of(parts: SplitResult) -> int:
    """The port that a URL leads to."""
    return parts.port or _PORTS[parts.scheme]


@contextmanager
def _connected(parts: SplitResult, addresses: Sequence[str], timeout: float, cut: Event) -> Iterator[socket.socket]:
    """A connection, encrypted where the URL says so, cut off when the time is over however slowly it is used."""
    deadline = monotonic() + timeout
    plain = _first_that_answers(addresses, port_of(parts), deadline)
    try:
        made = plain
        if parts.scheme == "https":
            security = trusted()
            made = security.wrap_socket(plain, server_hostname=parts.hostname, do_handshake_on_connect=False)
    except BaseException:
        plain.close()
        raise
    with made, _cut_off(made, max(deadline - monotonic(), 0), cut):
        if isinstance(made, ssl.SSLSocket):
            made.do_handshake()
        yield made


def _first_that_answers(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    failure: OSError = TimeoutError()
    for address in addresses:
        left = deadline - monotonic()
        if left <= 0:
            break
        try:
            return socket.create_connection((address, port), timeout=left)
        except OSError as error:
            failure = error
    raise failure


@contextmanager
def _cut_off(connected: socket.socket, after: float, cut: Event) -> Iterator[None]:
    """A time-out of a socket begins anew with every byte; this one does not."""

    def end() -> None:
        cut.set()
        with suppress(OSError):
            # Not the encrypted socket's own, which changes what the other thread is reading from.
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = Timer(after, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _answered(
    connected: socket.socket, parts: SplitResult, body: bytes, headers: Mapping[str, str], cut: Event
) -> Answer:
    http = HTTPConnection(parts.hostname or "", port_of(parts))
    # It shall never look for a way by itself.
    http.auto_open = 0
    http.default_port = _PORTS[parts.scheme]
    http.sock = connected
    target = parts._replace(scheme="", netloc="", fragment="", path=parts.path or "/").geturl()
    http.request("POST", target, body, dict(headers))
    with http.getresponse() as response:
        if cut.is_set():
            # What was cut off looks like the end of the headers.
            raise TimeoutError
        with suppress(OSError, HTTPException):
            # The status has been said: how the rest of it ends is of no matter.
            response.read(MOST_READ)
        return Answer(response.status, response.getheader("Retry-After"))
