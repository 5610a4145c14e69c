"""Lighthouse's judgement of the applicant's pages, on the site as it is served: `make lighthouse` prints the table."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support import journey
from tests.support.serving import Graduate, Served, serving

HERE = Path(__file__).parent / "lighthouse"
INSTALLED = HERE / "node_modules" / "lighthouse"
CHROMIUM = "/usr/bin/chromium"
FLOORS = {"performance": 95, "accessibility": 100, "best-practices": 95, "seo": 95}


@dataclass(frozen=True, slots=True)
class Judgement:
    """A page's scores out of 100, and the audits that cost points."""

    name: str
    address: str
    scores: Mapping[str, int]
    lost: tuple[str, ...]

    @property
    def too_low(self) -> dict[str, int]:
        return {name: self.scores[name] for name, floor in FLOORS.items() if self.scores[name] < floor}


def judged(graduate: Graduate, pages: Mapping[str, str]) -> Iterator[Judgement]:
    """Each page as this browser may see it."""
    cookies = [{"name": each.name, "value": each.value, "url": graduate.base_url} for each in graduate.cookies]
    addresses = [f"{name}={graduate.base_url}{path}" for name, path in pages.items()]
    command = ["node", str(HERE / "run.mjs"), CHROMIUM, json.dumps(cookies), *addresses]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        for line in node.stdout:
            told = json.loads(line)
            yield Judgement(told["name"], told["address"], told["scores"], tuple(told["lost"]))
    assert node.returncode == 0, node.returncode


def applicant_pages(served: Served, graduate: Graduate) -> dict[str, str]:
    """Where the pages of a whole journey are, by name, for a browser with registrations that have come so far."""
    half = _place(journey.begin(graduate).url)
    begun = graduate.fill(graduate.get(f"{half}/identity"), **journey.ANSWERS["identity"])
    assert begun.url.endswith("/education")
    ready = _place(journey.reach_confirm(served, graduate).url)
    pages = {"start": "/"}
    pages |= {name: f"{half}/{name}" for name in ("identity", "education", "member-number", "new-account", "link")}
    pages |= {name: f"{ready}/{name}" for name in ("coto", "privacy", "review", "category", "account", "confirm")}
    done = journey.reach_confirm(served, graduate, answers=_other_member())
    receipt = graduate.fill(done, declaration="y")
    assert receipt.url.endswith("/complete")
    return {**pages, "receipt": f"{_place(receipt.url)}/complete", "finish": "/finish"}


def _other_member() -> Mapping[str, Mapping[str, str]]:
    return {**journey.ANSWERS, "identity": {**journey.ANSWERS["identity"], "user_business_id": "osot-0000003"}}


def _place(url: str) -> str:
    return "/" + "/".join(url.split("/")[3:5])


def main() -> int:
    """Print the table; 1 where a score is too low."""
    with tempfile.TemporaryDirectory() as directory, serving(Path(directory)) as served:
        graduate = Graduate(served.url)
        pages = applicant_pages(served, graduate)
        sys.stdout.write(f"{'page':15}{''.join(f'{name:>16}' for name in FLOORS)}\n")
        low = 0
        for each in judged(graduate, pages):
            low += bool(each.too_low)
            scores = "".join(f"{each.scores[name]:>16}" for name in FLOORS)
            lost = f"  too low: {', '.join(each.lost)}" if each.too_low else ""
            sys.stdout.write(f"{each.name:15}{scores}{lost}\n")
            sys.stdout.flush()
    return min(low, 1)


if __name__ == "__main__":
    sys.exit(main())
