"""Sentinel makes the replica the primary while people type: answers in time, and none that was accepted is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from flask import Flask

from tests.support.applicant import ANSWERS, Applicant, filled, parsed
from tests.support.databases import copy_sqlite, engine_of
from tests.support.replica import Server
from tests.support.sentinel import Watched, running_watched_pair
from tests.support.waiting import wait_for
from wizard import create_app
from wizard.config import Settings
from wizard.core.clock import FixedClock

WITHIN, WRITERS = 2.0, 4


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with running_watched_pair(tmp_path / "redis") as watched:
        yield watched


@pytest.fixture
def site(watched: Watched, plain_settings: Settings, clock: FixedClock, sqlite_template: Path) -> Iterator[Flask]:
    url = copy_sqlite(sqlite_template, plain_settings.data_dir / "failover.db")
    app = create_app(plain_settings.model_copy(update={"redis_url": watched.url, "database_url": url}), clock=clock)
    yield app
    app.extensions["wizard_stores"].redis.close()
    engine_of(app).dispose()


@dataclass
class Writer:
    """Somebody who changes an answer again and again, and notes what became of it."""

    applicant: Applicant
    accepted: list[int] = field(default_factory=list)
    refused: int = 0
    slowest: float = 0.0
    asked: int = 0

    def write(self, form: dict[str, str], address: str, until: Event) -> None:
        values = form
        while not until.is_set():
            self.asked += 1
            values["other_details"] = str(self.asked)
            began = monotonic()
            answer = self.applicant.client.post(address, data=values)
            self.slowest = max(self.slowest, monotonic() - began)
            if answer.status_code == 303:
                self.accepted.append(self.asked)
                values["version"] = str(int(values["version"]) + 1)
            else:
                assert answer.status_code == 503, answer.text
                self.refused += 1
                values = {**values, "version": self._version(until) or values["version"]}

    def _version(self, until: Event) -> str | None:
        """To go on from, once it can be read: what was refused may have been written all the same."""
        while not until.is_set():
            page = self.applicant.client.get(self.applicant.address("education"))
            if page.status_code == 200:
                return filled(parsed(page).select("main form[method=post]")[0])["version"]
        return None


def freeze(server: Server, until: Callable[[], None]) -> None:
    """The server hangs, and is found to have been replaced when it wakes."""
    with server.held_up():
        until()


def kill(server: Server, until: Callable[[], None]) -> None:
    server.kill()
    until()


def failed_over(watched: Watched, writers: Sequence[Writer], running: Sequence[Future[None]]) -> None:
    watched.wait_until_promoted(watched.replica)
    more_answers(writers, running)


def more_answers(writers: Sequence[Writer], running: Sequence[Future[None]]) -> None:
    """Wait until some more of everybody's are accepted, or a writer has failed."""
    before = [len(each.accepted) for each in writers]

    def came() -> bool:
        return all(len(each.accepted) > then + 3 for each, then in zip(writers, before, strict=True))

    wait_for(lambda: came() or any(each.done() for each in running), what="answers")


@pytest.mark.parametrize("fail", [kill, freeze])
def test_nothing_accepted_is_lost_and_answers_come_in_time(
    watched: Watched, site: Flask, fail: Callable[[Server, Callable[[], None]], None]
) -> None:
    writers = [Writer(Applicant(site.test_client()).start().answer("identity")) for _ in range(WRITERS)]
    stop = Event()
    with ThreadPoolExecutor(WRITERS) as pool:
        running = []
        for each in writers:
            form = each.applicant.soup("education").select("main form[method=post]")[0]
            values = {**filled(form), **ANSWERS["education"], "university": "other"}
            running.append(pool.submit(each.write, values, str(form["action"]), stop))
        try:
            more_answers(writers, running)
            # Without a restart, everybody's next answers are accepted by the other; and still when the one that hung
            # wakes, and does not know yet that it was replaced.
            fail(watched.primary, lambda: failed_over(watched, writers, running))
            more_answers(writers, running)
        finally:
            stop.set()
        for ended in running:
            ended.result()
    for each in writers:
        assert each.slowest < WITHIN
        kept = int(filled(each.applicant.soup("education").select("main form[method=post]")[0])["other_details"])
        assert kept >= each.accepted[-1]
    assert site.test_client().get("/readyz").status_code == 200
