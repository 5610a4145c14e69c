"""The outbox: messages written with the change that they tell of, and taken by workers one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session, aliased

from wizard.core.events import Event
from wizard.core.publication import publication
from wizard.services.ports.messages import Attempt, ClaimedMessage, Medium, Message, Place
from wizard.storage.crypto import Cipher, Undecipherable
from wizard.storage.personal import whose, whose_address
from wizard.storage.trail_tables import AttemptRow, MessageState, OutboxRow
from wizard.storage.upsert import insert_or

# Longer than a worker needs for what it claims at once; after that it is taken for dead, and its messages are free.
CLAIM = timedelta(minutes=2)
PERSONAL = ("recipient", "values", "secret")
_EMPTIED: Mapping[str, None] = {"sealed": None, "whose": None}


class SqlOutbox:
    """`ports.Outbox`."""

    def __init__(self, session: Session, cipher: Cipher) -> None:
        self._session = session
        self._cipher = cipher

    def add(self, message: Message, *, at: datetime) -> bool:
        """Write a message; False where there is one under its key already, which stays as it is."""
        added = insert_or(self._session, OutboxRow).values(self.row(message, at=at))
        new = added.on_conflict_do_nothing(index_elements=["key"]).returning(OutboxRow.id)
        return self._session.scalar(new) is not None

    def add_all(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write many rows at once; what is there under a key already stays as it is."""
        added = insert_or(self._session, OutboxRow).on_conflict_do_nothing(index_elements=["key"])
        self._session.connection().execute(added, rows)

    def row(self, message: Message, *, at: datetime) -> dict[str, Any]:
        """A message as its row."""
        message_id, place = str(uuid4()), message.place or Place(None, None, None)
        # Sealed even when it is never sent, for the time that it takes; kept only when it is.
        sealed = self._seal(message, message_id)
        return {
            "id": message_id,
            "key": message.key,
            "medium": message.medium,
            "kind": message.kind,
            "language": message.language,
            "sealed": None if message.suppressed else sealed,
            "whose": self._whose(message),
            "state": MessageState.SUPPRESSED if message.suppressed else MessageState.WAITING,
            "attempts": 0,
            "request_id": message.request_id,
            "created_at": at,
            "due_at": at,
            **asdict(place),
        }

    def _whose(self, message: Message) -> str | None:
        is_kept = message.medium is Medium.MAIL and not message.suppressed
        return whose(self._cipher, whose_address(message.recipient)) if is_kept else None

    def announce(self, events: Iterable[tuple[int, Event]]) -> None:
        """Write those events that are for other systems, under the numbers of their rows in the audit trail."""
        rows = [
            self.row(_told(event, number, content), at=event.at)
            for number, event in events
            if (content := publication(event)) is not None
        ]
        if rows:
            self.add_all(rows)

    def claim(self, now: datetime, *, medium: Medium = Medium.MAIL, limit: int = 20) -> Sequence[ClaimedMessage]:
        """Take what is due, oldest first, for this worker alone for a while; `attempts` counts this one too."""
        while rows := self._take(now, medium, limit):
            opened = [claimed for row in rows if (claimed := self._opened(row, now + CLAIM))]
            if opened:
                return opened
        return []

    def _take(self, now: datetime, medium: Medium, limit: int) -> Sequence[OutboxRow]:
        free = or_(OutboxRow.claimed_until.is_(None), OutboxRow.claimed_until <= now)
        due = (
            select(OutboxRow)
            .where(OutboxRow.medium == medium, OutboxRow.state == MessageState.WAITING, OutboxRow.due_at <= now, free)
            .where(~behind_another())
            .order_by(OutboxRow.due_at, OutboxRow.event_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        rows = self._session.scalars(due).all()
        for row in rows:
            row.attempts += 1
            row.claimed_until = now + CLAIM
        self._session.flush()
        return rows

    def _opened(self, row: OutboxRow, until: datetime) -> ClaimedMessage | None:
        """A message whose key is gone is given up: it must not stand in the way of the others for good."""
        try:
            personal = json.loads(self._cipher.decrypt(row.sealed or b"", context=context_of(row.id)))
        except Undecipherable:
            self._settle(row.id, state=MessageState.GIVEN_UP, reason="undecipherable", sealed=None)
            return None
        message = Message(
            kind=row.kind,
            language=row.language,
            key=row.key,
            medium=Medium(row.medium),
            place=_place(row),
            request_id=row.request_id,
            **personal,
        )
        return ClaimedMessage(row.id, message, row.attempts, until)

    def attempted(self, message_id: str, attempt: Attempt) -> None:
        """Note a try, for the log of deliveries."""
        self._session.add(AttemptRow(message_id=message_id, **asdict(attempt)))

    def delivered(self, message_id: str, *, at: datetime) -> None:
        """Delivered: its personal and secret values are erased."""
        self._settle(message_id, state=MessageState.DELIVERED, delivered_at=at, reason=None, **_EMPTIED)

    def failed(self, claimed: ClaimedMessage, *, reason: str, retry_at: datetime) -> None:
        """Not delivered: to be tried again, and until then nobody looks at those that come behind it."""
        if not self._settle(claimed.id, _held(claimed), due_at=retry_at, reason=reason):
            return
        later = update(OutboxRow).where(waits_behind(claimed.id), OutboxRow.due_at < retry_at)
        self._session.execute(later.values(due_at=retry_at))

    def given_up(self, claimed: ClaimedMessage, *, reason: str, keep_until: datetime | None) -> None:
        """Not to be tried again by itself: it can be sent again until `keep_until`; without that it is erased now."""
        erased = _EMPTIED if keep_until is None else {}
        self._settle(
            claimed.id, _held(claimed), state=MessageState.GIVEN_UP, reason=reason, erase_at=keep_until, **erased
        )

    def _settle(self, message_id: str, *only_where: ColumnElement[bool], **values: object) -> bool:
        """Only while it waits: what a slow worker says of a message that another has delivered comes too late."""
        waiting = update(OutboxRow).where(
            OutboxRow.id == message_id, OutboxRow.state == MessageState.WAITING, *only_where
        )
        settled = self._session.execute(waiting.values(claimed_until=None, **values).returning(OutboxRow.id))
        return settled.first() is not None

    def _seal(self, message: Message, message_id: str) -> bytes:
        personal = {name: value for name, value in asdict(message).items() if name in PERSONAL}
        return self._cipher.encrypt(json.dumps(personal).encode(), context=context_of(message_id))


def _held(claimed: ClaimedMessage) -> ColumnElement[bool]:
    """Whether a row is still under the claim that it was taken by: another worker has a later one."""
    return OutboxRow.claimed_until == claimed.until


def behind_another(*, failed: bool = False) -> ColumnElement[bool]:
    """Whether an earlier message of the same registration, or about the same record, still waits; or one that `failed`.

    Earlier is what has the smaller number in the audit trail, whose chains grow one at a time.
    """
    earlier = aliased(OutboxRow)
    waits = and_(earlier.state == MessageState.WAITING, earlier.event_id < OutboxRow.event_id)
    if failed:
        waits = and_(waits, earlier.reason.is_not(None))
    same = (earlier.stream == OutboxRow.stream, earlier.record_id == OutboxRow.record_id)
    # One look-up for each, by an index of its own.
    return or_(*(select(earlier.id).where(waits, each).exists() for each in same))


def waits_behind(message_id: str) -> ColumnElement[bool]:
    """Whether a row waits that is not sent before another."""
    first = aliased(OutboxRow)
    event_id, stream, record_id = (
        select(column).where(first.id == message_id).scalar_subquery()
        for column in (first.event_id, first.stream, first.record_id)
    )
    same = or_(OutboxRow.stream == stream, OutboxRow.record_id == record_id)
    return and_(OutboxRow.state == MessageState.WAITING, OutboxRow.event_id > event_id, same)


def _told(event: Event, number: int, content: Mapping[str, object]) -> Message:
    return Message(
        kind=event.name.value,
        recipient="",
        language="",
        key=f"event:{number}",
        medium=Medium.WEBHOOK,
        values={"event": json.dumps(content, ensure_ascii=False)},
        place=Place(event.session_id or event.chain, event.record_id, number),
        request_id=event.request_id,
    )


def _place(row: OutboxRow) -> Place | None:
    return None if row.event_id is None else Place(row.stream, row.record_id, row.event_id)


def context_of(message_id: str) -> bytes:
    """What a message is sealed for."""
    return f"outbox:{message_id}".encode()
