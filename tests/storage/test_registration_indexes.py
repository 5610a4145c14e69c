"""Many registrations in Redis: listed, counted and found, with index entries that are only hints."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from redis import Redis

from tests.storage.registration_examples import NOW, a_registration, an_event
from tests.support.roundtrips import counted
from wizard.core.clock import FixedClock
from wizard.core.education import EducationData
from wizard.core.registration import Channel, Registration, Status
from wizard.core.steps import Step
from wizard.services.ports.registrations import RevisionConflict, Selection
from wizard.storage.crypto import Cipher
from wizard.storage.index_entries import IndexEntries
from wizard.storage.indexes import ALL, EXPIRES, REMIND, WAITING, member_of, status_index
from wizard.storage.registrations import RedisRegistrationStore
from wizard.storage.stored_values import StoredValues

GRACE = timedelta(days=7)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(redis_client: Redis, cipher: Cipher, clock: FixedClock) -> RedisRegistrationStore:
    return RedisRegistrationStore(redis_client, cipher, clock, grace=GRACE)


def save(store: RedisRegistrationStore, registration: Registration) -> Registration:
    return store.save(registration, replacing=None)


def lose_document(redis_client: Redis, registration: Registration) -> None:
    redis_client.delete(f"ot_education_session:{{{registration.session_id}}}")


def repair(store: RedisRegistrationStore, *, limit: int = 500) -> int:
    slices, cursor = 1, store.repair_indexes(cursor=None, limit=limit)
    while cursor:
        slices, cursor = slices + 1, store.repair_indexes(cursor=cursor, limit=limit)
    return slices


def pages(store: RedisRegistrationStore, status: Status | None = None, *, limit: int) -> list[tuple[Registration, ...]]:
    found: list[tuple[Registration, ...]] = []
    cursor: str | None = None
    while not found or cursor:
        page = store.page(Selection(status=status), cursor=cursor, limit=limit)
        found.append(page.registrations)
        cursor = page.cursor
    return found


def entries(redis_client: Redis) -> dict[bytes, dict[bytes, float]]:
    names = cast("list[bytes]", redis_client.keys("ot_education_index:*"))
    return {name: dict(redis_client.zrange(name, 0, -1, withscores=True)) for name in names}  # type: ignore[arg-type]


# Pages and counts.


def test_the_newest_change_comes_first(store: RedisRegistrationStore) -> None:
    old, new, middle = (save(store, a_registration(at=NOW + HOUR * hours)) for hours in (0, 2, 1))
    assert store.page().registrations == (new, middle, old)


def test_pages_neither_lose_nor_repeat_those_changed_at_the_same_instant(store: RedisRegistrationStore) -> None:
    saved = [save(store, a_registration(at=NOW + HOUR * (number // 5))) for number in range(13)]
    found = pages(store, limit=3)
    assert [len(page) for page in found] == [3, 3, 3, 3, 1]
    flat = [registration for page in found for registration in page]
    assert {each.session_id for each in flat} == {each.session_id for each in saved}
    assert len(flat) == 13
    assert [each.updated_at for each in flat] == sorted((each.updated_at for each in saved), reverse=True)


def test_a_page_goes_on_where_its_last_entry_was_even_if_that_has_moved(store: RedisRegistrationStore) -> None:
    saved = [save(store, a_registration(at=NOW)) for _ in range(6)]
    first = store.page(limit=3)
    for shown in first.registrations:
        store.save(replace(shown, updated_at=NOW + HOUR), replacing=shown)
    rest = store.page(cursor=first.cursor, limit=3)
    together = {each.session_id for page in (first, rest) for each in page.registrations}
    assert together == {each.session_id for each in saved}


def test_a_page_of_a_status_shows_that_status(store: RedisRegistrationStore) -> None:
    save(store, a_registration(status=Status.PENDING))
    staged = [save(store, a_registration(status=Status.STAGED, at=NOW + HOUR * number)) for number in range(3)]
    assert pages(store, Status.STAGED, limit=2) == [(staged[2], staged[1]), (staged[0],)]


@pytest.mark.parametrize("cursor", ["", "x", "é", "AAAA", "=" * 32])
def test_a_cursor_that_is_none_of_ours_starts_from_the_top(store: RedisRegistrationStore, cursor: str) -> None:
    saved = save(store, a_registration())
    assert store.page(cursor=cursor).registrations == (saved,)


def test_counts_follow_each_change_of_status(store: RedisRegistrationStore) -> None:
    saved = save(store, a_registration(status=Status.PENDING))
    save(store, a_registration(status=Status.PENDING))
    store.save(replace(saved, status=Status.STAGED), replacing=saved)
    counts = store.tally().statuses
    assert counts[Status.PENDING] == counts[Status.STAGED] == 1
    assert set(counts) == set(Status)
    assert sum(counts.values()) == 2


def test_round_trips_do_not_grow_with_the_number(store: RedisRegistrationStore, redis_client: Redis) -> None:
    for number in range(60):
        save(store, a_registration(number=f"n-{number % 2}", email="a@example.org").with_event(an_event()))
    with counted(redis_client) as trips:
        page = store.page(limit=25)
        assert trips.count == 2
        store.page(cursor=page.cursor, limit=25)
        assert trips.count == 4
        store.tally()
        assert trips.count == 5
        assert len(store.of_member("n-1")) == 30
        assert trips.count == 7, "the index of every secret, then all documents"
        assert len(store.expired(NOW + HOUR * 24)) == 60
        assert trips.count == 9
        assert len(store.reminders_due(NOW + HOUR * 18)) == 60
        assert trips.count == 11
        assert len(store.with_waiting_events()) == 60
        assert trips.count == 13
        store.events_recorded(page.registrations[0])
        assert trips.count == 14
    commands = {name for names in trips.sent for name in names}
    assert not commands & {"SCAN", "KEYS", "ZSCAN", "SMEMBERS"}


# Members.


def test_those_of_a_member_are_found_without_regard_to_case(store: RedisRegistrationStore) -> None:
    older = save(store, a_registration(number="OSOT-Ab1", at=NOW))
    newer = save(store, a_registration(number="osot-aB1", at=NOW + HOUR))
    save(store, a_registration(number="osot-ab2"))
    save(store, a_registration(number=None))
    assert store.of_member("osot-ab1") == (newer, older)
    assert store.of_member("nobody") == ()


def test_another_member_number_moves_it(store: RedisRegistrationStore, redis_client: Redis) -> None:
    saved = save(store, a_registration(number="one"))
    moved = store.save(saved.with_data(EducationData(user_business_id="two")), replacing=saved)
    assert store.of_member("one") == ()
    assert store.of_member("two") == (moved,)
    store.save(moved.as_tombstone(Status.CANCELLED), replacing=moved)
    assert store.of_member("two") == ()
    assert not redis_client.keys("*member*")


def test_a_members_index_lasts_as_long_as_the_longest_lived(store: RedisRegistrationStore, redis_client: Redis) -> None:
    save(store, a_registration(life=HOUR * 48))
    save(store, a_registration(life=HOUR))
    (index,) = redis_client.keys("*member*")
    assert redis_client.ttl(index) == pytest.approx((HOUR * 48 + GRACE).total_seconds(), abs=5)


def test_a_members_index_lasts_as_long_as_one_that_was_prolonged(
    store: RedisRegistrationStore, redis_client: Redis
) -> None:
    saved = save(store, a_registration(life=HOUR))
    store.save(replace(saved, expires_at=NOW + HOUR * 48), replacing=saved)
    (index,) = redis_client.keys("*member*")
    assert redis_client.ttl(index) == pytest.approx((HOUR * 48 + GRACE).total_seconds(), abs=5)


def test_those_of_a_member_are_found_after_a_rotation(redis_client: Redis, clock: FixedClock) -> None:
    before = RedisRegistrationStore(redis_client, Cipher(["old" * 12]), clock, grace=GRACE)
    after = RedisRegistrationStore(redis_client, Cipher(["new" * 12, "old" * 12]), clock, grace=GRACE)
    one, two = (save(before, a_registration(at=NOW + HOUR * number)) for number in range(2))
    changed = after.save(replace(one, language="fr"), replacing=one)
    assert after.of_member("osot-0000001") == (two, changed)
    # By being met, all have moved to the index of the new secret.
    assert len(redis_client.keys("*member*")) == 1
    assert after.of_member("osot-0000001") == (two, changed)


# Time.


def test_expired_ones_are_found_by_the_clock(store: RedisRegistrationStore) -> None:
    short = save(store, a_registration(life=HOUR))
    longer = save(store, a_registration(life=HOUR * 2))
    save(store, a_registration(life=HOUR * 3))
    assert store.expired(NOW + HOUR - timedelta(microseconds=1)) == ()
    assert store.expired(NOW + HOUR) == (short,)
    assert store.expired(NOW + HOUR * 2) == (short, longer)
    assert store.expired(NOW + HOUR * 2, limit=1) == (short,)


def test_a_prolonged_one_is_not_expired(store: RedisRegistrationStore) -> None:
    saved = save(store, a_registration(life=HOUR))
    store.save(replace(saved, expires_at=NOW + HOUR * 5), replacing=saved)
    assert store.expired(NOW + HOUR * 2) == ()


def test_reminders_are_due_when_three_quarters_of_the_life_have_passed(store: RedisRegistrationStore) -> None:
    saved = save(store, a_registration(email="a@example.org", life=HOUR * 24))
    assert store.reminders_due(NOW + HOUR * 18 - timedelta(microseconds=1)) == ()
    assert store.reminders_due(NOW + HOUR * 18) == (saved,)


@pytest.mark.parametrize(
    "no_more",
    [
        {"contact_email": None},
        {"reminded": True},
        {"status": Status.WORKFLOW_COMPLETED},
        {"status": Status.EDUCATION_CREATED},
        {"status": Status.CANCELLED},
    ],
)
def test_nobody_is_reminded_without_need(
    store: RedisRegistrationStore, redis_client: Redis, no_more: dict[str, object]
) -> None:
    saved = save(store, a_registration(email="a@example.org"))
    assert redis_client.zcard(REMIND) == 1
    store.save(replace(saved, **no_more), replacing=saved)  # type: ignore[arg-type]
    assert store.reminders_due(NOW + HOUR * 100) == ()
    assert redis_client.zcard(REMIND) == 0


# Waiting events.


def test_events_wait_until_they_are_recorded(store: RedisRegistrationStore) -> None:
    save(store, a_registration())
    waiting = save(store, a_registration().with_event(an_event()))
    assert store.with_waiting_events() == (waiting,)
    store.events_recorded(waiting)
    assert store.with_waiting_events() == ()


def test_of_several_at_once_none_waits_any_more(store: RedisRegistrationStore) -> None:
    several = [save(store, a_registration().with_event(an_event())) for _ in range(3)]
    store.events_recorded(*several[:2])
    assert store.with_waiting_events() == (several[2],)


def test_newer_events_wait_on_when_older_ones_were_recorded(store: RedisRegistrationStore) -> None:
    first = save(store, a_registration().with_event(an_event()))
    second = store.save(first.with_event(an_event()), replacing=first)
    store.events_recorded(first)
    assert store.with_waiting_events() == (second,)
    store.events_recorded(second)
    assert store.with_waiting_events() == ()
    third = store.save(second.with_event(an_event()), replacing=second)
    assert store.with_waiting_events() == (third,)


def test_a_late_note_of_older_events_does_not_hide_newer_ones(
    store: RedisRegistrationStore, redis_client: Redis, cipher: Cipher, clock: FixedClock
) -> None:
    first = save(store, a_registration().with_event(an_event()))
    second = store.save(first.with_event(an_event()), replacing=first)
    # Who lost a race writes the entries of what it found there, which by then is not the newest any more.
    entries = IndexEntries(redis_client, StoredValues(cipher, clock, GRACE))
    entries.undo(replace(first, language="fr"), first)
    store.events_recorded(first)
    assert store.with_waiting_events() == (second,)


def test_a_repair_does_not_make_recorded_events_wait_again(store: RedisRegistrationStore, redis_client: Redis) -> None:
    recorded = save(store, a_registration().with_event(an_event()))
    store.events_recorded(recorded)
    repair(store)
    assert store.with_waiting_events() == ()
    redis_client.delete(WAITING)
    repair(store)
    assert store.with_waiting_events() == (recorded,), "an entry that is lost: once more is safe, never is not"


def test_without_events_nothing_waits(store: RedisRegistrationStore, redis_client: Redis) -> None:
    first = save(store, a_registration().with_event(an_event()))
    store.save(replace(first, events=()), replacing=first)
    assert redis_client.zcard(WAITING) == 0


# Entries that are wrong.


def test_a_lost_race_leaves_the_entries_of_the_winner(store: RedisRegistrationStore, redis_client: Redis) -> None:
    first = save(store, a_registration(status=Status.PENDING, number="one"))
    winner = replace(first, status=Status.STAGED, updated_at=NOW + HOUR)
    loser = replace(first, status=Status.VALIDATED, contact_email="a@example.org", data=EducationData("two"))
    winner = store.save(winner, replacing=first)
    right = entries(redis_client)
    with pytest.raises(RevisionConflict):
        store.save(loser.with_event(an_event()), replacing=first)
    assert entries(redis_client) == right


def test_entries_of_vanished_documents_are_dropped_when_met(store: RedisRegistrationStore, redis_client: Redis) -> None:
    stays = save(store, a_registration(email="a@example.org", life=HOUR * 5).with_event(an_event()))
    gone = save(store, a_registration(email="a@example.org", life=HOUR * 5).with_event(an_event()))
    lose_document(redis_client, gone)
    assert store.page().registrations == (stays,)
    for selection in (
        Selection(status=Status.STAGED),
        Selection(step=Step.EDUCATION),
        Selection(channel=Channel.WEB),
        Selection(expiring=True),
    ):
        assert store.page(selection).registrations == (stays,)
    assert store.of_member("osot-0000001") == (stays,)
    assert store.expired(NOW + HOUR * 24) == (stays,)
    assert store.reminders_due(NOW + HOUR * 24) == (stays,)
    assert store.with_waiting_events() == (stays,)
    assert all(set(members) == {member_of(stays)} for members in entries(redis_client).values())


def test_entries_that_disagree_are_mended_when_met(store: RedisRegistrationStore, redis_client: Redis) -> None:
    saved = save(store, a_registration(status=Status.STAGED))
    right = entries(redis_client)
    member = member_of(saved)
    redis_client.zadd(status_index(Status.CANCELLED), {member: 5})
    redis_client.zadd(EXPIRES, {member: 5})
    redis_client.zadd(REMIND, {member: 5})
    redis_client.zadd(WAITING, {member: 5})
    redis_client.zrem(status_index(Status.STAGED), member)
    assert store.page(Selection(status=Status.CANCELLED)).registrations == ()
    assert store.expired(NOW) == store.reminders_due(NOW) == store.with_waiting_events() == ()
    assert entries(redis_client) == right


def test_a_repair_puts_everything_right_slice_by_slice(store: RedisRegistrationStore, redis_client: Redis) -> None:
    saved = [save(store, a_registration(email="a@example.org").with_event(an_event())) for _ in range(7)]
    gone = [save(store, a_registration()) for _ in range(4)]
    right = entries(redis_client)
    for registration in gone:
        lose_document(redis_client, registration)
        for members in right.values():
            members.pop(member_of(registration), None)
    for index in (EXPIRES, REMIND, WAITING, status_index(Status.STAGED), *redis_client.keys("*member*")):
        redis_client.delete(index)
    redis_client.zadd(status_index(Status.CANCELLED), {member_of(saved[0]): 1, member_of(gone[0]): 1})
    redis_client.zadd(ALL, {member_of(saved[1]): 1})
    assert repair(store, limit=3) > len(right)
    assert entries(redis_client) == right


def test_documents_that_cannot_be_read_are_passed_over_and_come_back(
    store: RedisRegistrationStore, redis_client: Redis, clock: FixedClock
) -> None:
    saved = save(store, a_registration(email="a@example.org").with_event(an_event()))
    right = entries(redis_client)
    wrong_key = RedisRegistrationStore(redis_client, Cipher(["another" * 6]), clock, grace=GRACE)
    assert wrong_key.page().registrations == ()
    assert wrong_key.page(Selection(status=Status.STAGED)).registrations == ()
    assert wrong_key.expired(NOW + HOUR * 24) == wrong_key.with_waiting_events() == ()
    repair(wrong_key)
    assert redis_client.zcard(EXPIRES) == 0, "it keeps nobody else waiting"
    repair(store)
    assert entries(redis_client) == right
    assert store.page().registrations == (saved,)
