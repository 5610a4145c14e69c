"""The example of a receiver in docs/ does what it says, with the real sender at the other end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from docs.webhook_receiver import MOST_BYTES, Refused, opened, receive, server, take, verify
from tests.conftest import NOW
from tests.support.serving import free_port
from tests.support.waiting import wait_for
from wizard.core.clock import FixedClock, SystemClock
from wizard.core.events import Event, EventName
from wizard.services.delivery import Delivery
from wizard.services.ports.messages import Medium, PostFailed
from wizard.services.webhooks import WebhookCarrier, signature
from wizard.storage.crypto import Cipher
from wizard.storage.unit_of_work import SqlUnitsOfWork
from wizard.storage.webhook_addresses import Gate
from wizard.storage.webhooks import HttpPoster

NEW, OLD = "new-secret-0123456789-abcdefghijklmnop", "old-secret-9876543210-ponmlkjihgfedcba"
EXAMPLE = Path(__file__).resolve().parents[1] / "docs" / "webhook_receiver.py"


def headers(*secrets: str, body: bytes, at: int) -> dict[str, str]:
    signed = ", ".join(f"v1={signature(secret, str(at), body)}" for secret in secrets)
    return {"Wizard-Timestamp": str(at), "Wizard-Signature": signed}


@pytest.mark.parametrize(
    ("signs_with", "knows"), [((NEW,), (NEW,)), ((NEW, OLD), (OLD,)), ((NEW, OLD), (NEW,)), ((OLD,), (NEW, OLD))]
)
def test_a_call_signed_with_any_secret_that_is_known_is_taken(
    signs_with: tuple[str, ...], knows: tuple[str, ...]
) -> None:
    check(headers(*signs_with, body=b"{}", at=1000), knows=knows)


@pytest.mark.parametrize("now", [1000 - 301, 1000 + 301])
def test_a_call_overheard_and_sent_again_later_is_refused(now: float) -> None:
    with pytest.raises(Refused):
        check(headers(NEW, body=b"{}", at=1000), now=now)


@pytest.mark.parametrize(
    "spoilt",
    [
        {},
        {"Wizard-Timestamp": "1000"},
        {"Wizard-Timestamp": "1000", "Wizard-Signature": "v1=é"},
        {"Wizard-Timestamp": "soon", "Wizard-Signature": headers(NEW, body=b"{}", at=1000)["Wizard-Signature"]},
        {"Wizard-Timestamp": "1001", "Wizard-Signature": headers(NEW, body=b"{}", at=1000)["Wizard-Signature"]},
        headers(NEW, body=b"{ }", at=1000),
        headers(OLD, body=b"{}", at=1000),
    ],
)
def test_a_call_of_somebody_else_or_changed_on_its_way_is_refused(spoilt: dict[str, str]) -> None:
    with pytest.raises(Refused):
        check(spoilt)


def test_an_event_is_taken_once_and_one_that_fails_comes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = opened(tmp_path / "events.db")
    body = json.dumps({"id": "1", "event": "e", "sessionId": None, "recordId": "r"}).encode()

    def broken(_event: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(sys.modules[take.__module__], "take", broken)
    with pytest.raises(OSError, match="no room"):
        receive(database, body)
    done: list[object] = []
    monkeypatch.setattr(sys.modules[take.__module__], "take", done.append)
    assert [receive(database, body), receive(database, body)] == [True, False]
    assert len(done) == 1
    database.close()


def post(url: str, body: bytes, sent: dict[str, str]) -> int:
    return HttpPoster(url, Gate(guarded=False)).post(body, sent).status


@contextmanager
def serving(path: Path, *secrets: str) -> Iterator[str]:
    receiver = server(0, path, secrets)
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{receiver.server_address[1]}/"
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()


def check(sent: dict[str, str], *, knows: tuple[str, ...] = (NEW,), now: float = 1000) -> None:
    timestamp, signatures = sent.get("Wizard-Timestamp", ""), sent.get("Wizard-Signature", "")
    verify(b"{}", timestamp=timestamp, signatures=signatures, secrets=knows, now=now)


def announced(sessions: sessionmaker[Session], cipher: Cipher, clock: FixedClock, *, count: int) -> SqlUnitsOfWork:
    units = SqlUnitsOfWork(sessions, cipher, clock, announces=True)
    session_id = "0b6f7a52-9d8e-4c11-a3f5-3a9f6f1f2c77"
    with units.write() as unit:
        unit.audit.append(
            Event(
                EventName.SESSION_EXTENDED,
                NOW,
                "applicant",
                session_id,
                session_id=session_id,
                sequence=number,
                operation_id=f"o{number}",
            )
            for number in range(1, count + 1)
        )
        unit.commit()
    return units


def taken(path: Path) -> list[str]:
    database = opened(path)
    rows = database.execute("SELECT body FROM events ORDER BY position").fetchall()
    database.close()
    return [json.loads(row[0])["operationId"] for row in rows]


def test_what_the_wizard_sends_is_taken_in_order_and_repetitions_are_passed_over(
    sessions: sessionmaker[Session],
    cipher: Cipher,
    clock: FixedClock,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    units, path = announced(sessions, cipher, clock, count=4), tmp_path / "events.db"
    clock.instant = SystemClock().now()
    with serving(path, NEW) as url:
        carrier = WebhookCarrier(clock, HttpPoster(url, Gate(guarded=False)), (NEW, OLD))
        delivery = Delivery(clock, units, Medium.WEBHOOK, carrier)
        with units.write() as unit:
            # A worker that is killed after it has sent: nobody notes that it has.
            (claimed,) = unit.outbox.claim(clock.now(), medium=Medium.WEBHOOK)
            unit.commit()
        assert carrier.carry(claimed) == 204
        clock.instant += timedelta(minutes=2)
        assert delivery.deliver_due() == 4
    assert taken(path) == ["o1", "o2", "o3", "o4"]
    assert capsys.readouterr().out.count(" session.extended 1 {}\n") == 4


def test_a_stranger_s_call_is_refused_by_the_server(tmp_path: Path) -> None:
    with serving(tmp_path / "events.db", NEW) as url:
        for body, status in ((b"{}", 401), (b"x" * (MOST_BYTES + 1), 413)):
            assert post(url, body, {"wizard-timestamp": "1"}) == status


def test_it_runs_by_itself(tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "events.db"
    command = [sys.executable, str(EXAMPLE), "--port", str(port), "--database", str(path)]
    event = {"id": "1", "event": "e", "version": 1, "occurredAt": "now", "details": {}, "sessionId": "s"}
    body = json.dumps({**event, "operationId": "o"}).encode()

    def send() -> int:
        at = int(SystemClock().now().timestamp())
        return post(f"http://127.0.0.1:{port}/", body, headers(OLD, body=body, at=at))

    with subprocess.Popen(command, env={**os.environ, "WEBHOOK_SECRETS": f"{NEW}, {OLD}"}) as process:
        try:
            assert wait_for(send, passing=(PostFailed,), what="the receiver") == 204
            assert send() == 204
        finally:
            process.kill()
    assert taken(path) == ["o"]
