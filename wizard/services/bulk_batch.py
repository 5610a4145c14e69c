"""Rows of a bulk registration together: one transaction and two round trips to Redis, however many they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wizard.core.events import Event
from wizard.core.registration import Registration
from wizard.services.bulk_rows import BulkRows, session_id_of
from wizard.services.events import EventBus
from wizard.services.ports.bulk import BulkJob, BulkRow, JobState, RowOutcome, RowState
from wizard.services.ports.calls import Call
from wizard.services.ports.registrations import RegistrationStore, RevisionConflict
from wizard.services.ports.units import Batches, Sought


@dataclass
class HeldDocuments:
    """`ports.Documents` of a batch: read in one round trip, and written in another."""

    store: RegistrationStore
    read: dict[str, Registration | None]
    held: dict[str, Registration] = field(default_factory=dict)

    @classmethod
    def of(cls, store: RegistrationStore, session_ids: Collection[str]) -> HeldDocuments:
        """The documents with some ids, as far as there are any."""
        return cls(store, dict(store.load_all(list(session_ids))) if session_ids else {})

    def load(self, session_id: str) -> Registration | None:
        """As it will be."""
        return self.held.get(session_id) or self.read[session_id]

    def load_all(self, session_ids: Sequence[str]) -> Mapping[str, Registration | None]:
        """Several, as they will be."""
        return {each: self.load(each) for each in session_ids}

    def save(self, registration: Registration, *, replacing: Registration | None) -> Registration:
        """Hold it; whether another stands there by then turns out when all are written."""
        if self.load(registration.session_id) != replacing:
            raise RevisionConflict
        stored = self.read[registration.session_id]
        held = replace(registration, revision=stored.revision + 1 if stored else 1)
        self.held[registration.session_id] = held
        return held

    def write(self) -> None:
        """Store all of them. Raises `RevisionConflict` where another stands in the place of one; the others are."""
        self.store.save_all([(held, self.read[session_id]) for session_id, held in self.held.items()])


class HeldEvents(EventBus):
    """Events of a batch: told once it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []

    def publish(self, *events: Event) -> None:
        """Hold them."""
        self.events += events


@dataclass(frozen=True, slots=True)
class RowsTogether:
    """Each row goes through the operations of any registration; only their stores know that they are many.

    The records are committed, with all that belongs to them, before Redis is written and before a row is settled:
    a worker that dies in between leaves rows whose records are found by their registrations' ids.
    """

    rows: BulkRows
    batches: Batches
    registrations: RegistrationStore
    events: EventBus

    def outcomes(self, call: Call, job: BulkJob, rows: Sequence[BulkRow]) -> Mapping[int, RowOutcome]:
        """What comes of some rows, by their numbers; nobody is invited.

        Whatever is raised, no record was made, or it will be found: each row can be tried on its own.
        """
        entering = job.state is JobState.RUNNING
        sought = _sought(job, rows)
        documents, told = HeldDocuments.of(self.registrations, sought.session_ids if entering else ()), HeldEvents()
        with self.batches.begin(sought) as batch:
            mine = replace(self.rows, units=batch, whole=self.rows.whole.upon(batch, documents, told))
            checked = {row.number: mine.check(call, job, row) for row in rows}
            if not entering:
                return checked
            batch.reserve(sum(each.state is RowState.READY for each in checked.values()))
            uninviting = replace(job, invite=False)
            entered = {row.number: mine.admit(call, uninviting, row, checked[row.number]) for row in rows}
            batch.commit()
        self.events.publish(*told.events)
        documents.write()
        return entered


def _sought(job: BulkJob, rows: Sequence[BulkRow]) -> Sought:
    data = [row.values for row in rows if row.values is not None]
    return Sought(
        member_numbers=_numbers(data, "user_business_id"),
        coto_registrations=_numbers(data, "coto_registration"),
        session_ids=[session_id_of(job.id, row.number) for row in rows],
    )


def _numbers(data: Sequence[Mapping[str, str | None]], name: str) -> set[str]:
    """What may be somebody's number: text with NUL or the like is none, and cannot be looked for."""
    return {number for each in data if (number := each.get(name)) and number.isprintable()}
