"""One registration in Redis: stored, read, replaced, removed."""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError  # noqa: A004

from tests.storage.registration_examples import NOW, a_registration, a_whole_registration
from tests.support.roundtrips import counted
from wizard.core.clock import FixedClock
from wizard.core.errors import ExternalServiceError
from wizard.core.registration import Registration, Status
from wizard.services.ports.registrations import RegistrationStore, RevisionConflict, Selection
from wizard.storage.crypto import Cipher
from wizard.storage.redis_client import connect
from wizard.storage.registrations import RedisRegistrationStore
from wizard.storage.stored_values import key_of

GRACE = timedelta(days=7)


@pytest.fixture
def store(redis_client: Redis, cipher: Cipher, clock: FixedClock) -> RegistrationStore:
    return RedisRegistrationStore(redis_client, cipher, clock, grace=GRACE)


def key(registration: Registration) -> str:
    return f"ot_education_session:{{{registration.session_id}}}"


def stored(redis_client: Redis, registration: Registration) -> bytes:
    value = redis_client.get(key(registration))
    assert isinstance(value, bytes)
    return value


def test_nothing_is_there_at_first(store: RegistrationStore) -> None:
    assert store.load(str(uuid4())) is None


def test_what_was_saved_is_read(store: RegistrationStore) -> None:
    registration = a_whole_registration()
    saved = store.save(registration, replacing=None)
    assert saved == replace(registration, revision=1)
    assert store.load(registration.session_id) == saved


def test_each_write_counts_the_revision_up(store: RegistrationStore) -> None:
    first = store.save(a_registration(), replacing=None)
    second = store.save(replace(first, reminded=True), replacing=first)
    assert second.revision == 2
    assert store.load(first.session_id) == second


def test_a_stale_write_is_refused(store: RegistrationStore) -> None:
    first = store.save(a_registration(), replacing=None)
    second = store.save(replace(first, reminded=True), replacing=first)
    with pytest.raises(RevisionConflict):
        store.save(replace(first, language="fr"), replacing=first)
    assert store.load(first.session_id) == second


def test_a_second_first_write_is_refused(store: RegistrationStore) -> None:
    first = store.save(a_registration(), replacing=None)
    with pytest.raises(RevisionConflict):
        store.save(replace(first, language="fr"), replacing=None)
    assert store.load(first.session_id) == first


def test_a_write_in_place_of_one_that_is_gone_is_refused(store: RegistrationStore, redis_client: Redis) -> None:
    first = store.save(a_registration(), replacing=None)
    redis_client.delete(key_of(first.session_id))
    with pytest.raises(RevisionConflict):
        store.save(replace(first, language="fr"), replacing=first)
    assert store.load(first.session_id) is None
    assert store.page().registrations == ()


