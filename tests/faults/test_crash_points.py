"""A process dies at each named point of an answer, `create` and the worker: nothing is lost, doubled or stuck."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.harness.crash_points import POINTS
from tests.faults.harness.parts import Site, running_site
from tests.faults.harness.running import run
from tests.faults.harness.schedule import Registering, Schedule, Strike

pytestmark = pytest.mark.postgres

ANSWERS = {
    "degree_type": "masters",
    "university": "queens",
    "country": "CA",
    "graduation_year": "2001",
    "coto_status": "pending",
    "access_modifier": "private",
    "notes": "Kept through every death",
}
# Who gets to the points of a kind, and at which step. The trail is written behind the answers: who waits for a code
# has no record before it is.
PLACES = {"answers": ("api", "change"), "trail": ("web", "identity"), "browser": ("web", "code")}
# So long that somebody passes the point before it ends; it ends with the death.
LASTS = 20.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.mark.parametrize("point", POINTS)
def test_a_death_at_a_point_costs_nothing(site: Site, point: str) -> None:
    channel, step = PLACES.get(point.partition(":")[0], ("api", "execute-workflow"))
    somebody = Registering(channel, 0, ANSWERS)
    death = Strike(f"death at {point}", 0, step, 0, LASTS)
    ran = run(site, Schedule(0, (somebody,), (death,)))
    assert ran.deaths == 1, f"nobody died at {point}"
    assert ran.violations == []
    assert ran.told[0].answers["notes"] == ANSWERS["notes"]
