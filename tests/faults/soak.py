"""`make soak-faults`: 2,000 schedules of faults, or as many as `WIZARD_FAULT_SCHEDULES` says, and what came of them.

What was done is kept in build/faults.json: stopped and started again it goes on where it was.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.harness.faults import FAULTS
from tests.faults.harness.parts import Site, running_site
from tests.faults.harness.running import Ran, made_of, run

SCHEDULES = int(os.environ.get("WIZARD_FAULT_SCHEDULES", "2000"))
FIRST = int(os.environ.get("WIZARD_FAULT_SEED", "1"))
KEPT = Path(os.environ.get("WIZARD_FAULT_RESULTS", "build/faults.json"))
# A site is made anew now and then: what came before must be in nobody's way.
OF_ONE_SITE = 100


@dataclass
class Results:
    """How often each fault struck, what was checked, and what was found, by its seed."""

    done: int = 0
    seconds: float = 0.0
    struck: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    failed: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def kept(cls) -> Results:
        """From the file, where there is one of these seeds."""
        if not KEPT.exists():
            return cls()
        found = json.loads(KEPT.read_text())
        if found.pop("first") != FIRST:
            return cls()
        struck, checked = Counter(found["struck"]), Counter(found["checked"])
        return cls(found["done"], found["seconds"], struck, checked, found["failed"])

    def keep(self) -> None:
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps({"first": FIRST, **vars(self)}))

    def add(self, ran: Ran) -> None:
        """What came of one more."""
        self.done += 1
        self.seconds += ran.seconds
        self.struck.update(strike.fault for strike in ran.struck)
        found = ran.evidence
        self.checked.update(
            registrations=len(ran.told),
            records=len(found.records),
            events=len(found.events),
            webhooks=len(found.webhooks),
            mails=len(found.mails),
        )
        if ran.violations:
            self.failed[str(ran.schedule.seed)] = [ran.schedule.told, *ran.violations]
        self.keep()


def main() -> int:
    """Site after site, until there were as many as were asked for."""
    results = Results.kept()
    while results.done < SCHEDULES:
        until = min(SCHEDULES, results.done + OF_ONE_SITE)
        with new_site() as site:
            while results.done < until:
                _one(site, FIRST + results.done, results)
            say(site.web.run("audit", "verify").strip())
    return told(results)


def _one(site: Site, seed: int, results: Results) -> None:
    ran = run(site, made_of(seed, site))
    results.add(ran)
    say(f"{results.done} of {SCHEDULES}, {len(results.failed)} failed; {ran.seconds:.1f} s: {ran.schedule.told}")
    for each in ran.violations:
        say(f"  VIOLATION {each}")


@contextmanager
def new_site() -> Iterator[Site]:
    """A site in a directory of its own, in memory where there is some."""
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a file system, not a file of ours
    with tempfile.TemporaryDirectory(prefix="wizard-faults-", dir=place) as home, running_site(Path(home)) as site:
        yield site


def told(results: Results) -> int:
    """The result as a table, for who started it, and for the shell."""
    say(
        f"\n{results.done} schedules in {results.seconds / 60:.0f} minutes, seeds {FIRST} to {FIRST + results.done - 1}"
    )
    for what, count in results.checked.items():
        say(f"  {count:>8}  {what} checked")
    for fault in FAULTS:
        say(f"  {results.struck[fault]:>8}  × {fault}")
    say(f"  {len(results.failed):>8}  schedules with a violation")
    for seed, found in results.failed.items():
        say("\n    ".join((f"WIZARD_FAULT_SEED={seed} runs it again:", *found)))
    return 1 if results.failed else 0


def say(text: str) -> None:
    """At once, for a soak takes its time."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
