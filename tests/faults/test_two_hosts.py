"""Beyond one machine: a host is killed and a primary of the Cluster fails over while people register by nginx."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from threading import Event

import pytest
import requests

from tests.faults.harness.checker import Claims, violations
from tests.faults.harness.hosts import NGINX, Hosts, running_hosts
from tests.faults.harness.people import Person
from tests.faults.harness.running import registering, settle
from tests.faults.harness.schedule import schedule
from tests.faults.harness.systems import System
from tests.support.waiting import wait_for

SEEDS = range(1, 7)
AT_ONCE = 8
# How long everybody together may take, on a machine that has other things to do.
WITHIN = 240.0

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(
        not NGINX.exists() and os.environ.get("WIZARD_REQUIRE_NGINX") != "1", reason=f"not there: {NGINX}"
    ),
]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with running_hosts(tmp_path_factory.mktemp("hosts")) as hosts:
        yield hosts


def test_each_host_answers_behind_the_proxy(hosts: Hosts) -> None:
    for alone in hosts.hosts:
        assert alone.is_ready()
    answer = requests.get(f"{hosts.web.url}/readyz", timeout=10)
    assert answer.status_code == 200
    assert requests.get(f"{hosts.web.url}/metrics", timeout=10).status_code == 403


def test_a_host_dies_and_a_primary_fails_over_and_every_journey_ends_at_its_receipt(hosts: Hosts) -> None:
    since, too_long = datetime.now(UTC), Event()
    people = [person for seed in SEEDS for person in registering(hosts, schedule(seed))]
    with ThreadPoolExecutor(AT_ONCE) as pool, ExitStack() as ending:
        ending.callback(too_long.set)
        under_way = [pool.submit(person.register, too_long) for person in people]
        wait_for(_this_many_over(people, len(people) // 5), within=WITHIN, what="the first receipts")
        hosts.hosts[0].kill_web()
        wait_for(_this_many_over(people, len(people) // 2), within=WITHIN, what="receipts without the first host")
        killed = hosts.valkey.fail_over()
        wait_for(_this_many_over(people, 3 * len(people) // 4), within=WITHIN, what="receipts after the failover")
        hosts.valkey.bring_back(killed)
        wait_for(_this_many_over(people, len(people)), within=WITHIN, what="everybody's receipt")
        for each in under_way:
            each.result()
    claims = Claims([person.told for person in people], may_repeat=True)
    assert violations(claims, settle(hosts, claims, since=since)) == []
    assert "whole" in hosts.hosts[1].run("audit", "verify")


def _this_many_over(people: list[Person | System], count: int) -> Callable[[], bool]:
    return lambda: sum(person.told.is_over for person in people) >= count
