"""Told to stop, the real server answers what it has begun to read, and takes nothing new."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.support.journey import reach_confirm
from tests.support.serving import Graduate, Served, hidden_values, serving
from tests.support.waiting import wait_for

_ANSWER = 1 << 16


@pytest.mark.parametrize("ask", [signal.SIGTERM, signal.SIGINT], ids=["told to", "Ctrl-C"])
def test_a_submit_under_way_is_finished(tmp_path: Path, ask: signal.Signals) -> None:
    with serving(tmp_path, workers=1) as served:
        graduate = Graduate(served.url)
        confirm = reach_confirm(served, graduate)
        body = urlencode({**hidden_values(confirm.form), "declaration": "y"}).encode()
        address = urlsplit(confirm.url).path
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
            connection.sendall(_head(served, graduate, address, len(body)))
            # The server has the request, and waits for what it says.
            assert connection.recv(_ANSWER).startswith(b"HTTP/1.1 100 ")
            assert served.process is not None
            served.process.send_signal(ask)
            wait_for(lambda: not takes_connections(served), what="the end of taking requests")
            connection.sendall(body)
            answer = read(connection)
        assert re.match(rb"HTTP/1\.1 303 ", answer), answer
        assert f"Location: {address.removesuffix('confirm')}complete".encode() in answer
        assert served.process.wait(timeout=30) == 0
        served.process = None
        served.start()
        receipt = graduate.get(address.replace("confirm", "complete"))
        assert "osot-oted-0000001" in receipt.html.get_text()


def _head(served: Served, graduate: Graduate, address: str, length: int) -> bytes:
    cookies = "; ".join(f"{each.name}={each.value}" for each in graduate.cookies)
    lines = [
        f"POST {address} HTTP/1.1",
        f"Host: 127.0.0.1:{served.port}",
        f"Cookie: {cookies}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {length}",
        "Expect: 100-continue",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def takes_connections(served: Served) -> bool:
    try:
        socket.create_connection(("127.0.0.1", served.port), timeout=5).close()
    except OSError:
        return False
    return True


def read(connection: socket.socket) -> bytes:
    """All of the answer."""
    parts = []
    while part := connection.recv(_ANSWER):
        parts.append(part)
    return b"".join(parts)
