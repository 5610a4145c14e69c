"""The audit trail: append-only rows, each chained to the one before, each chain with a signed head."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypedDict

from sqlalchemy import ColumnElement, Connection, Select, func, insert, or_, select
from sqlalchemy.orm import Session

from wizard.core.events import Event, EventName
from wizard.services.ports.trail import AuditRow, NotedHead
from wizard.storage.audit_chain import BEGUN_ANEW, NOTHING, ROOT, Signer, value_digest
from wizard.storage.audit_check import departures, findings, heads
from wizard.storage.audit_rows import kept_row, kept_rows
from wizard.storage.crypto import Cipher
from wizard.storage.sealed_columns import in_the_open
from wizard.storage.trail_tables import NUMBER, AuditEventRow, AuditHeadRow, AuditValueRow
from wizard.storage.upsert import insert_or

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
        self._announce = announce

    def append(self, events: Iterable[Event]) -> int:
        """Add events, passing over those that are there (same session, sequence, name and operation).

        Answers how many were new.
        """
        told = list(events)
        if not told:
            return 0
        # Heads go out once, as they are in the end.
        with self._session.no_autoflush:
            heads = self._held({event.chain for event in told})
            fresh = list(self._fresh(told))
        rows = [self._linked(heads[event.chain], event) for event in fresh]
        for chain in {row.chain for row, _ in rows}:
            self._sign(heads[chain])
        self._write(rows)
        if self._announce is not None:
            self._announce([(row.id, event) for event, (row, _) in zip(fresh, rows, strict=True)])
        return len(rows)

    def hold(self, chain: str) -> None:
        """Let nobody else add to a chain before this transaction ends: what its history says now stays so."""
        self._held({chain})
        self._session.flush()

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

    def _write(self, rows: Sequence[tuple[AuditEventRow, Sequence[_Value]]]) -> None:
        """Add rows, with the personal values of each once it has its id."""
        self._session.add_all(row for row, _ in rows)
        self._session.flush()
        values = [{**_written(value), "event_id": row.id} for row, changed in rows for value in changed]
        if values:
            self._session.connection().execute(insert(AuditValueRow), values)

    def _fresh(self, events: Sequence[Event]) -> Iterator[Event]:
        """The events not in the trail yet; those outside of any registration have no number to know them by."""
        numbered = [event.sequence for event in events if event.sequence is not None]
        sessions = {event.session_id for event in events}
        there = select(
            AuditEventRow.session_id, AuditEventRow.sequence, AuditEventRow.name, AuditEventRow.operation_id
        ).where(AuditEventRow.session_id.in_(sessions), AuditEventRow.sequence.in_(numbered))
        seen = {tuple(row) for row in self._session.execute(there)} if numbered else set()
        for event in events:
            key = (event.session_id, event.sequence, event.name, event.operation_id)
            if event.sequence is None or key not in seen:
                seen.add(key)
                yield event

    def _linked(self, head: AuditHeadRow, event: Event) -> tuple[AuditEventRow, list[_Value]]:
        """The next row of a chain, whose head moves on to it."""
        values = [_value(field, before, after) for field, (before, after) in event.changes.items()]
        digests = {field: value_digest(**value) for field, value in zip(event.changes, values, strict=True)}
        row = AuditEventRow(
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
        row.key_id, row.mac = self._signer.link(row)
        head.length, head.last = row.position, row.mac
        return row, values

    # Heads.

    def _held(self, chains: AbstractSet[str]) -> dict[str, AuditHeadRow]:
        """The heads of some chains, locked; those of new chains are begun.

        In one order for everybody, the root before all others: two who append to several chains at once never wait for
        each other. (One who appends twice in a transaction has to see to that.)
        """
        if len(chains) > 1 and not self._all_begun(chains):
            self._root()
        heads = self._locked(chains)
        return heads if len(heads) == len(chains) else heads | self._begun(chains - heads.keys())

    def _locked(self, chains: Collection[str]) -> dict[str, AuditHeadRow]:
        return {head.chain: head for head in self._session.scalars(_for_update(*chains))}

    def _begun(self, chains: AbstractSet[str]) -> dict[str, AuditHeadRow]:
        """The heads of new chains, counted in the head of all."""
        root = self._root()
        # Whoever held the root before may have begun these very chains.
        heads = self._locked(chains)
        for chain in sorted(chains - heads.keys()):
            root.length += 1
            heads[chain] = AuditHeadRow(chain=chain, ordinal=root.length, length=0, last=NOTHING)
            self._sign(heads[chain])
            self._session.add(heads[chain])
        self._sign(root)
        return heads

    def _all_begun(self, chains: Collection[str]) -> bool:
        begun = select(func.count()).select_from(AuditHeadRow).where(AuditHeadRow.chain.in_(chains))
        return self._session.scalar(begun) == len(chains)

    def _root(self) -> AuditHeadRow:
        return self._locked({ROOT}).get(ROOT) or self._root_begun_anew()

    def _root_begun_anew(self) -> AuditHeadRow:
        """Somebody removed the root: the site goes on, and `verify` says so for good."""
        chains = self._session.scalar(select(func.max(AuditHeadRow.ordinal))) or 0
        added = insert_or(self._session, AuditHeadRow).values(_root_values(self._signer, chains, BEGUN_ANEW))
        self._session.execute(added.on_conflict_do_nothing(index_elements=["chain"]))
        return self._session.scalars(_for_update(ROOT)).one()

    def _sign(self, head: AuditHeadRow) -> None:
        head.key_id, head.mac = self._signer.head(head)


def plant_root(connection: Connection, cipher: Cipher) -> None:
    """Make the head of all chains, in the transaction that makes the tables."""
    connection.execute(insert(AuditHeadRow).values(_root_values(Signer(cipher), 0, NOTHING)))


def _root_values(signer: Signer, length: int, last: str) -> dict[str, object]:
    values = {"chain": ROOT, "ordinal": 0, "length": length, "last": last}
    return {**values, **signer.head(AuditHeadRow(**values))._asdict()}


def _for_update(*chains: str) -> Select[AuditHeadRow]:
    heads = select(AuditHeadRow).where(AuditHeadRow.chain.in_(chains)).order_by(AuditHeadRow.chain)
    return heads.with_for_update().execution_options(populate_existing=True)


def _value(field: str, before: str | None, after: str | None) -> _Value:
    return {"salt": secrets.token_hex(16), "field": field, "before": before, "after": after}


def _written(value: _Value) -> dict[str, str | None]:
    """A value as its row; member numbers are looked for among all that were ever typed."""
    before, after = value["before"], value["after"]
    if value["field"] == NUMBER:
        before, after = in_the_open(before), in_the_open(after)
    return {"field": value["field"], "salt": value["salt"], "before": before, "after": after}


def _event(row: AuditEventRow, changes: Mapping[str, tuple[str | None, str | None]]) -> Event:
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
