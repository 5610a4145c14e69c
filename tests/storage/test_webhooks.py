"""Posting to a real receiver: what it answers, and how one that misbehaves is dealt with."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import pytest

from tests.support.receiver import Received, Receiver, fails, hangs, make_certificate, security_of
from tests.support.serving import free_port
from wizard.config import Settings
from wizard.services.ports.messages import Answer, PostFailed
from wizard.storage.webhook_addresses import Gate
from wizard.storage.webhooks import HttpPoster, addresses_of, poster_for

OPEN = Gate(guarded=False)
HEADERS = {"Content-Type": "application/json", "Idempotency-Key": "k1"}
SHORT = 0.3


def poster(url: str, **others: object) -> HttpPoster:
    return HttpPoster(url, **{"gate": OPEN, "timeout": 5.0, **others})  # type: ignore[arg-type]


def failure(poster: HttpPoster) -> str:
    with pytest.raises(PostFailed) as failed:
        poster.post(b"{}", HEADERS)
    return failed.value.reason


def test_what_is_posted_arrives_as_it_is() -> None:
    with Receiver().running() as receiver:
        assert poster(receiver.url).post("{“é”}".encode(), HEADERS) == Answer(204)
    (call,) = receiver.calls
    assert (call.path, call.body) == ("/hook/?from=wizard", "{“é”}".encode())
    assert call.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert HEADERS.items() <= call.headers.items()


@pytest.mark.parametrize("status", [200, 202, 400, 410, 429, 500, 503])
def test_the_status_is_the_answer(status: int) -> None:
    with Receiver(fails(status, Retry_After="7")).running() as receiver:
        assert poster(receiver.url).post(b"{}", HEADERS) == Answer(status, "7")


def test_a_redirect_is_not_followed() -> None:
    with Receiver().running() as elsewhere, Receiver(fails(307, Location=elsewhere.url)).running() as receiver:
        assert poster(receiver.url).post(b"{}", HEADERS).status == 307
    assert elsewhere.calls == []


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver().running() as proxy, Receiver().running() as receiver:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        poster(receiver.url).post(b"{}", HEADERS)
    assert (len(receiver.calls), proxy.calls) == (1, [])


# --- Receivers that misbehave ----------------------------------------------------------------------------------


def test_one_that_is_away_is_unreachable_until_it_is_back() -> None:
    receiver = Receiver()
    assert failure(poster(receiver.url)) == "webhook.unreachable"
    with pytest.raises(PostFailed):
        poster(receiver.url).ping()
    with receiver.running():
        poster(receiver.url).ping()
        assert poster(receiver.url).post(b"{}", HEADERS).status == 204


def test_one_that_hangs_is_left_after_a_while() -> None:
    with Receiver(hangs).running() as receiver:
        assert failure(poster(receiver.url, timeout=SHORT)) == "webhook.timeout"


@contextmanager
def speaking(*, first: bytes, then: bytes) -> Iterator[str]:
    """A server that goes on saying something for as long as anybody listens."""
    stop = Event()

    def speak(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            try:
                connection.sendall(first)
                while not stop.wait(0.02):
                    connection.sendall(then)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=speak, args=(listening,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            stop.set()
            thread.join()


def test_one_that_answers_a_byte_at_a_time_is_cut_off_all_the_same() -> None:
    with speaking(first=b"HTTP/1.1 200 OK\r\nX-Slow: ", then=b"a") as url:
        began = monotonic()
        assert failure(poster(url, timeout=SHORT)) == "webhook.timeout"
        assert monotonic() - began < 5


def test_of_an_endless_answer_no_more_than_the_status_counts() -> None:
    with speaking(first=b"HTTP/1.1 200 OK\r\n\r\n", then=b"a" * 4096) as url:
        began = monotonic()
        assert poster(url).post(b"{}", HEADERS).status == 200
        assert monotonic() - began < 5


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 999999 Odd\r\n\r\n", b"X" * 70_000])
def test_one_that_speaks_something_else_is_unreachable(said: bytes) -> None:
    with speaking(first=said, then=b"\r\n") as url:
        assert failure(poster(url)) == "webhook.unreachable"


def test_one_that_hangs_up_is_unreachable() -> None:
    def hang_up(_receiver: Receiver, handler: BaseHTTPRequestHandler, _call: Received) -> None:
        handler.connection.close()

    with Receiver(hang_up).running() as receiver:
        assert failure(poster(receiver.url)) == "webhook.unreachable"


# --- Addresses -------------------------------------------------------------------------------------------------


def test_an_inner_address_is_refused_before_anything_is_sent() -> None:
    with Receiver().running() as receiver:
        assert failure(poster(receiver.url, gate=Gate())) == "webhook.address"
        with pytest.raises(PostFailed):
            poster(receiver.url, gate=Gate()).ping()
        named = poster(receiver.url, gate=Gate((ip_network("127.0.0.0/8"),)))
        assert named.post(b"{}", HEADERS).status == 204
    assert len(receiver.calls) == 1


def test_a_name_is_looked_up_once_and_its_address_used() -> None:
    """A name that leads somewhere else a moment later has nothing to say any more."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with Receiver().running() as receiver:
        url = f"http://hooks.example.org:{receiver.port}/a"
        assert poster(url, resolve=resolve).post(b"{}", HEADERS).status == 204
    assert asked == ["hooks.example.org"]
    assert receiver.calls[0].headers["Host"] == f"hooks.example.org:{receiver.port}"


