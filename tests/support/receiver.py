"""A real receiver of webhooks, which takes events, fails, hangs, goes away and comes back; and certificates for one."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.serving import free_port


@dataclass(frozen=True, slots=True)
class Received:
    """One call as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.headers["Idempotency-Key"]

    @property
    def event(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told


Behaviour = Callable[["Receiver", BaseHTTPRequestHandler, Received], None]


def takes(receiver: Receiver, handler: BaseHTTPRequestHandler, call: Received) -> None:
    """Take each event once, however often it comes."""
    with receiver.lock:
        receiver.calls.append(call)
        receiver.taken.setdefault(call.key, call)
    answer(handler, 204)


def fails(status: int, **headers: str) -> Behaviour:
    """Answer something else, and take nothing."""

    def behave(receiver: Receiver, handler: BaseHTTPRequestHandler, call: Received) -> None:
        receiver.note(call)
        answer(handler, status, headers)

    return behave


def hangs(receiver: Receiver, _handler: BaseHTTPRequestHandler, call: Received) -> None:
    """Never answer, until let go; and then only hang up."""
    receiver.note(call)
    receiver.hanging.set()
    receiver.let_go.wait()


def takes_and_hangs(receiver: Receiver, _handler: BaseHTTPRequestHandler, call: Received) -> None:
    """Take it, and never say so: what a caller sees whose line is cut at the wrong moment."""
    with receiver.lock:
        receiver.calls.append(call)
        receiver.taken.setdefault(call.key, call)
    receiver.hanging.set()
    receiver.let_go.wait()


def answer(handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str] | None = None) -> None:
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


@dataclass
class Receiver:
    """`calls` is everything that came, `taken` what was new, in order, by its key."""

    behaviour: Behaviour = takes
    port: int = field(default_factory=free_port)
    security: ssl.SSLContext | None = None
    calls: list[Received] = field(default_factory=list)
    taken: dict[str, Received] = field(default_factory=dict)
    hanging: Event = field(default_factory=Event)
    let_go: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    @property
    def url(self) -> str:
        return f"{'https' if self.security else 'http'}://127.0.0.1:{self.port}/hook/?from=wizard"

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was taken, in order."""
        with self.lock:
            return [call.event for call in self.taken.values()]

    def note(self, call: Received) -> None:
        with self.lock:
            self.calls.append(call)

    @contextmanager
    def running(self) -> Iterator[Receiver]:
        """Listen on its port, for as long as this lasts."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        if self.security is not None:
            server.socket = self.security.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.let_go.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.behaviour(receiver, self, Received(self.path, dict(self.headers), body))

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler


def make_certificate(directory: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def security_of(certificate: Path) -> ssl.SSLContext:
    """What a server encrypts with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
