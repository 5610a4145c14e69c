"""Events on their way out: signed, the same in every try, and what the receiver's answers mean."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.conftest import NOW
from wizard.core.clock import FixedClock
from wizard.services.ports.messages import Answer, ClaimedMessage, Medium, Message, PostFailed, Undelivered
from wizard.services.webhooks import WebhookCarrier

NEW, OLD = "new-secret-0123456789-abcdefghijklmnop", "old-secret-9876543210-ponmlkjihgfedcba"
EVENT = Message(
    kind="education.created",
    recipient="",
    language="",
    key="event:1",
    values={"event": json.dumps({"event": "education.created", "details": {"number": "é-1"}})},
    medium=Medium.WEBHOOK,
)
CLAIMED = ClaimedMessage("id-1", EVENT, 1, NOW)


@dataclass
class Wire:
    """Notes what is posted, and answers as it is told."""

    answers: Answer | PostFailed = field(default_factory=lambda: Answer(204))
    posted: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.posted.append((body, headers))
        if isinstance(self.answers, PostFailed):
            raise self.answers
        return self.answers


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def carrier(clock: FixedClock, wire: Wire) -> WebhookCarrier:
    return WebhookCarrier(clock, wire, (NEW, OLD))


def failure(carrier: WebhookCarrier) -> Undelivered:
    with pytest.raises(Undelivered) as failed:
        carrier.carry(CLAIMED)
    return failed.value


def test_the_body_is_the_event_with_its_id(carrier: WebhookCarrier, wire: Wire) -> None:
    assert carrier.carry(CLAIMED) == 204
    ((body, headers),) = wire.posted
    assert json.loads(body) == {"id": "id-1", "event": "education.created", "details": {"number": "é-1"}}
    assert headers["Idempotency-Key"] == "id-1"
    assert headers["Content-Type"] == "application/json"


def test_every_secret_signs_time_and_body_the_newest_first(carrier: WebhookCarrier, wire: Wire) -> None:
    carrier.carry(CLAIMED)
    ((body, headers),) = wire.posted
    timestamp = headers["Wizard-Timestamp"]
    assert int(timestamp) == int(NOW.timestamp())
    signed = f"{timestamp}.".encode() + body
    expected = [f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in (NEW, OLD)]
    assert headers["Wizard-Signature"] == ", ".join(expected)


def test_another_try_has_the_same_body_and_key_and_a_time_of_its_own(
    carrier: WebhookCarrier, wire: Wire, clock: FixedClock
) -> None:
    carrier.carry(CLAIMED)
    clock.instant += timedelta(hours=1)
    carrier.carry(ClaimedMessage("id-1", EVENT, 2, NOW))
    (first, before), (second, after) = wire.posted
    assert first == second
    assert before["Idempotency-Key"] == after["Idempotency-Key"]
    assert int(after["Wizard-Timestamp"]) - int(before["Wizard-Timestamp"]) == 3600
    assert before["Wizard-Signature"] != after["Wizard-Signature"]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_success_is_one(carrier: WebhookCarrier, wire: Wire, status: int) -> None:
    wire.answers = Answer(status)
    assert carrier.carry(CLAIMED) == status


@pytest.mark.parametrize(
    ("status", "reason", "stops"),
    [
        (301, "webhook.moved", True),
        (307, "webhook.moved", True),
        (400, "webhook.answer", False),
        (404, "webhook.answer", False),
        (410, "webhook.answer", False),
        (408, "webhook.answer", True),
        (425, "webhook.answer", True),
        (429, "webhook.answer", True),
        (500, "webhook.answer", True),
        (503, "webhook.answer", True),
    ],
)
def test_any_other_answer_is_tried_again_and_stops_the_others_unless_it_is_about_the_one(
    carrier: WebhookCarrier, wire: Wire, status: int, reason: str, stops: bool
) -> None:
    wire.answers = Answer(status)
    failed = failure(carrier)
    assert (failed.reason, failed.status, failed.stops, failed.final) == (reason, status, stops, False)


def test_no_answer_stops_the_others(carrier: WebhookCarrier, wire: Wire) -> None:
    wire.answers = PostFailed("webhook.timeout")
    failed = failure(carrier)
    assert (failed.reason, failed.status, failed.stops, failed.final) == ("webhook.timeout", None, True, False)


@pytest.mark.parametrize(("asked", "seconds"), [("120", 120), ("Fri, 27 Nov 2026", None), ("-1", None), (None, None)])
def test_a_receiver_that_asks_for_time_is_listened_to(
    carrier: WebhookCarrier, wire: Wire, asked: str | None, seconds: int | None
) -> None:
    wire.answers = Answer(503, asked)
    assert failure(carrier).retry_after == seconds
