"""A Redis that answers and yet does not do as asked is like one that is gone: 503 in time, what was typed, recovery."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic

import pytest
from flask import Flask
from redis import Redis

from tests.support.applicant import ANSWERS, Applicant, filled, parsed, text
from tests.support.seed import Seeded
from wizard.config import Settings
from wizard.storage.unit_of_work import SqlUnitsOfWork

WITHIN = 2.0


@contextmanager
def full(redis: Redis) -> Iterator[None]:
    """Every write is refused with `OOM`."""
    redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        redis.config_set("maxmemory", 0)


@contextmanager
def read_only(redis: Redis) -> Iterator[None]:
    """What was the primary before a failover is a replica now: `READONLY`."""
    redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        yield
    finally:
        redis.execute_command("REPLICAOF", "NO", "ONE")


@contextmanager
def without_its_replicas(redis: Redis) -> Iterator[None]:
    """Told to write nothing that no replica would have: `NOREPLICAS`."""
    redis.config_set("min-replicas-to-write", 1)
    try:
        yield
    finally:
        redis.config_set("min-replicas-to-write", 0)


@contextmanager
def hanging(redis: Redis) -> Iterator[None]:
    """It takes commands, and answers none."""
    process = int(redis.info("server")["process_id"])
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


Trouble = Callable[[Redis], AbstractContextManager[None]]
TROUBLES: list[Trouble] = [full, read_only, without_its_replicas, hanging]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """How long an answer is waited for in earnest."""
    return settings.model_copy(update={"redis_timeout": Settings.model_fields["redis_timeout"].default})


@pytest.fixture
def applicant(app: Flask, app_seeded: Seeded) -> Applicant:
    assert app_seeded.accounts
    return Applicant(app.test_client()).start().answer("identity")


@pytest.mark.parametrize("trouble", TROUBLES)
def test_an_answer_is_echoed_not_saved_and_goes_in_afterwards(
    applicant: Applicant, redis_client: Redis, trouble: Trouble
) -> None:
    form = applicant.soup("education").select_one("main form[method=post]")
    assert form is not None
    named = {"university": "other", "other_details": "<b>École</b> & Cie"}
    values = {**filled(form), **ANSWERS["education"], **named}
    with trouble(redis_client):
        began = monotonic()
        refused = applicant.client.post(str(form["action"]), data=values)
        took = monotonic() - began
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert took < WITHIN
    assert "<b>École</b> & Cie" in text(parsed(refused), "main")
    assert filled(applicant.soup("education").select("main form[method=post]")[0])["university"] == ""
    again = parsed(refused).select_one("main form")
    assert again is not None
    assert applicant.client.post(str(again["action"]), data=filled(again)).status_code == 303
    kept = filled(applicant.soup("education").select("main form[method=post]")[0])
    assert kept["other_details"] == "<b>École</b> & Cie"


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_submit_makes_one_record_whatever_redis_does(
    applicant: Applicant,
    app_units: SqlUnitsOfWork,
    redis_client: Redis,
    trouble: Trouble,
) -> None:
    applicant.answer("education", "coto", "privacy").decide().prove(app_units)
    declared = {"csrf_token": applicant.token(), "declaration": "y"}
    with trouble(redis_client):
        began = monotonic()
        refused = applicant.client.post(applicant.address("confirm"), data=declared)
        assert monotonic() - began < WITHIN
    assert refused.status_code == 503
    assert applicant.declare().headers["Location"].endswith("/complete")
    with app_units.read() as unit:
        record = unit.records.by_session(applicant.session_id)
        names = [row.event.name.value for row in unit.audit.history(applicant.session_id)]
    assert record is not None
    assert record.number == "osot-oted-0000001"
    assert names.count("education.created") == names.count("workflow.completed") == 1
    assert record.number in applicant.soup("complete").text
