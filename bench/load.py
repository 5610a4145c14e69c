"""The load: visitors over connections that stay open, each waiting for its answer. One process, so that it has a core.

A visit is a generator: it yields a request, is sent the answer, and yields the next.
"""

from __future__ import annotations

import re
import selectors
import socket
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter, process_time
from urllib.parse import urlencode

CONNECTIONS = 4
_LONGEST_WAIT = 30
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_COOKIE = re.compile(rb"\r\nset-cookie: *([^=;\s]+)=([^;\r]*)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *([^\r]+)", re.IGNORECASE)
_HIDDEN = re.compile(r'<input\b(?=[^>]*type="hidden")[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    head: bytes
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def location(self) -> str:
        """Where it leads on to, as a path."""
        found = _LOCATION.search(self.head)
        assert found is not None, (self.status, self.text[:2000])
        return found[1].decode()

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields of its forms, which have one token and one version."""
        return dict(_HIDDEN.findall(self.text))


Visit = Generator[bytes, Answer, None]


@dataclass(slots=True)
class Browser:
    """Cookies, and requests as bytes."""

    cookies: dict[bytes, bytes] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str) -> bytes:
        return self._request("GET", path)

    def post(self, path: str, values: Mapping[str, str], *, request_id: str = "") -> bytes:
        body = urlencode(values).encode()
        return self._request("POST", path, body, "application/x-www-form-urlencoded", request_id)

    def send(self, path: str, body: bytes) -> bytes:
        """A call of the API."""
        return self._request("POST", path, body, "application/json")

    def seen(self, answer: Answer) -> Answer:
        """Keep the cookies of an answer."""
        for name, value in _COOKIE.findall(answer.head):
            self.cookies[name] = value
        return answer

    def _request(self, method: str, path: str, body: bytes = b"", kind: str = "", request_id: str = "") -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {v}" for name, v in self.headers.items())]
        if kind:
            lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        if request_id:
            lines.append(f"X-Request-ID: {request_id}")
        if self.cookies:
            lines.append("Cookie: " + b"; ".join(b"%b=%b" % each for each in self.cookies.items()).decode())
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(slots=True)
class Loaded:
    """What some visits took: each request's seconds, and how long the client itself was at work meanwhile."""

    took: list[float] = field(default_factory=list)
    seconds: float = 0.0
    busy: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.took) / self.seconds


def drive(port: int, visits: Iterable[Visit], *, connections: int = CONNECTIONS) -> Loaded:
    """Make all visits, some at a time."""
    waiting, loaded = iter(visits), Loaded()
    with selectors.DefaultSelector() as selector:
        lanes = [_Lane(port, waiting, loaded.took) for _ in range(connections)]
        began, busy = perf_counter(), process_time()
        for lane in lanes:
            lane.begin()
            if lane.visit is not None:
                selector.register(lane.socket, selectors.EVENT_READ, lane)
        while selector.get_map():
            ready = selector.select(_LONGEST_WAIT)
            assert ready, "no answer"
            for key, _ in ready:
                key.data.receive()
                if key.data.visit is None:
                    selector.unregister(key.fileobj)
        loaded.seconds, loaded.busy = perf_counter() - began, process_time() - busy
        for lane in lanes:
            lane.socket.close()
    return loaded


class _Lane:
    """One connection, and the visit that it is used for."""

    def __init__(self, port: int, waiting: Iterator[Visit], took: list[float]) -> None:
        self._port = port
        self.socket = self._connected()
        self.visit: Visit | None = None
        self._waiting = waiting
        self._took = took
        self._received = b""
        self._missing = 0
        self._sent = 0.0
        self._request = b""

    def _connected(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._port), timeout=_LONGEST_WAIT)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def begin(self) -> None:
        """Take up the next visit that makes any request."""
        for visit in self._waiting:
            self.visit = visit
            if self._go_on(None):
                return
        self.visit = None

    def receive(self) -> None:
        """Some of an answer has come; once it is whole, the visit goes on."""
        some = self.socket.recv(1 << 20)
        assert some, "the server has hung up"
        self._received += some
        if self._missing:
            self._missing -= len(some)
        else:
            head, found, body = self._received.partition(b"\r\n\r\n")
            if not found:
                return
            length = _LENGTH.search(head)
            self._missing = (int(length[1]) if length else 0) - len(body)
        if self._missing == 0:
            self._answered()

    def _answered(self) -> None:
        self._took.append(perf_counter() - self._sent)
        head, _, body = self._received.partition(b"\r\n\r\n")
        self._received = b""
        if not self._go_on(Answer(int(head[9:12]), head, body)):
            self.begin()

    def _go_on(self, answer: Answer | None) -> bool:
        assert self.visit is not None
        try:
            request = next(self.visit) if answer is None else self.visit.send(answer)
        except StopIteration:
            return False
        self._sent = perf_counter()
        self.socket.sendall(request)
        return True
