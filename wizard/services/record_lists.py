"""The desk's lists of education records: searched page by page, and exported whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO

from wizard.core.access import scope_of
from wizard.core.choices import dataverse_code
from wizard.core.clock import Clock
from wizard.core.events import Event, EventName
from wizard.services.authority import require_desk_or_system
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call
from wizard.services.ports.patience import take_long
from wizard.services.ports.record_lists import ListedRecord, Sought
from wizard.services.ports.units import UnitsOfWork
from wizard.services.sheets import WRITERS, Row, SheetKind

LONGEST_SEARCH = 100
PAGE = 25
_BATCH = 500
# All exports are one chain of the audit trail: they concern no record alone.
CHAIN = "exports"
_PRIVILEGE = "owner"


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A page of records, newest first; `following` is what the next page comes after, None at the end."""

    listed: Sequence[ListedRecord]
    following: str | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """What an export is written as; with `codes`, each choice's number in the Dataverse tables stands beside it."""

    kind: SheetKind = SheetKind.CSV
    codes: bool = False


@dataclass(frozen=True, slots=True)
class RecordLists:
    """Records as lists, for the desk and the system's commands. All but `page` raise PermissionDenied to others."""

    clock: Clock
    units: UnitsOfWork
    events: EventBus

    def page(self, call: Call, sought: Sought, *, after: str | None = None, limit: int = PAGE) -> RecordPage:
        """Those that are sought, from behind the record with the number `after`; another system's those it may read.

        Raises PermissionDenied to whoever is neither such a system nor of the desk.
        """
        scope = scope_of(call.actor)
        if scope is None:
            require_desk_or_system(call.actor)
        with self.units.read() as unit:
            found = unit.record_lists.found(_cleaned(sought), before=_printable(after), limit=limit + 1, scope=scope)
        return RecordPage(found[:limit], found[limit - 1].record.number if len(found) > limit else None)

    def count(self, call: Call, sought: Sought) -> int:
        """How many there are."""
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            return unit.record_lists.count(_cleaned(sought))

    def export(
        self, call: Call, sought: Sought, sheet: Sheet, *, to: IO[bytes], on_row: Callable[[], None] = lambda: None
    ) -> int:
        """Write all that are sought; answers how many.

        It is in the audit trail once everything is written: only then may the file go out. Raises
        ExternalServiceError where the database fails on the way.
        """
        require_desk_or_system(call.actor)
        sought, written = _cleaned(sought), 0

        def rows() -> Iterator[Row]:
            nonlocal written
            for each in self._all(sought):
                yield _row(each, codes=sheet.codes)
                written += 1
                on_row()

        WRITERS[sheet.kind](_heading(codes=sheet.codes), rows(), to)
        event = self._exported(call, sought, sheet, written)
        with self.units.write() as unit:
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        return written

    def _all(self, sought: Sought) -> Iterator[ListedRecord]:
        """Batch by batch, none of them a long transaction; a record that comes meanwhile has a number before them."""
        before = None
        while True:
            with self.units.read() as unit:
                take_long()
                found = unit.record_lists.found(sought, before=before, limit=_BATCH)
            yield from found
            if len(found) < _BATCH:
                return
            before = found[-1].record.number

    def _exported(self, call: Call, sought: Sought, sheet: Sheet, written: int) -> Event:
        filters = {name: getattr(sought, name) for name in ("university", "graduation_year", "category")}
        return make_event(
            EventName.RECORD_EXPORTED,
            call=call,
            at=self.clock.now(),
            chain=CHAIN,
            details={
                "kind": sheet.kind.value,
                "codes": "yes" if sheet.codes else "no",
                "records": str(written),
                **{name: value for name, value in filters.items() if value is not None},
            },
            # What was searched for is a name or a number of somebody.
            changes={"search": (None, sought.text)} if sought.text else {},
        )


def _cleaned(sought: Sought) -> Sought:
    """Without what no record holds; databases take no control characters."""
    text = " ".join((_printable(sought.text) or "").split())[:LONGEST_SEARCH].strip()
    return replace(sought, text=text or None)


def _printable(text: str | None) -> str | None:
    return None if text is None else "".join(char if char.isprintable() else " " for char in text)


_COLUMNS: dict[str, Callable[[ListedRecord], str | None]] = {
    "number": lambda each: each.record.number,
    "user_business_id": lambda each: each.record.data.user_business_id,
    "name": lambda each: each.name,
    "degree_type": lambda each: each.record.data.degree_type,
    "university": lambda each: each.record.data.university,
    "other_details": lambda each: each.record.data.other_details,
    "country": lambda each: each.record.data.country,
    "graduation_year": lambda each: each.record.data.graduation_year,
    "coto_status": lambda each: each.record.data.coto_status,
    "coto_registration": lambda each: each.record.data.coto_registration,
    "education_category": lambda each: each.record.category.value,
    "access_modifier": lambda each: each.record.data.access_modifier,
    "privilege": lambda _each: _PRIVILEGE,
    "verification": lambda each: each.record.verification.state.value,
    "verification_reasons": lambda each: " ".join(each.record.verification.reasons),
    "notes": lambda each: each.record.data.notes,
    "created_at": lambda each: each.record.created_at.isoformat(timespec="seconds"),
    "updated_at": lambda each: each.record.updated_at.isoformat(timespec="seconds"),
    "id": lambda each: each.record.id,
}
_CODED = frozenset(
    {
        "degree_type",
        "university",
        "country",
        "graduation_year",
        "coto_status",
        "education_category",
        "access_modifier",
        "privilege",
    }
)


def _heading(*, codes: bool) -> list[str]:
    return [title for name in _COLUMNS for title in ([name, f"{name}_code"] if codes and name in _CODED else [name])]


def _row(each: ListedRecord, *, codes: bool) -> list[str | int | None]:
    cells: list[str | int | None] = []
    for name, read in _COLUMNS.items():
        value = read(each)
        cells.append(value)
        if codes and name in _CODED:
            cells.append(None if value is None else dataverse_code(name, value))
    return cells
