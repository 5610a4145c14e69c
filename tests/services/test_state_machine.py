"""Any operations in any order, with outages and crashes among them: the orchestrator does as its model does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.services.conftest import COMPLETE, LIFETIMES, World
from tests.services.model import CLOSED, CREATED, LINKED, THIS_YEAR, Model, Modelled
from tests.services.outages import UnitsWithOutage
from wizard.core.accounts import Account, AccountStatus, MembershipYear
from wizard.core.education import EducationData
from wizard.core.errors import ErrorCode, NotFound, SessionExpired, WizardError
from wizard.core.events import Event
from wizard.core.registration import Status
from wizard.core.results import OperationResult
from wizard.services.ports.calls import Staging

STRANGER = "00000000-0000-4000-8000-000000000000"
PICKS = st.integers(min_value=0, max_value=99)
COTO_NUMBER = "coto number"
CHANGES = st.sampled_from(
    [
        {"degree_type": "doctorate"},
        {"degree_type": "masters"},
        {"degree_type": None},
        {"country": "FR"},
        {"country": "CA"},
        {"graduation_year": str(THIS_YEAR)},
        {"graduation_year": str(THIS_YEAR + 2)},
        {"coto_status": "general", "coto_registration": COTO_NUMBER},
        {"coto_status": "pending", "coto_registration": None},
        {"coto_registration": None},
    ]
)


class Registering(RuleBasedStateMachine):
    """Up to three open registrations of two members, driven by the desk's `main` but where another actor is meant."""

    world: World
    outage: UnitsWithOutage

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.steps_without = 0
        self.world.told.clear()
        self.members = [self._member(), self._member()]
        self.coto_number = f"C{self.members[0].number[-6:]}"
        self._set_year(date(THIS_YEAR + 1, 9, 30))

    def _member(self) -> Account:
        with self.world.units.write() as unit:
            account = unit.accounts.add(
                name="Vera", email="vera@example.org", status=AccountStatus.ACTIVE, language="en", number=None
            )
            unit.commit()
        return account

    def _set_year(self, ends: date) -> None:
        with self.world.units.write() as unit:
            unit.membership_years.set(MembershipYear(ends, "staff:mia", self.world.clock.now()))
            unit.commit()

    def one(self, pick: int) -> Modelled:
        """A registration: mostly one that is open, and of those the newest."""
        every = sorted(self.model.registrations.values(), key=_is_open, reverse=True)
        return every[pick % min(len(every), 4)]

    def answers(self, given: dict[str, str | None]) -> dict[str, str | None]:
        return {name: self.coto_number if value == COTO_NUMBER else value for name, value in given.items()}

    def expect(self, expected: ErrorCode | None, act: Callable[[], OperationResult]) -> None:
        """The operation answers as the model does, in its error or in its result."""
        try:
            result = act()
            answered = result.errors[0].code if result.errors else None
        except WizardError as error:
            answered = error.code
        assert answered is expected

    # Answers

    @precondition(lambda self: sum(map(_is_open, self.model.registrations.values())) < 3)
    @rule(member=st.integers(0, 1), complete=st.booleans())
    def stage(self, member: int, complete: bool) -> None:
        if not any(map(_is_open, self.model.registrations.values())):
            # The records of those before would only stand in the way.
            self.members += [self._member(), self._member()]
        data = {**COMPLETE, "user_business_id": self.members[-2:][member].number}
        if not complete:
            data = {**data, "access_modifier": None}
        result = self.world.orchestrator.stage(self.world.main, Staging(data=data))
        self.model.stage(result.registration.session_id, {**dict.fromkeys(EducationData().as_dict()), **data})

    @precondition(lambda self: self.model.registrations)
    @rule(pick=PICKS, changes=CHANGES, behind=st.sampled_from([0, 0, 0, 1]))
    def update(self, pick: int, changes: dict[str, str | None], behind: int) -> None:
        one = self.one(pick)
        self._update(one, self.answers(changes), seen=one.version - behind)

    @precondition(lambda self: any(not one.crashed for one in self.model.registrations.values()))
    @rule(pick=PICKS, member=st.integers(0, 1))
    def change_member(self, pick: int, member: int) -> None:
        one = self.one(pick)
        if not one.crashed:
            self._update(one, {"user_business_id": self.members[-2:][member].number}, seen=one.version)

    @precondition(lambda self: self.model.registrations)
    @rule(pick=PICKS, graduation_year=st.sampled_from([str(THIS_YEAR), str(THIS_YEAR), str(THIS_YEAR + 2)]))
    def go_up_to_the_declaration(self, pick: int, graduation_year: str) -> None:
        """What most people do: without it few examples would come to the end."""
        self._go_up(self.one(pick), graduation_year)

    def _go_up(self, one: Modelled, graduation_year: str) -> None:
        number = one.data["user_business_id"]
        good = {**COMPLETE, "user_business_id": number, "graduation_year": graduation_year, "coto_registration": None}
        self._update(one, good, seen=one.version)
        for step in (self._validate, self._decide, self._link):
            step(one)

    def _update(self, one: Modelled, changes: dict[str, str | None], *, seen: int) -> None:
        expected = self.model.update(one, changes, seen=seen)
        act = self.world.orchestrator
        self.expect(expected, lambda: act.update(self.world.main, one.session_id, changes, version=seen))

    # The workflow

    @precondition(lambda self: self.model.registrations)
    @rule(pick=PICKS)
    def validate(self, pick: int) -> None:
        self._validate(self.one(pick))

    def _validate(self, one: Modelled) -> None:
        act = self.world.orchestrator
        self.expect(self.model.validate(one), lambda: act.validate(self.world.main, one.session_id))

    @precondition(lambda self: self.model.registrations)
    @rule(pick=PICKS)
    def decide(self, pick: int) -> None:
        self._decide(self.one(pick))

    def _decide(self, one: Modelled) -> None:
        act = self.world.orchestrator
        self.expect(self.model.decide(one), lambda: act.determine_category(self.world.main, one.session_id))

    @precondition(lambda self: self.model.registrations)
    @rule(pick=PICKS, proved=st.sampled_from([True, True, True, False]))
    def link(self, pick: int, proved: bool) -> None:
        self._link(self.one(pick), proved=proved)

    def _link(self, one: Modelled, *, proved: bool = True) -> None:
        caller = self.world.main if proved else self.world.applicant(one.session_id)
        expected = self.model.link(one, proved=proved)
        self.expect(expected, lambda: self.world.orchestrator.link_account(caller, one.session_id))

    @precondition(lambda self: self.model.registrations)
    @rule(pick=PICKS, may_create=st.sampled_from([True, True, True, False]))
    def create(self, pick: int, may_create: bool) -> None:
        self._create(self.one(pick), may_create=may_create)

    def _create(self, one: Modelled, *, may_create: bool = True) -> None:
        caller = self.world.main if may_create else self.world.staff
        expected = self.model.create(one, may_create=may_create)
        self.expect(expected, lambda: self.world.orchestrator.create(caller, one.session_id))

    def _create_it(self, one: Modelled) -> OperationResult:
        return self.world.orchestrator.create(self.world.main, one.session_id)

    @precondition(lambda self: self.model.registrations)
    @rule(pick=PICKS)
    def execute(self, pick: int) -> None:
        one = self.one(pick)
        self.expect(self.model.execute(one), lambda: self._execute(one))

    def _execute(self, one: Modelled) -> OperationResult:
        numbers = {member.number: member.id for member in self.members}
        account_id = numbers[one.data["user_business_id"] or ""]
        return self.world.orchestrator.execute_workflow(self.world.main, one.session_id, account_id=account_id)

    @precondition(lambda self: len(self.model.registrations) > 1)
    @rule(pick=PICKS, sure=st.sampled_from([False, False, True]))
    def cancel_one_of_several(self, pick: int, sure: bool) -> None:
        """Now and then: there is nothing more to be seen of what is over."""
        if not sure:
            return
        one = self.one(pick)
        self.expect(self.model.cancel(one), lambda: self.world.orchestrator.cancel(self.world.main, one.session_id))

    @precondition(lambda self: self.model.registrations)
    @rule(pick=PICKS)
    def extend(self, pick: int) -> None:
        one = self.one(pick)
        self.world.clock.instant += timedelta(minutes=5)
        expected = self.model.extend(one)
        self.expect(expected, lambda: self.world.orchestrator.extend(self.world.main, one.session_id))
        if expected is None:
            until = self.world.clock.now() + LIFETIMES.after_change
            assert self.world.load(one.session_id).expires_at >= until

    @precondition(lambda self: self.model.registrations)
    @rule(pick=PICKS)
    def be_somebody_else(self, pick: int) -> None:
        with pytest.raises(NotFound):
            self.world.orchestrator.validate(self.world.applicant(STRANGER), self.one(pick).session_id)

    # The world

    @precondition(lambda self: not self.model.down and any(map(_may_crash, self.model.registrations.values())))
    @rule(close=st.booleans(), graduation_year=st.sampled_from([str(THIS_YEAR), str(THIS_YEAR + 2)]))
    def submit_and_crash(self, close: bool, graduation_year: str) -> None:
        """The database has the record, and Redis never hears of it."""
        one = next(filter(_may_crash, self.model.registrations.values()))
        self._go_up(one, graduation_year)
        if one.status not in LINKED:
            return
        before = self.world.load(one.session_id)
        remembered = replace(one, data=dict(one.data))
        error = self.model.execute(one) if close else self.model.create(one)
        act = self._execute if close else self._create_it
        self.expect(error, lambda: act(one))
        if error is None:
            after = self.world.load(one.session_id)
            self.world.registrations.save(before, replacing=after)
            one.data, one.status, one.crashed = remembered.data, remembered.status, True

    @precondition(lambda self: any(map(_has_crashed, self.model.registrations.values())))
    @rule(degree_type=st.sampled_from(["masters", "doctorate"]))
    def submit_again_after_the_crash(self, degree_type: str) -> None:
        """With the same answers, or with others."""
        one = next(filter(_has_crashed, self.model.registrations.values()))
        self._update(one, {"degree_type": degree_type}, seen=one.version)
        for step in (self._validate, self._decide, self._create):
            step(one)

    @precondition(lambda self: not self.model.down)
    @rule(steps=st.integers(1, 3))
    def take_the_database_away(self, steps: int) -> None:
        self.model.down = self.outage.down = True
        self.steps_without = steps

    @rule()
    def change_membership_year(self) -> None:
        self.model.year_is_open = not self.model.year_is_open
        self._set_year(date(THIS_YEAR + 1, 9, 30) if self.model.year_is_open else date(THIS_YEAR, 9, 30))

    # What always holds

    @invariant()
    def the_database_comes_back(self) -> None:
        if self.model.down and not self.steps_without:
            self._give_the_database_back()
        self.steps_without -= self.model.down

    def _give_the_database_back(self) -> None:
        self.model.down = self.outage.down = False
        self.world.clock.instant += timedelta(seconds=10)

    @invariant()
    def documents_are_as_modelled(self) -> None:
        for one in self.model.registrations.values():
            stored = self.world.load(one.session_id)
            assert stored.status is one.status
            if one.status in CLOSED - {Status.EDUCATION_CREATED}:
                assert (stored.data, stored.contact_email, stored.account_id) == (EducationData(), None, None)
                continue
            assert stored.data.as_dict() == one.data
            assert (stored.version, stored.linked) == (one.version, one.linked)
            category = stored.validation.decision and stored.validation.decision.category
            assert category == one.category

    @invariant()
    def records_are_as_modelled(self) -> None:
        with self.world.units.read() as unit:
            for one in self.model.registrations.values():
                record = unit.records.by_session(one.session_id)
                assert (record and record.data.as_dict()) == one.record
                if one.status in CREATED:
                    assert record is not None
                    assert self.world.load(one.session_id).record_number == record.number

    def teardown(self) -> None:
        """Everything told is in the trail once, with the database back; then every time is over."""
        self._give_the_database_back()
        for one in self.model.registrations.values():
            drained = self.world.orchestrator.runner.drain.bring_in(self.world.load(one.session_id))
            with self.world.units.read() as unit:
                rows = unit.audit.history(one.session_id)
            recorded = Counter((row.event.sequence, row.event.name) for row in rows if row.event.sequence)
            told = {(event.sequence, event.name) for event in self._told(one) if event.sequence}
            assert set(recorded) == told
            assert set(recorded.values()) <= {1}
            names = Counter(name for _, name in recorded)
            assert {name: names[name] for name in one.happened()} == one.happened()
            assert drained.event_sequence <= max(sequence or 0 for sequence, _ in told)
        self.world.clock.instant += LIFETIMES.at_most
        for session_id in self.model.registrations:
            with pytest.raises(SessionExpired):
                self.world.orchestrator.get(self.world.main, session_id)
        self.world.clock.instant -= LIFETIMES.at_most

    def _told(self, one: Modelled) -> list[Event]:
        return [event for event in self.world.told if event.session_id == one.session_id]


def _may_crash(one: Modelled) -> bool:
    return _is_open(one) and not one.crashed


def _is_open(one: Modelled) -> bool:
    return one.status not in CLOSED


def _has_crashed(one: Modelled) -> bool:
    return one.crashed and _is_open(one)


def test_any_operations_in_any_order(world: World) -> None:
    outage = UnitsWithOutage(world.units)
    act = world.orchestrator
    for holder in (act.runner.drain, act.checking, act.transitions, act.transitions.creation):
        object.__setattr__(holder, "units", outage)
    bound = type("Bound", (Registering,), {"world": world, "outage": outage})
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # A shorter example is worth minutes only to whoever looks for it: add Phase.shrink.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
        ),
    )