def test_the_same_bytes_sent_twice_are_one_write(store: RegistrationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer was lost with the connection, the client sends again: it meets its own document."""
    executed = []
    pipelined: Callable[..., object] = Pipeline._execute_pipeline

    def lose_the_first_answer(*args: object) -> object:
        answer = pipelined(*args)
        executed.append(answer)
        if len(executed) == 1:
            raise ConnectionError("lost")
        return answer

    monkeypatch.setattr(Pipeline, "_execute_pipeline", lose_the_first_answer)
    saved = store.save(a_registration(), replacing=None)
    assert len(executed) == 2
    assert store.load(saved.session_id) == saved


def test_fifty_writers_at_once_one_wins_each_time(store: RegistrationStore) -> None:
    first = store.save(a_registration(), replacing=None)

    def add_one(number: int) -> int:
        tries = 0
        while True:
            tries += 1
            seen = store.load(first.session_id)
            assert seen
            try:
                store.save(replace(seen, durations={**seen.durations, f"step{number}": number}), replacing=seen)
            except RevisionConflict:
                continue
            return tries

    with ThreadPoolExecutor(10) as pool:
        tries = list(pool.map(add_one, range(50)))
    final = store.load(first.session_id)
    assert final
    assert final.revision == 51
    assert set(final.durations.values()) == set(range(50))
    assert sum(tries) > 50, "there were conflicts, or this test shows nothing"
    assert store.tally().statuses[Status.STAGED] == 1


def test_saving_and_loading_cost_one_round_trip_each(store: RegistrationStore, redis_client: Redis) -> None:
    with counted(redis_client) as trips:
        saved = store.save(a_whole_registration(), replacing=None)
        assert trips.count == 1
        changed = store.save(saved.with_account("account"), replacing=saved)
        assert trips.count == 2
        store.load(changed.session_id)
        assert trips.count == 3


def test_it_lives_until_its_expiry_and_the_grace(
    store: RegistrationStore, redis_client: Redis, clock: FixedClock
) -> None:
    saved = store.save(a_registration(life=timedelta(hours=24)), replacing=None)
    assert redis_client.ttl(key(saved)) == pytest.approx((timedelta(hours=24) + GRACE).total_seconds(), abs=5)
    clock.instant = NOW + timedelta(hours=23)
    again = store.save(replace(saved, reminded=True), replacing=saved)
    assert redis_client.ttl(key(saved)) == pytest.approx((timedelta(hours=1) + GRACE).total_seconds(), abs=5)
    clock.instant = NOW + timedelta(days=30)
    store.save(replace(again, language="fr"), replacing=again)
    assert redis_client.ttl(key(saved)) > 0, "written long after its time: for a moment"


def test_a_whole_registration_is_small(store: RegistrationStore, redis_client: Redis) -> None:
    for number in range(100):
        whole = a_whole_registration()
        member = replace(whole.data, user_business_id=f"osot-{number:07}")
        saved = store.save(replace(whole, data=member), replacing=None)
        assert len(stored(redis_client, saved)) < 1024
    used = [redis_client.memory_usage(name, samples=0) or 0 for name in redis_client.keys("*")]
    assert sum(used) / 100 < 1.5 * 1024, "document and index entries, with three events waiting"


def test_nothing_that_was_typed_can_be_read_in_redis(store: RegistrationStore, redis_client: Redis) -> None:
    store.save(a_whole_registration(), replacing=None)
    names = cast("list[bytes]", redis_client.keys("*"))
    everything = b" ".join([*names, *(redis_client.dump(name) or b"" for name in names)])
    for typed in (b"osot-0000001", b"graduate@example.org", b"changed my name", b"G123456", b"toronto"):
        assert typed not in everything


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_a_planted_pickle_is_not_run_and_not_written_over(
    store: RegistrationStore, redis_client: Redis, tmp_path: Path
) -> None:
    registration = a_registration()
    bomb = pickle.dumps(_Bomb(tmp_path / "exploded"))
    for planted in (bomb, b"1:" + bomb):
        redis_client.set(key(registration), planted)
        assert store.load(registration.session_id) is None
        with pytest.raises(RevisionConflict):
            store.save(registration, replacing=None)
        assert redis_client.get(key(registration)) == planted
    assert not (tmp_path / "exploded").exists()


def test_a_document_under_another_id_does_not_open(store: RegistrationStore, redis_client: Redis) -> None:
    theirs = store.save(a_whole_registration(), replacing=None)
    mine = a_registration()
    redis_client.copy(key(theirs), key(mine))
    assert store.load(mine.session_id) is None


def test_a_document_with_another_revision_does_not_open(store: RegistrationStore, redis_client: Redis) -> None:
    saved = store.save(a_registration(), replacing=None)
    redis_client.set(key(saved), b"9" + stored(redis_client, saved))
    assert store.load(saved.session_id) is None


def test_after_a_rotation_old_documents_open_and_new_ones_use_the_new_key(
    redis_client: Redis, clock: FixedClock
) -> None:
    old, rotated, new = (
        RedisRegistrationStore(redis_client, Cipher(keys), clock, grace=GRACE)
        for keys in (["old" * 12], ["new" * 12, "old" * 12], ["new" * 12])
    )
    saved = old.save(a_registration(), replacing=None)
    assert new.load(saved.session_id) is None
    assert rotated.load(saved.session_id) == saved
    written = rotated.save(replace(saved, language="fr"), replacing=saved)
    assert new.load(saved.session_id) == written


def test_one_that_has_ended_is_in_no_index(store: RegistrationStore, redis_client: Redis) -> None:
    saved = store.save(a_whole_registration(), replacing=None)
    ended = store.save(replace(saved.as_ended(), events=()), replacing=saved)
    assert redis_client.keys() == [key_of(saved.session_id).encode()]
    assert store.load(saved.session_id) == ended


def test_a_full_redis_is_an_external_service_error(store: RegistrationStore, redis_client: Redis) -> None:
    saved = store.save(a_registration(), replacing=None)
    redis_client.config_set("maxmemory", 1)
    try:
        with pytest.raises(ExternalServiceError) as raised:
            store.save(replace(saved, status=Status.VALIDATED), replacing=saved)
        assert raised.value.service == "redis"
        assert store.load(saved.session_id) == saved
    finally:
        redis_client.config_set("maxmemory", 0)
    # What takes entries away works even then; the clean-up gives them back.
    store.repair_indexes(cursor=None)
    assert store.page(Selection(status=Status.STAGED)).registrations == (saved,)


def test_a_read_only_redis_is_an_external_service_error(store: RegistrationStore, redis_client: Redis) -> None:
    saved = store.save(a_registration(), replacing=None)
    redis_client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(ExternalServiceError):
            store.save(replace(saved, language="fr"), replacing=saved)
    finally:
        redis_client.execute_command("REPLICAOF", "NO", "ONE")


def test_a_redis_that_is_not_there_is_an_external_service_error(
    tmp_path: Path, cipher: Cipher, clock: FixedClock
) -> None:
    store = RedisRegistrationStore(connect(f"unix://{tmp_path}/nobody.sock"), cipher, clock, grace=GRACE)
    registration = a_registration()
    for ask in (
        lambda: store.load(registration.session_id),
        lambda: store.save(registration, replacing=None),
        store.page,
        store.tally,
        lambda: store.of_member("osot-0000001"),
        lambda: store.expired(NOW),
        lambda: store.reminders_due(NOW),
        store.with_waiting_events,
        lambda: store.events_recorded(registration),
        lambda: store.repair_indexes(cursor=None),
    ):
        with pytest.raises(ExternalServiceError):
            ask()
