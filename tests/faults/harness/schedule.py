"""A schedule made from a seed: who registers, what fails, and at which of their steps. The same seed makes the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tests.faults.harness.faults import FAULTS, NEEDS_DISK

WEB_STEPS = ("start", "identity", "education", "coto", "privacy", "review", "category", "account", "code", "confirm")
API_STEPS = ("stage", "change", "execute-workflow")
API_STEP_BY_STEP = (
    *("stage", "change", "validate", "determine-category", "link-account", "create", "execute-workflow"),
)
SCHOOLS = ("mcmaster", "queens", "ottawa", "toronto", "western")
# Seconds; one fault in ten may last for the second.
LONGEST, LONG = 1.2, 6.0
# One schedule in eight has so many more.
CROWD = 12


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: it begins a moment after one of those who register reaches a step, and lasts a while."""

    fault: str
    who: int
    step: str
    after: float
    lasts: float


@dataclass(frozen=True, slots=True)
class Registering:
    """Somebody who registers: by the pages or the API, with which answers, and how rudely.

    Those who have the same `member`, a number within the schedule, want the same account.
    """

    channel: str
    member: int
    answers: Mapping[str, str]
    tabs: bool = False
    presses: int = 1
    stepwise: bool = False
    rival: bool = False
    other_number: str | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that they go through, by their names."""
        if self.channel == "web":
            return WEB_STEPS
        return API_STEP_BY_STEP if self.stepwise else API_STEPS


@dataclass(frozen=True, slots=True)
class Schedule:
    """All of it; `told` says it in a line."""

    seed: int
    people: tuple[Registering, ...]
    strikes: tuple[Strike, ...]

    @property
    def may_repeat(self) -> bool:
        return any(FAULTS[strike.fault].may_repeat for strike in self.strikes)

    @property
    def told(self) -> str:
        struck = ", ".join(
            f"{each.fault} at {each.step} of {each.who} after {each.after * 1000:.0f} ms for {each.lasts * 1000:.0f} ms"
            for each in self.strikes
        )
        return f"seed {self.seed}: {len(self.people)} register; {struck}"


def schedule(seed: int, *, with_disk: bool = True) -> Schedule:
    """The schedule of a seed; `with_disk` says whether there is a small disk to fill up."""
    random = Random(seed)  # noqa: S311 - to be the same again is the point
    people = _people(random)
    names = [name for name in FAULTS if with_disk or name not in NEEDS_DISK]
    strikes = []
    for _ in range(random.choice((1, 1, 2, 3))):
        who = random.randrange(len(people))
        # Each part as often as any other, however many ways it has to fail.
        part = random.choice(sorted({FAULTS[name].part for name in names}))
        fault = random.choice([name for name in names if FAULTS[name].part == part])
        step = random.choice(people[who].steps)
        after = random.choice((0.0, 0.002, 0.01, 0.03, 0.1)) * random.random()
        longest = LONG if random.randrange(10) == 0 else LONGEST
        strikes.append(Strike(fault, who, step, after, longest * random.random() ** 2))
    return Schedule(seed, people, tuple(strikes))


def _people(random: Random) -> tuple[Registering, ...]:
    """Two by the pages, two by the API, sometimes two more who want the same, sometimes a crowd."""
    people = [
        Registering("web", 0, _answers(random), tabs=random.random() < 0.5, presses=random.choice((1, 2, 3))),
        Registering("web", 1, _answers(random), presses=random.choice((1, 1, 2))),
        Registering("api", 2, _answers(random), stepwise=True),
        Registering("api", 3, _answers(random)),
    ]
    rivals = random.choice(("none", "none", "member", "number"))
    if rivals == "member":
        people += [Registering("api", 4, _answers(random), rival=True, stepwise=bool(each)) for each in range(2)]
    if rivals == "number":
        number = _number(random)
        people += [
            Registering(
                "api",
                4 + each,
                {**_answers(random), "coto_status": "general", "coto_registration": number},
                other_number=_number(random),
            )
            for each in range(2)
        ]
    crowd = CROWD if random.randrange(8) == 0 else 0
    people += [Registering("api" if each % 2 else "web", 6 + each, _answers(random)) for each in range(crowd)]
    return tuple(people)


def _number(random: Random) -> str:
    return f"{random.randrange(36**5):08X}"


def _answers(random: Random) -> dict[str, str]:
    """Answers that no rule refuses."""
    given = {
        "degree_type": random.choice(("diploma_credential", "bachelors", "masters", "doctorate")),
        "university": random.choice(SCHOOLS),
        "country": "CA",
        "graduation_year": str(random.randrange(1980, 2026)),
        "coto_status": random.choice(("other", "pending", "resigned")),
        "access_modifier": random.choice(("public", "protected", "private")),
        "notes": f"Note {random.randrange(10**9)}",
    }
    if random.random() < 0.3:
        given |= {"university": "other", "country": "FR", "other_details": f"École {random.randrange(10**6)}"}
    if random.random() < 0.4:
        given |= {"coto_status": "general", "coto_registration": _number(random)}
    return given
