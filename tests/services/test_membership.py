"""The membership year as staff set it."""

from __future__ import annotations

from datetime import date

import pytest

from tests.services.conftest import World
from tests.support.seed import MEMBERSHIP_ENDS
from wizard.core.accounts import MembershipYear
from wizard.core.actors import Actor
from wizard.core.clock import FixedClock
from wizard.core.errors import PermissionDenied, ValidationFailed
from wizard.services.events import EventBus
from wizard.services.membership import MembershipService
from wizard.services.ports.calls import Call
from wizard.services.ports.units import UnitsOfWork

SYSTEM = Call(Actor.system("command"))


def test_none_is_set_at_first(clock: FixedClock, units: UnitsOfWork) -> None:
    membership = MembershipService(clock, units, EventBus())
    assert membership.show() is None
    assert membership.current_end() is None
    membership.set(SYSTEM, date(2027, 9, 30))
    assert membership.current_end() == date(2027, 9, 30)
    with units.read() as unit:
        (row,) = unit.audit.history("membership-year")
    assert dict(row.event.details) == {"before": "none", "after": "2027-09-30"}


@pytest.fixture
def membership(world: World) -> MembershipService:
    events = EventBus()
    events.subscribe(world.told.append)
    return MembershipService(world.clock, world.units, events)


def test_staff_set_the_last_day(world: World, membership: MembershipService) -> None:
    membership.set(world.staff, date(2028, 9, 30))
    assert membership.show() == MembershipYear(date(2028, 9, 30), "staff:ann", world.clock.now())
    assert [year.ends_on for year in membership.history(world.staff)] == [date(2028, 9, 30), MEMBERSHIP_ENDS]
    assert world.told[-1].name.value == "membership_year.changed"
    assert dict(world.told[-1].details) == {"before": "2027-09-30", "after": "2028-09-30"}


def test_the_year_can_be_closed(world: World, membership: MembershipService) -> None:
    membership.set(world.main, None)
    assert membership.current_end() is None
    assert dict(world.told[-1].details) == {"before": "2027-09-30", "after": "none"}


def test_the_same_day_again_changes_nothing(world: World, membership: MembershipService) -> None:
    membership.set(world.staff, MEMBERSHIP_ENDS)
    assert world.told == []
    assert len(membership.history(world.staff)) == 1


def test_applicants_do_not_set_it(world: World, membership: MembershipService) -> None:
    owner = world.applicant("any", proved=world.account)
    with pytest.raises(PermissionDenied):
        membership.set(owner, date(2099, 1, 1))
    with pytest.raises(PermissionDenied):
        membership.history(owner)


@pytest.mark.parametrize("day", [date(2029, 1, 1), date(2207, 9, 30)])
def test_a_day_far_off_is_a_slip(world: World, membership: MembershipService, day: date) -> None:
    with pytest.raises(ValidationFailed, match=r"membership_year\.range"):
        membership.set(world.staff, day)
    assert membership.current_end() == MEMBERSHIP_ENDS
    membership.set(world.staff, date(2028, 12, 31))
