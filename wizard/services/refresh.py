"""The category refresh: records move as the table of categories says today (01-domain, Education category)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from wizard.core.actors import Actor, ActorKind, Privilege
from wizard.core.category import CategoryDecision, determine_category
from wizard.core.choices import EducationCategory
from wizard.core.clock import Clock, toronto_date
from wizard.core.events import Event, EventName
from wizard.core.records import chain_of
from wizard.services.authority import require_desk_or_system, require_main_or_system
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call
from wizard.services.ports.categories import Group, Moves, RefreshRun, Standing
from wizard.services.ports.patience import take_long
from wizard.services.ports.units import UnitOfWork, UnitsOfWork

BATCH = 100
# How much one round of a worker, or one press of a button, does at most; the worker comes back for the rest.
BATCHES_AT_ONCE = 10
_RUNS = 10
_PAGE = 50
_WORKER = Call(Actor.system("category-refresh"))


@dataclass(frozen=True, slots=True)
class Due:
    """A record that would move, and why."""

    standing: Standing
    decision: CategoryDecision


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do now; `following` is what the next page of the list comes after, None at the end."""

    today: date
    membership_ends: date | None
    moves: Moves
    due: Sequence[Due]
    following: str | None

    @property
    def count(self) -> int:
        """How many records would move."""
        return sum(self.moves.values())


