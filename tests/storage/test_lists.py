"""The desk's lists: selections, counts and pages, at the same cost everywhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis

from tests.storage.registration_examples import NOW, a_registration
from tests.support.roundtrips import counted
from wizard.core.clock import FixedClock
from wizard.core.errors import ErrorCode, Problem
from wizard.core.registration import Channel, Registration, Status
from wizard.core.steps import Step
from wizard.core.trouble import SOON, Trouble
from wizard.services.ports.registrations import EVERYTHING, Selection
from wizard.storage.crypto import Cipher
from wizard.storage.registrations import RedisRegistrationStore

HOUR = timedelta(hours=1)
RULE = "account.one_record"


@pytest.fixture
def store(redis_client: Redis, cipher: Cipher, clock: FixedClock) -> RedisRegistrationStore:
    return RedisRegistrationStore(redis_client, cipher, clock, grace=timedelta(days=7))


def save(store: RedisRegistrationStore, registration: Registration) -> Registration:
    return store.save(registration, replacing=None)


def stuck(registration: Registration) -> Registration:
    problem = Problem(ErrorCode.CONFLICT, RULE)
    return replace(registration, errors=(problem,), flag=RULE, failed={RULE: 2})


def listed(store: RedisRegistrationStore, selection: Selection, *, limit: int = 2) -> list[Registration]:
    """All pages of a selection."""
    page = store.page(selection, limit=limit)
    found = list(page.registrations)
    while page.cursor:
        page = store.page(selection, cursor=page.cursor, limit=limit)
        found += page.registrations
    return found


def test_each_thing_can_be_asked_for(store: RedisRegistrationStore) -> None:
    empty = save(store, a_registration(number=None, status=Status.PENDING))
    web = save(store, a_registration(at=NOW + HOUR, status=Status.PENDING))
    api = save(store, replace(a_registration(at=NOW + 2 * HOUR), channel=Channel.API))
    failed = save(store, stuck(a_registration(at=NOW + 3 * HOUR, status=Status.CREATION_FAILED)))
    assert listed(store, EVERYTHING) == [failed, api, web, empty]
    assert listed(store, Selection(status=Status.PENDING)) == [web, empty]
    assert listed(store, Selection(step=Step.IDENTITY)) == [empty]
    assert listed(store, Selection(step=Step.EDUCATION)) == [api, web]
    assert listed(store, Selection(step=Step.CONFIRM)) == [failed]
    assert listed(store, Selection(channel=Channel.API)) == [api]
    assert listed(store, Selection(rule=RULE)) == listed(store, Selection(stuck=True)) == [failed]
    assert all(listed(store, Selection(trouble=trouble)) == [failed] for trouble in Trouble)
    assert listed(store, Selection(unchanged_since=NOW + HOUR)) == [web, empty]


def test_what_expires_soon_comes_soonest_first(store: RedisRegistrationStore, clock: FixedClock) -> None:
    lives = [timedelta(hours=hours) for hours in (3, 1, 5, 6, 7)]
    saved = [save(store, a_registration(life=life)) for life in lives]
    save(store, a_registration(life=HOUR, status=Status.CANCELLED))
    assert timedelta(hours=6) == SOON
    assert listed(store, Selection(expiring=True)) == [saved[1], saved[0], saved[2], saved[3]]
    tally = store.tally()
    assert (tally.expiring, tally.overdue, tally.overdue_since) == (4, 0, None)
    clock.instant += HOUR
    assert listed(store, Selection(expiring=True)) == [saved[0], saved[2], saved[3], saved[4]]
    tally = store.tally()
    assert tally.expiring == 4, "what is over is about to do nothing"
    assert (tally.overdue, tally.overdue_since) == (2, NOW + HOUR), "the cancelled one has to be ended, too"


def test_several_things_can_be_asked_for_at_once(store: RedisRegistrationStore) -> None:
    ours = []
    for number in range(12):
        each = a_registration(
            at=NOW + HOUR * number, life=HOUR * 2, status=Status.PENDING if number % 2 else Status.STAGED
        )
        saved = save(store, replace(each, channel=Channel.API if number % 3 else Channel.WEB))
        if number % 2 and number % 3:
            ours.append(saved)
    both = Selection(status=Status.PENDING, channel=Channel.API)
    assert listed(store, both) == ours[::-1]
    assert listed(store, replace(both, unchanged_since=NOW + 6 * HOUR)) == [ours[1], ours[0]]
    assert listed(store, replace(both, unchanged_since=NOW + 6 * HOUR, expiring=True)) == ours[:1]
    assert listed(store, replace(both, step=Step.IDENTITY)) == []


def test_what_meets_is_looked_for_no_further_than_a_bound(store: RedisRegistrationStore, redis_client: Redis) -> None:
    rare = save(store, replace(a_registration(at=NOW - HOUR), channel=Channel.BULK))
    for number in range(520):
        save(store, a_registration(at=NOW + timedelta(seconds=number)))
    asked = Selection(status=Status.STAGED, channel=Channel.BULK)
    with counted(redis_client) as trips:
        page = store.page(asked)
    assert (page.registrations, bool(page.cursor)) == ((), True), "further on, there may be some"
    assert trips.count == 10
    assert store.page(asked, cursor=page.cursor).registrations == (rare,)


def test_the_tally_follows_each_change(store: RedisRegistrationStore) -> None:
    saved = save(store, stuck(a_registration(status=Status.PENDING)))
    tally = store.tally()
    assert (tally.everything, tally.stuck, tally.rules[RULE], tally.steps[Step.EDUCATION]) == (1, 1, 1, 1)
    assert tally.unrecorded == len(saved.events)
    assert tally.troubles == {Trouble.REPEATED: 1, Trouble.CONFLICT: 1, Trouble.CREATION: 0}
    healed = store.save(replace(saved, errors=(), flag=None, failed={}), replacing=saved)
    tally = store.tally()
    assert (tally.stuck, tally.rules[RULE], sum(tally.troubles.values())) == (0, 0, 0)
    store.save(healed.as_tombstone(Status.CANCELLED), replacing=healed)
    tally = store.tally()
    assert (tally.everything, tally.expiring, sum(tally.steps.values())) == (1, 0, 0)
    assert (tally.statuses[Status.CANCELLED], tally.channels[Channel.WEB]) == (1, 1)


@pytest.mark.parametrize(
    "selection", [EVERYTHING, Selection(step=Step.EDUCATION), Selection(expiring=True), Selection(unchanged_since=NOW)]
)
def test_every_page_costs_two_round_trips_counts_included(
    store: RedisRegistrationStore, redis_client: Redis, selection: Selection
) -> None:
    for number in range(40):
        save(store, a_registration(at=NOW - timedelta(minutes=number), life=HOUR * 5))
    cursor: str | None = None
    sent = []
    for _ in range(4):
        with counted(redis_client) as trips:
            page = store.page(selection, cursor=cursor, limit=10)
        assert (len(page.registrations), trips.count) == (10, 2)
        assert page.tally == store.tally()
        cursor = page.cursor
        sent.append(len(trips.sent[0]) + len(trips.sent[1]))
    assert max(sent) - min(sent) <= 1, "one command more to go on from where the last page ended"
    assert cursor is None


def test_lists_are_made_again_where_they_were_lost(store: RedisRegistrationStore, redis_client: Redis) -> None:
    save(store, stuck(a_registration(life=HOUR)))
    before = store.tally()
    for name in redis_client.scan_iter("ot_education_index:*"):
        if b"{all}" not in name:
            redis_client.delete(name)
    cursor = store.repair_indexes(cursor=None)
    while cursor:
        cursor = store.repair_indexes(cursor=cursor)
    assert store.tally() == before