def test_of_several_addresses_the_first_that_is_admitted_and_answers_is_used() -> None:
    admits = Gate((ip_network("127.0.0.1"), ip_network("::1")))
    with Receiver().running() as receiver:
        url = f"http://hooks.example.org:{receiver.port}/"
        # The first is not admitted, at the second nobody listens.
        found = ["127.0.0.9", "::1", "127.0.0.1"]
        assert poster(url, gate=admits, resolve=lambda *_: found).post(b"{}", HEADERS).status == 204
        assert failure(poster(url, gate=admits, resolve=lambda *_: found[:1])) == "webhook.address"
        assert failure(poster(url, gate=admits, resolve=lambda *_: found[:2])) == "webhook.unreachable"


def test_no_time_is_left_for_an_address_after_the_others_took_it_all() -> None:
    assert failure(poster(f"http://127.0.0.1:{free_port()}/", timeout=0)) == "webhook.timeout"


@pytest.mark.parametrize("error", [socket.gaierror("no such name"), UnicodeError("label too long")])
def test_a_name_without_an_address_is_said(error: Exception) -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        raise error

    assert failure(poster("https://nowhere.example.org/", resolve=resolve)) == "webhook.unresolved"


def test_the_system_s_own_look_up_names_each_address_once() -> None:
    assert list(addresses_of("127.0.0.1", 443)) == ["127.0.0.1"]


# --- Encryption ------------------------------------------------------------------------------------------------


def test_one_with_a_certificate_that_is_trusted_gets_it_encrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Receiver(security=security_of(certificate)).running() as receiver:
        named = poster(receiver.url, gate=Gate((ip_network("127.0.0.1"),)))
        named.ping()
        assert named.post(b"{}", HEADERS).status == 204
        other_name = poster(f"https://localhost:{receiver.port}/", resolve=lambda *_: ["127.0.0.1"])
        assert failure(other_name) == "webhook.tls", "the certificate is for another name"


def test_one_whose_certificate_nobody_vouches_for_gets_nothing(tmp_path: Path) -> None:
    with Receiver(security=security_of(make_certificate(tmp_path))).running() as receiver:
        assert failure(poster(receiver.url)) == "webhook.tls"
        with pytest.raises(PostFailed, match=r"webhook\.tls"):
            poster(receiver.url).ping()
    assert receiver.calls == []


def test_one_that_hangs_before_it_is_encrypted_is_left_after_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        assert failure(poster(url, timeout=SHORT)) == "webhook.timeout"
        with pytest.raises(PostFailed):
            poster(url, timeout=SHORT).ping()


def test_a_failure_while_encrypting_leaves_no_connection_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("no certificates")

    monkeypatch.setattr("wizard.storage.webhooks.trusted", broken)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert failure(poster(f"https://127.0.0.1:{listening.getsockname()[1]}/")) == "webhook.unreachable"
        connection, _ = listening.accept()
        with connection:
            assert connection.recv(1) == b""


# --- Settings --------------------------------------------------------------------------------------------------


def test_the_settings_choose_the_receiver_and_how_strict_to_be(plain_settings: Settings) -> None:
    assert poster_for(plain_settings) is None
    told = {"webhook_url": "https://hooks.example.org/", "webhook_networks": (ip_network("10.0.0.0/8"),)}
    made = poster_for(plain_settings.model_copy(update=told))
    assert made is not None
    assert (made.url, made.gate) == ("https://hooks.example.org/", Gate((ip_network("10.0.0.0/8"),), guarded=False))
    strict = poster_for(plain_settings.model_copy(update={**told, "env": "production"}))
    assert strict is not None
    assert strict.gate.guarded
