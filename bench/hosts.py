"""Two hosts behind nginx, a Cluster of three primaries with replicas, PostgreSQL: a host dies, a primary fails over.

Everything shares this machine's cores, so a second host adds nothing to the rate here; what a failure costs shows.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic

import requests

from tests.faults.harness.hosts import GIVEN_UP_AFTER, NGINX, Hosts, running_hosts
from tests.support.api import DATA, ORCHESTRATOR

SECONDS = 10.0
AT_ONCE = 8
_TIMEOUT, _PAUSE = 15, 0.05


@dataclass(frozen=True, slots=True)
class Phase:
    """What registering came to for a while: records a second, tries that failed, the longest time without a record."""

    name: str
    per_second: float
    failed_tries: int
    longest_pause: float


@dataclass
class Crowd:
    """Systems that register members one after the other, each until it has its record."""

    hosts: Hosts
    records: list[float] = field(default_factory=list)
    failures: list[float] = field(default_factory=list)
    _over: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def registering(self) -> Iterator[None]:
        """Registers for as long as this lasts; who has begun by then still finishes."""
        threads = [Thread(target=self._register_on) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def phase(self, name: str, seconds: float, during: Callable[[], object] | None = None) -> Phase:
        """What came of so many seconds, or of however long something took that was done meanwhile."""
        began = monotonic()
        if during is not None:
            during()
        self._over.wait(max(0.0, began + seconds - monotonic()))
        ended = monotonic()
        records = [at for at in tuple(self.records) if began <= at <= ended]
        failures = [at for at in tuple(self.failures) if began <= at <= ended]
        marks = [began, *records, ended]
        pause = max(later - earlier for earlier, later in pairwise(marks))
        return Phase(name, len(records) / (ended - began), len(failures), pause)

    def _register_on(self) -> None:
        while not self._over.is_set():
            with self._lock:
                ((number, account),) = self.hosts.members(1)
            self._register(number, account)
            self.records.append(monotonic())

    def _register(self, number: str, account: str) -> None:
        body = {"educationData": {**DATA, "userBusinessId": number}, "accountId": account}
        session_id = self._insist(f"{ORCHESTRATOR}/stage", body, f"stage {number}")["sessionId"]
        self._insist(f"{ORCHESTRATOR}/execute-workflow/{session_id}", {}, f"create {number}")

    def _insist(self, path: str, body: object, key: str) -> dict[str, str]:
        """Send until it is answered, under one key; a call that is still under way is asked about again."""
        headers = {"Authorization": f"Bearer {self.hosts.token}", "Idempotency-Key": key}
        while True:
            try:
                answer = requests.post(self.hosts.web.url + path, json=body, headers=headers, timeout=_TIMEOUT)
            except requests.RequestException:
                self.failures.append(monotonic())
                continue
            if answer.status_code in {HTTPStatus.OK, HTTPStatus.CREATED}:
                answered: dict[str, str] = answer.json()
                return answered
            if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and answer.status_code != HTTPStatus.CONFLICT:
                raise AssertionError(answer.text)
            self.failures.append(monotonic())
            self._over.wait(_PAUSE)


def run(seconds: float = SECONDS) -> list[Phase]:
    """Healthy, with one host dead, while a primary fails over, and once that is over."""
    if not NGINX.exists():
        sys.exit(f"{NGINX} is not there")
    with tempfile.TemporaryDirectory() as directory, running_hosts(Path(directory)) as hosts:
        crowd = Crowd(hosts)
        with crowd.registering():
            crowd.phase("warming up", seconds / 4)
            return [
                crowd.phase("two hosts", seconds),
                crowd.phase("one host killed", seconds, hosts.hosts[0].kill_web),
                crowd.phase("one host", seconds),
                crowd.phase("a primary killed", seconds, hosts.valkey.fail_over),
                crowd.phase("its replica promoted", seconds),
            ]


def show(phases: list[Phase]) -> None:
    """A table of them."""
    sys.stdout.write(f"{'beyond one machine':<24}{'records/s':>12}{'failed tries':>14}{'longest pause':>15}\n")
    for each in phases:
        sys.stdout.write(
            f"{each.name:<24}{each.per_second:>12.1f}{each.failed_tries:>14}{each.longest_pause:>13.2f} s\n"
        )
    sys.stdout.write(
        f"{AT_ONCE} systems at once, stage and execute-workflow, each try repeated until it is answered.\n"
        "A call whose host died is under way for its key for a minute: its tries, 20 a second, are most of those that"
        " failed.\n"
        f"The Cluster gives a primary up after {GIVEN_UP_AFTER / 1000:g} s of silence.\n"
    )
