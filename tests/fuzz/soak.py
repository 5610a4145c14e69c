"""`make soak`: 20,000 cases of the fuzzer against the running API, and what came of them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.fuzz.fuzzing import ACCEPTED, Fuzzed, Valid, fuzz, fuzzed_site

CASES = 20_000
EXAMPLES = "100"


def main() -> int:
    """Run after run on one site until there were enough cases, or one failed."""
    cases, last = 0, None
    with tempfile.TemporaryDirectory() as directory, fuzzed_site(Path(directory)) as site:
        while cases < CASES and not (last and last.failures):
            last = fuzz(site, Path(directory) / "report.json", "--max-examples", EXAMPLES)
            cases += last.cases
            say(f"{cases} cases, {len(last.failures)} failures")
        return told(last, site.valid())


def told(last: Fuzzed | None, valid: Mapping[str, Valid]) -> int:
    """The result for who started it, and for the shell."""
    if last and last.failures:
        say("\n".join((last.told, *last.failures)))
        return 1
    say("Of the calls with what fits the document were accepted:")
    for operation, each in valid.items():
        say(f"  {operation}: {each}")
    if hardly := [operation for operation, each in valid.items() if each.is_refused or not each.can_tell]:
        say(f"Accepted in less than {ACCEPTED:.0%}, or hardly called, so hardly tested: {', '.join(hardly)}")
        return 1
    say("No call failed, no answer was undocumented, and every operation was accepted often enough.")
    return 0


def say(text: str) -> None:
    """At once, for a soak takes its time."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
