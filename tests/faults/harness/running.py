"""Running schedules on a site: everybody registers at once while parts fail, then all of it is checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Event, Lock, Thread
from time import monotonic

from tests.faults.harness.checker import Claims, violations
from tests.faults.harness.evidence import Evidence, gather
from tests.faults.harness.faults import DEATHS, FAULTS, Fault
from tests.faults.harness.parts import Site
from tests.faults.harness.people import Person
from tests.faults.harness.place import Place
from tests.faults.harness.schedule import Registering, Schedule, Strike, schedule
from tests.faults.harness.systems import System
from tests.faults.harness.told import Told
from tests.support.waiting import wait_for
from wizard.core.publication import camel

# How long those who register may still take once everything is healthy again, and the messages to go out after that.
PATIENCE = 120.0
DELIVERED_WITHIN = 60.0
# What a worker that lives has done with what it took.
_WORKING = 2.0
_CLAIM = timedelta(minutes=2)


@dataclass
class Conductor:
    """Strikes as the steps are reached, one fault of a part at a time."""

    site: Site
    strikes: Sequence[Strike]
    struck: list[Strike] = field(default_factory=list)
    deaths: int = 0
    _threads: list[Thread] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _parts: Mapping[str, Lock] = field(default_factory=lambda: defaultdict(Lock))

    def reached(self, who: int, step: str) -> None:
        """Somebody is about to send a step."""
        with self._lock:
            due = [each for each in self.strikes if (each.who, each.step) == (who, step) and each not in self.struck]
            self.struck += due
            for strike in due:
                thread = Thread(target=self._strike, args=(strike,))
                thread.start()
                self._threads.append(thread)

    def _strike(self, strike: Strike) -> None:
        Event().wait(strike.after)
        fault = FAULTS[strike.fault]
        with self._parts[fault.part], fault.doing(self.site):
            self._last(strike, fault)

    def _last(self, strike: Strike, fault: Fault) -> None:
        """As long as it is to last; waiting for a death is over when somebody has died."""
        until = monotonic() + strike.lasts
        if fault.part != DEATHS:
            Event().wait(strike.lasts)
            return
        while (lives := self.site.armed.exists()) and monotonic() < until:
            Event().wait(0.01)
        self.deaths += not lives

    def join(self) -> None:
        """Return when no fault lasts any longer."""
        for thread in tuple(self._threads):
            thread.join()


@dataclass(frozen=True)
class Ran:
    """What came of a schedule."""

    schedule: Schedule
    told: Sequence[Told]
    evidence: Evidence
    violations: Sequence[str]
    struck: Sequence[Strike]
    deaths: int
    seconds: float


def run(site: Site, made: Schedule) -> Ran:
    """Everybody registers at once while the strikes fall; then everything is made healthy, finished, and checked."""
    began, since = monotonic(), datetime.now(UTC)
    people = registering(site, made)
    conductor = Conductor(site, made.strikes)
    for who, person in enumerate(people):
        person.reached = lambda step, who=who: conductor.reached(who, step)  # type: ignore[misc]
    too_long = Event()
    with ThreadPoolExecutor(len(people)) as pool:
        under_way = [pool.submit(person.register, too_long) for person in people]
        _wait_until(lambda: all(each.done() for each in under_way) or len(conductor.struck) == len(made.strikes))
        conductor.join()
        site.heal()
        deadline = monotonic() + PATIENCE
        _wait_until(lambda: all(each.done() for each in under_way) or monotonic() > deadline)
        conductor.join()
        too_long.set()
        for each in under_way:
            each.result()
    site.heal()
    told = [person.told for person in people]
    claims = Claims(told, made.may_repeat)
    evidence = settle(site, claims, since=since)
    found, took = violations(claims, evidence), monotonic() - began
    return Ran(made, told, evidence, found, conductor.struck, conductor.deaths, took)


def _wait_until(condition: Callable[[], bool]) -> None:
    wait_for(condition, within=10 * PATIENCE, what="the registrations")


def settle(site: Place, claims: Claims, *, since: datetime) -> Evidence:
    """The evidence, once every message is out and every event in the trail, or that has taken too long."""
    deadline = monotonic() + DELIVERED_WITHIN
    calm = monotonic() + _WORKING
    while True:
        evidence = _gathered(site, claims)
        left = violations(claims, evidence)
        if not left or monotonic() > deadline:
            return evidence
        _do_not_wait(site, release=since if claims.may_repeat and monotonic() > calm else None)
        Event().wait(0.1)


def _gathered(site: Place, claims: Claims) -> Evidence:
    told = claims.told
    return gather(site, [each.session_id for each in told], [each.member for each in told])


def _do_not_wait(site: Place, *, release: datetime | None) -> None:
    """Have tries that were put off made now; and free what the dead have claimed, `release` saying since when."""
    with site.postgres.connect() as connection:
        connection.execute("UPDATE outbox SET due_at = created_at WHERE state = 'waiting' AND due_at > now()")
        if release is not None:
            claims = (
                "UPDATE outbox SET claimed_until = NULL WHERE state = 'waiting' AND claimed_until BETWEEN %s AND %s"
            )
            old = datetime.now(UTC) - timedelta(seconds=_WORKING)
            connection.execute(claims, (release + _CLAIM, old + _CLAIM))


def registering(site: Place, made: Schedule) -> list[Person | System]:
    """Those of a schedule, who have not begun."""
    members = site.members(1 + max(each.member for each in made.people))
    return [_one(site, made.seed, who, each, members[each.member]) for who, each in enumerate(made.people)]


def _one(site: Place, seed: int, who: int, each: Registering, member: tuple[str, str]) -> Person | System:
    number, account = member
    told = Told(f"{each.channel} {who}", number, account)
    random = Random(seed * 100 + who)  # noqa: S311 - to be the same again is the point
    answers = {"user_business_id": number, **each.answers}
    if each.channel == "web":
        return Person(site, told, _by_step(answers), _nobody, each.tabs, each.presses)
    wanted = {camel(name): value for name, value in answers.items()}
    return System(site, told, wanted, _nobody, random, each.stepwise, each.rival, each.other_number)


def _nobody(_step: str) -> None:
    """Whom nobody listens to."""


_STEP_OF = {
    "identity": ("user_business_id", "email"),
    "education": ("degree_type", "university", "other_details", "country", "graduation_year"),
    "coto": ("coto_status", "coto_registration"),
    "privacy": ("access_modifier", "notes"),
}


def _by_step(answers: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {step: {name: answers.get(name, "") for name in names} for step, names in _STEP_OF.items()}


def made_of(seed: int, site: Site) -> Schedule:
    """A seed's schedule, as this site can have it."""
    return schedule(seed, with_disk=site.postgres.disk is not None)
