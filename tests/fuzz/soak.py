"""`make soak`: 20,000 cases of the fuzzer against the running API, and what came of them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.fuzz.fuzzing import Fuzzed, fuzz, fuzzed_site
from wizard.web.api.endpoints import ENDPOINTS
from wizard.web.api.operations import place_of

CASES = 20_000
EXAMPLES = "100"


def main() -> int:
    """Run after run on one site until there were enough cases, or one failed."""
    calls = {f"{endpoint.method} {place_of(endpoint)}" for endpoint in ENDPOINTS}
    cases, accepted, last = 0, set[str](), None
    with tempfile.TemporaryDirectory() as directory, fuzzed_site(Path(directory)) as site:
        while cases < CASES and not (last and last.failures):
            last = fuzz(site, Path(directory) / "report.json", "--max-examples", EXAMPLES)
            cases, accepted = cases + last.cases, accepted | last.accepted
            say(f"{cases} cases, {len(last.failures)} failures")
    return told(last, calls - accepted)


def told(last: Fuzzed | None, never: set[str]) -> int:
    """The result for who started it, and for the shell."""
    if last and last.failures:
        say(last.told)
        return 1
    if never:
        say(f"Never accepted, so hardly tested: {', '.join(sorted(never))}")
        return 1
    say("No call failed, no answer was undocumented, and every call was accepted at least once.")
    return 0


def say(text: str) -> None:
    """At once, for a soak takes its time."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
