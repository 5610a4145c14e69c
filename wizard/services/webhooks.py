"""Webhooks: an event as its receiver gets it, signed (docs/events.md)."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from wizard.core.clock import Clock
from wizard.services.ports.messages import Answer, ClaimedMessage, Poster, PostFailed, Undelivered

KEY, TIMESTAMP, SIGNATURE = "Idempotency-Key", "Wizard-Timestamp", "Wizard-Signature"
SCHEME = "v1"
# What is wrong with one event, as the receiver sees it; all else says that it takes none at the moment.
_ABOUT_THE_EVENT = range(400, 500)
_BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True, slots=True)
class WebhookCarrier:
    """`ports.Carrier` of events: each goes out in the same bytes at every try, signed anew with the time of the try."""

    clock: Clock
    poster: Poster
    secrets: tuple[str, ...]

    def carry(self, claimed: ClaimedMessage) -> int:
        """Post an event; answers the status. Raises Undelivered for any but a 2xx."""
        body = body_of(claimed)
        timestamp = str(int(self.clock.now().timestamp()))
        try:
            answer = self.poster.post(body, self._headers(claimed, timestamp, body))
        except PostFailed as failed:
            raise Undelivered(failed.reason, stops=True) from failed
        if answer.status not in range(200, 300):
            raise _not_taken(answer)
        return answer.status

    def _headers(self, claimed: ClaimedMessage, timestamp: str, body: bytes) -> Mapping[str, str]:
        return {
            "Content-Type": "application/json",
            "User-Agent": "ot-education-wizard",
            KEY: claimed.id,
            TIMESTAMP: timestamp,
            SIGNATURE: ", ".join(f"{SCHEME}={signature(secret, timestamp, body)}" for secret in self.secrets),
        }


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `<timestamp>.<body>`, in hexadecimal digits."""
    return hmac.digest(secret.encode(), timestamp.encode() + b"." + body, "sha256").hex()


def body_of(claimed: ClaimedMessage) -> bytes:
    """The event with the id that a repetition is recognised by."""
    event = {"id": claimed.id, **json.loads(claimed.message.values["event"])}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _not_taken(answer: Answer) -> Undelivered:
    about_the_event = answer.status in _ABOUT_THE_EVENT and answer.status not in _BUSY
    moved = answer.status in range(300, 400)
    return Undelivered(
        "webhook.moved" if moved else "webhook.answer",
        status=answer.status,
        stops=not about_the_event,
        retry_after=_seconds(answer.retry_after),
    )


def _seconds(asked: str | None) -> int | None:
    """`Retry-After` where it is a number of seconds, not a date."""
    return int(asked) if asked is not None and asked.isascii() and asked.isdigit() else None
