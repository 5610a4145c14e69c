"""The audit trail: append-only rows, each chained to the one before, each chain with a signed head."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypedDict

from sqlalchemy import ColumnElement, bindparam, or_, select
from sqlalchemy.orm import Session

from wizard.core.events import Event, EventName
from wizard.services.ports.trail import AuditRow, NotedHead
from wizard.storage.audit_chain import Head, Link, Signer, value_digest
from wizard.storage.audit_check import departures, findings, heads
from wizard.storage.audit_heads import AuditHeads
from wizard.storage.audit_rows import kept_row, kept_rows
from wizard.storage.crypto import Cipher
from wizard.storage.many_rows import ManyRows
from wizard.storage.sealed_columns import in_the_open
from wizard.storage.trail_tables import EVENTS, NUMBER, VALUES, AuditEventRow, AuditValueRow

# Without the ORM, which took a third of the time of a step submitted (docs/benchmarks.md).
_ADDED = tuple(column for column in EVENTS.columns if column.name != "id")
_EVENTS = ManyRows(EVENTS, _ADDED, EVENTS.c.id, EVENTS.c.chain, EVENTS.c.position)
_VALUES = ManyRows(VALUES, tuple(VALUES.columns))
_KNOWN = select(EVENTS.c.session_id, EVENTS.c.sequence, EVENTS.c.name, EVENTS.c.operation_id).where(
    EVENTS.c.session_id.in_(bindparam("sessions", expanding=True)),
    EVENTS.c.sequence.in_(bindparam("numbers", expanding=True)),
)
Announce = Callable[[Sequence[tuple[int, Event]]], None]


class _Value(TypedDict):
    """A personal value to be written; its digest is what the chain holds of it."""

    field: str
    salt: str
    before: str | None
    after: str | None


class SqlAuditTrail:
    """`ports.AuditTrail`. A chain's head is locked while it grows, so that chains never fork.

    `announce` is told of the events that are new, with the numbers of their rows, within the transaction.
    """

    def __init__(self, session: Session, cipher: Cipher, announce: Announce | None = None) -> None:
        self._session = session
        self._signer = Signer(cipher)
        self._heads = AuditHeads(session, self._signer)
        self._announce = announce

    def append(self, events: Iterable[Event]) -> int:
        """Add events, passing over those that are there (same session, sequence, name and operation).

        Answers how many were new.
        """
        told = list(events)
        if not told:
            return 0
        heads = self._heads.held({event.chain for event in told})
        fresh = list(self._fresh(told, {chain for chain, head in heads.items() if head.is_new}))
        links = [self._linked(heads[event.chain], event) for event in fresh]
        self._write(links)
        self._heads.keep(heads.values())
        if self._announce is not None:
            self._announce([(link.id, event) for event, (link, _) in zip(fresh, links, strict=True)])
        return len(links)

    def hold(self, chain: str) -> None:
        """Let nobody else add to a chain before this transaction ends: what its history says now stays so."""
        self._heads.keep(self._heads.held({chain}).values())

    def missing(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Those of some events that are not in the trail yet (same session, sequence, name and operation)."""
        return tuple(self._fresh(events))

    def history(self, *chains: str, record_id: str | None = None) -> Sequence[AuditRow]:
        """The rows of some chains, each in order, and all of a record, with such personal values as are still kept."""
        wanted: ColumnElement[bool] = AuditEventRow.chain.in_(chains)
        if record_id is not None:
            wanted = or_(wanted, AuditEventRow.record_id == record_id)
        mine = self._session.execute(kept_rows().where(wanted).order_by(AuditEventRow.position))
        rows = [kept_row(raw).row for raw in mine]
        values: dict[int, dict[str, tuple[str | None, str | None]]] = defaultdict(dict)
        kept = select(AuditValueRow).join(AuditEventRow).where(wanted)
        for value in self._session.scalars(kept.order_by(AuditValueRow.field)):
            values[value.event_id][value.field] = (value.before, value.after)
        return [AuditRow(row.id, row.position, _event(row, values[row.id])) for row in rows]

    def verify(self) -> Sequence[str]:
        """What is wrong with any chain: a sentence for each changed, removed, reordered or cut-off row."""
        return list(findings(self._session, self._signer))

    def heads(self) -> Sequence[NotedHead]:
        """Where each chain ends now, to be kept elsewhere."""
        return list(heads(self._session))

    def departures(self, noted: Iterable[NotedHead]) -> Sequence[str]:
        """A sentence for each chain that does not lead to where it was noted to end."""
        return list(departures(self._session, noted))

    def _write(self, links: Sequence[tuple[Link, Sequence[_Value]]]) -> None:
        """Add links, with the personal values of each once it has its id."""
        if not links:
            return
        connection = self._session.connection()
        rows = [{column.name: getattr(link, column.name) for column in _ADDED} for link, _ in links]
        added = _EVENTS.add(connection, rows)
        numbers = {(row.chain, row.position): row.id for row in added}
        for link, _ in links:
            link.id = numbers[link.chain, link.position]
        values = [{**_written(value), "event_id": link.id} for link, changed in links for value in changed]
        if values:
            _VALUES.add(connection, values)

    def _fresh(self, events: Sequence[Event], begun: Collection[str] = ()) -> Iterator[Event]:
        """The events not in the trail yet; those outside of any registration have no number to know them by.

        Of registrations whose chains are only just `begun`, nothing is there.
        """
        numbered = [each for each in events if each.sequence is not None and each.session_id not in begun]
        seen = self._known(numbered) if numbered else set()
        for event in events:
            key = (event.session_id, event.sequence, event.name, event.operation_id)
            if event.sequence is None or key not in seen:
                seen.add(key)
                yield event

    def _known(self, events: Sequence[Event]) -> set[tuple[object, ...]]:
        """What is known of the registrations under the numbers of some events."""
        sessions = list({event.session_id for event in events})
        numbers = list({event.sequence for event in events})
        found = self._session.connection().execute(_KNOWN, {"sessions": sessions, "numbers": numbers})
        return {tuple(row) for row in found}

    def _linked(self, head: Head, event: Event) -> tuple[Link, list[_Value]]:
        """The next link of a chain, whose head moves on to it."""
        values = [_value(field, before, after) for field, (before, after) in event.changes.items()]
        digests = {field: value_digest(**value) for field, value in zip(event.changes, values, strict=True)}
        link = Link(
            chain=event.chain,
            position=head.length + 1,
            name=event.name,
            at=event.at,
            actor=event.actor,
            privilege=event.privilege,
            session_id=event.session_id,
            sequence=event.sequence,
            record_id=event.record_id,
            operation_id=event.operation_id,
            request_id=event.request_id,
            details=dict(event.details),
            changes=digests,
            previous=head.last,
        )
        link.key_id, link.mac = self._signer.link(link)
        head.grow(link)
        return link, values


def _value(field: str, before: str | None, after: str | None) -> _Value:
    return {"salt": secrets.token_hex(16), "field": field, "before": before, "after": after}


def _written(value: _Value) -> dict[str, str | None]:
    """A value as its row; member numbers are looked for among all that were ever typed."""
    before, after = value["before"], value["after"]
    if value["field"] == NUMBER:
        before, after = in_the_open(before), in_the_open(after)
    return {"field": value["field"], "salt": value["salt"], "before": before, "after": after}


def _event(row: Link, changes: Mapping[str, tuple[str | None, str | None]]) -> Event:
    return Event(
        name=EventName.as_stored(row.name),
        at=row.at,
        actor=row.actor,
        chain=row.chain,
        privilege=row.privilege,
        session_id=row.session_id,
        sequence=row.sequence,
        record_id=row.record_id,
        operation_id=row.operation_id,
        request_id=row.request_id,
        details=row.details,
        changes=changes,
    )
