"""An example of a receiver of the wizard's webhooks: it checks who calls, and takes each event once.

    WEBHOOK_SECRETS=… python webhook_receiver.py --port 9000 --database events.db

It needs nothing but Python 3.11. In production, put a server that ends TLS in front of it. `take` is where to go on
from: it runs within the transaction that notes the event, so that an event is done once or not at all.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# How far the sender's clock and ours may be apart: what was overheard cannot be sent again later.
TOLERANCE = 300
# No event is nearly as long.
MOST_BYTES = 64 * 1024


class Refused(Exception):
    """A call that is not answered with success: the sender will try again."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def verify(body: bytes, *, timestamp: str, signatures: str, secrets: Sequence[str], now: float) -> None:
    """Raise Refused unless the call was signed, just now, with a secret that we know.

    The sender signs with each of its secrets, newest first, and we may know several, so either side can rotate.
    """
    if not timestamp.isdigit() or abs(now - int(timestamp)) > TOLERANCE:
        raise Refused(401, "too old, or from the future")
    signed = timestamp.encode() + b"." + body
    ours = ["v1=" + hmac.digest(secret.encode(), signed, "sha256").hex() for secret in secrets]
    theirs = [part.strip() for part in signatures.split(",")]
    # Compared in constant time: how long it takes must not tell how much of a guess is right.
    if not any(hmac.compare_digest(our.encode(), their.encode()) for our in ours for their in theirs):
        raise Refused(401, "not signed with a secret that we know")


def receive(database: sqlite3.Connection, body: bytes) -> bool:
    """Take an event, unless it is known; False where it was. Its id is in the body, which is signed."""
    event: dict[str, Any] = json.loads(body)
    with database:
        noted = database.execute(
            "INSERT INTO events (id, stream, event, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            (event["id"], event["sessionId"] or event["recordId"], event["event"], body.decode()),
        )
        if noted.rowcount == 0:
            return False
        take(event)
    return True


def take(event: Mapping[str, Any]) -> None:
    """What this system does about an event. If it raises, the event is neither noted nor lost: it comes again."""
    print(event["occurredAt"], event["event"], event["version"], event["details"], flush=True)


def opened(path: Path) -> sqlite3.Connection:
    """The database of what was taken, made where it is missing."""
    database = sqlite3.connect(path)
    database.execute(
        "CREATE TABLE IF NOT EXISTS events"
        " (position INTEGER PRIMARY KEY, id TEXT UNIQUE, stream TEXT, event TEXT, body TEXT)"
    )
    return database


def server(port: int, path: Path, secrets: Sequence[str]) -> ThreadingHTTPServer:
    """A server on this machine, to be told to serve."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                body = self.read()
                verify(
                    body,
                    timestamp=self.headers.get("Wizard-Timestamp", ""),
                    signatures=self.headers.get("Wizard-Signature", ""),
                    secrets=secrets,
                    now=time.time(),
                )
                with closing(opened(path)) as database:
                    receive(database, body)
            except Refused as refused:
                self.answer(refused.status)
            else:
                # The same answer for one that is known: its sender wants to know that it is here.
                self.answer(204)

        def read(self) -> bytes:
            length = int(self.headers.get("Content-Length", "0"))
            if length > MOST_BYTES:
                raise Refused(413, "too long")
            return self.rfile.read(length)

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Receive the wizard's webhooks.")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--database", type=Path, default=Path("events.db"))
    chosen = parser.parse_args()
    secrets = [secret.strip() for secret in os.environ["WEBHOOK_SECRETS"].split(",") if secret.strip()]
    with server(chosen.port, chosen.database, secrets) as serving:
        serving.serve_forever()


if __name__ == "__main__":
    main()