@dataclass(slots=True)
class CategoryRefresh:
    """Moves records in batches, each in a transaction with its events: killed anywhere, a run goes on where it was.

    What is to be moved is asked of the records each time, so that nothing is moved twice, and whatever is corrected
    meanwhile is judged as corrected. Any number of workers may be at it.
    """

    clock: Clock
    units: UnitsOfWork
    events: EventBus
    _begun: date | None = field(default=None, init=False)

    def preview(self, call: Call, *, after: str | None = None, limit: int = _PAGE) -> Preview:
        """What would move, listed from behind the record with the id `after`. Raises PermissionDenied."""
        require_desk_or_system(call.actor)
        today = toronto_date(self.clock.now())
        with self.units.read() as unit:
            take_long()
            ends = _membership_ends(unit)
            groups = unit.categories.groups()
            moving = _moving(groups, today, ends)
            found = unit.categories.page(tuple(moving), after=after, limit=limit + 1)
        counts: Counter[tuple[EducationCategory, EducationCategory]] = Counter()
        for group, decision in moving.items():
            counts[group.category, decision.category] += groups[group]
        due = [Due(each, moving[each.group]) for each in found[:limit]]
        return Preview(today, ends, counts, due, due[-1].standing.record_id if len(found) > limit else None)

    def runs(self, call: Call) -> Sequence[RefreshRun]:
        """The newest runs first. Raises PermissionDenied."""
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            return unit.refreshes.newest(limit=_RUNS)

    def begin(self, call: Call) -> None:
        """Begin a run, or join the one that is under way.

        Raises PermissionDenied unless `main` or the system calls.
        """
        require_main_or_system(call.actor)
        with self.units.write() as unit:
            if unit.refreshes.hold_open(wait=True) is None:
                actor = call.actor
                unit.refreshes.begin(
                    day=None,
                    started_by=actor.name,
                    privilege=actor.privilege,
                    at=self.clock.now(),
                    request_id=call.request_id,
                )
                unit.commit()

    def go_on(
        self, call: Call, *, most: int | None = None, on_moved: Callable[[], object] = lambda: None
    ) -> RefreshRun | None:
        """Go on with the run under way, to its end or for `most` batches; answers how far it came, None without one.

        Raises PermissionDenied unless `main` or the system calls.
        """
        require_main_or_system(call.actor)
        return self._slice(most=most, wait=True, on_moved=on_moved)

    def run_due(self) -> bool:
        """For workers: begin what is due on this day in Toronto, do a slice of it; True where more is left."""
        self._begin_due()
        run = self._slice(most=BATCHES_AT_ONCE, wait=False)
        return run is not None and self._under_way()

    def _begin_due(self) -> None:
        today = toronto_date(self.clock.now())
        if self._begun == today:
            return
        with self.units.read() as unit:
            known = unit.refreshes.of_day(today) is not None
        if not known:
            with self.units.write() as unit:
                unit.refreshes.begin(day=today, started_by=_WORKER.actor.name, privilege=None, at=self.clock.now())
                unit.commit()
        self._begun = today

    def _slice(
        self, *, most: int | None, wait: bool, on_moved: Callable[[], object] = lambda: None
    ) -> RefreshRun | None:
        """Some batches of the run under way, as far as it came; None where there is none, or somebody else is at it."""
        last, done = None, 0
        while most is None or done < most:
            run = self._batch(wait=wait, on_moved=on_moved)
            last, done = run or last, done + 1
            if run is None or run.finished_at is not None:
                break
        return last

    def _batch(self, *, wait: bool, on_moved: Callable[[], object]) -> RefreshRun | None:
        """One batch in one transaction: records, their events, and how far the run is."""
        if not self._under_way():
            return None
        with self.units.write() as unit:
            run = unit.refreshes.hold_open(wait=wait)
            if run is None:
                return None
            now = self.clock.now()
            ends = _membership_ends(unit)
            moving = _moving(unit.categories.groups(), toronto_date(now), ends)
            held = unit.categories.hold(tuple(moving), limit=BATCH)
            for group, members in _by_group(held).items():
                unit.categories.move([each.record_id for each in members], moving[group], at=now)
            mover = Call(_actor(run), run.request_id)
            events = [self._event(mover, run, each, moving[each.group]) for each in held]
            moves = Counter(run.moves)
            moves.update((each.group.category, moving[each.group].category) for each in held)
            finished = now if len(held) < BATCH else None
            run = replace(run, membership_ends=ends, moves=moves, finished_at=finished)
            unit.refreshes.update(run)
            unit.audit.append(events)
            unit.commit()
        self.events.publish(*events)
        for _ in events:
            on_moved()
        return run

    def _under_way(self) -> bool:
        """Asked without the right to write, which on SQLite only one has at a time."""
        with self.units.read() as unit:
            return unit.refreshes.open() is not None

    def _event(self, call: Call, run: RefreshRun, standing: Standing, decision: CategoryDecision) -> Event:
        return make_event(
            EventName.RECORD_CATEGORY_CHANGED,
            call=call,
            at=self.clock.now(),
            chain=chain_of(standing.record_id),
            record_id=standing.record_id,
            details={
                "category_before": standing.group.category.value,
                "category_after": decision.category.value,
                "rationale": " ".join(decision.rationale.codes),
                "run": str(run.id),
            },
        )


def _membership_ends(unit: UnitOfWork) -> date | None:
    year = unit.membership_years.current()
    return year.ends_on if year else None


def _moving(groups: Mapping[Group, int], today: date, ends: date | None) -> dict[Group, CategoryDecision]:
    """The groups whose category is not the one that the table says, with what it says."""
    decided = {
        group: determine_category(
            graduation_year=group.graduation_year,
            coto_status=group.coto_status,
            today=today,
            membership_ends=ends,
        )
        for group in groups
    }
    return {group: decision for group, decision in decided.items() if decision.category is not group.category}


def _by_group(held: Sequence[Standing]) -> Mapping[Group, Sequence[Standing]]:
    found: dict[Group, list[Standing]] = defaultdict(list)
    for each in held:
        found[each.group].append(each)
    return found


def _actor(run: RefreshRun) -> Actor:
    """Whoever began a run is who moves its records, also where a worker ends it."""
    kind, _, name = run.started_by.partition(":")
    if kind == ActorKind.STAFF and run.privilege is not None:
        return Actor.staff(name, Privilege(run.privilege))
    return Actor.system(name)
