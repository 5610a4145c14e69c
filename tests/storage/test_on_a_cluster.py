"""Registrations and browsers' sessions on a Cluster: every atomic step keeps to one slot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from limits import parse
from redis import RedisCluster

from tests.storage.registration_examples import NOW, a_registration, an_event
from tests.support.cluster import running_cluster
from tests.support.waiting import wait_for
from wizard.core.clock import FixedClock
from wizard.core.errors import ExternalServiceError
from wizard.core.registration import Status
from wizard.services.ports.browsers import StoredSession
from wizard.services.ports.cookies import GoingOn, Held, begun, session_id_of
from wizard.services.ports.registrations import PageAsked, RevisionConflict
from wizard.storage.browser_sessions import BrowserSessions
from wizard.storage.crypto import Cipher
from wizard.storage.index_entries import IndexEntries
from wizard.storage.lists import Lists
from wizard.storage.redis_client import connect
from wizard.storage.registrations import RedisRegistrationStore
from wizard.storage.stored_values import StoredValues
from wizard.web.limit_counts import SCHEME, SharedRedis, Try

HOUR = timedelta(hours=1)
UNREACHABLE = (ExternalServiceError,)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as nodes, connect(nodes.url) as client:
        assert isinstance(client, RedisCluster)
        yield client


@pytest.fixture
def store(cluster: RedisCluster, cipher: Cipher, clock: FixedClock) -> RedisRegistrationStore:
    cluster.flushall(target_nodes=RedisCluster.PRIMARIES)
    return RedisRegistrationStore(cluster, cipher, clock, grace=HOUR)


def test_registrations_on_a_cluster(store: RedisRegistrationStore, cluster: RedisCluster) -> None:
    saved = [store.save(a_registration(email="a@example.org").with_event(an_event()), replacing=None) for _ in range(9)]
    assert all(node.keys("ot_education_session*") for node in (each.redis_connection for each in cluster.get_nodes()))
    first = store.save(replace(saved[0], status=Status.VALIDATED, updated_at=NOW + HOUR), replacing=saved[0])
    with pytest.raises(RevisionConflict):
        store.save(saved[0], replacing=saved[0])
    assert store.load(first.session_id) == first
    page = store.page(limit=5)
    assert page.registrations[0] == first
    assert len(store.page(cursor=page.cursor, limit=5).registrations) == 4
    assert store.tally().statuses[Status.VALIDATED] == 1
    assert len(store.of_member("osot-0000001")) == 9
    assert len(store.expired(NOW + HOUR * 24)) == len(store.reminders_due(NOW + HOUR * 24)) == 9
    assert len(store.with_waiting_events()) == 9
    store.events_recorded(first)
    assert len(store.with_waiting_events()) == 8
    cursor = store.repair_indexes(cursor=None, limit=4)
    while cursor:
        cursor = store.repair_indexes(cursor=cursor, limit=4)
    store.save(replace(first.as_ended(), events=()), replacing=first)
    assert len(store.page().registrations) == 8


def test_browsers_sessions_on_a_cluster(cluster: RedisCluster, cipher: Cipher, clock: FixedClock) -> None:
    documents = StoredValues(cipher, clock, HOUR)
    sessions = BrowserSessions(
        cluster, cipher, HOUR, documents, Lists(cluster, IndexEntries(cluster, documents), clock)
    )
    ahead = sessions.read("somebody", page=PageAsked()).page_ahead
    assert ahead is not None
    lists = Lists(cluster, IndexEntries(cluster, documents), clock)
    assert lists.page(ahead.asked, ahead=ahead) == lists.page(PageAsked(), ahead=None)
    for number in range(10):
        old, new = f"session{number}.old", f"session{number}.new"
        session_id = session_id_of(old)
        assert sessions.read(old) == StoredSession()
        assert sessions.write(session_id, begun(old, {"a": 1}))
        assert not sessions.write(session_id, begun(old, {"b": 1}))
        there = sessions.read(old).cookies
        gone_on = there.after(old, Held({"a": 1}), {"a": 1}, GoingOn(new))
        assert not sessions.write(session_id, replace(gone_on, revision=7))
        assert sessions.write(session_id, gone_on)
        there = sessions.read(new).cookies
        assert there.of(new) == Held({"a": 1})
        assert (there.of(old) or Held({})).has_ended
        assert sessions.write(session_id, there.after(new, Held({"a": 1}), {}, None))
        assert sessions.read(new).cookies.have_ended


def test_tries_are_counted_on_a_cluster(cluster: RedisCluster) -> None:
    limits = SharedRedis(f"{SCHEME}://", client=cluster)
    tries = [Try(parse("2 per hour"), ("codes", f"somebody {number}")) for number in range(9)]
    assert [quota.left for quota in limits.look_all(tries)] == [2] * 9
    assert [quota.left for quota in limits.hit_all(tries)] == [1] * 9
    limits.hit_all(tries)
    assert not any(quota.had_room for quota in limits.hit_all(tries))


def test_no_node_is_asked_which_keys_a_script_has(store: RedisRegistrationStore, cluster: RedisCluster) -> None:
    store.save(a_registration(), replacing=None)
    asked = [node.redis_connection.info("commandstats") for node in cluster.get_primaries()]
    assert not [name for each in asked for name in each if "getkeys" in name]


def test_a_primary_dies_and_all_goes_on_with_its_replica(tmp_path: Path, cipher: Cipher, clock: FixedClock) -> None:
    with (
        running_cluster(tmp_path, primaries=3, replicas=True, failed_after=500) as nodes,
        connect(nodes.url, timeout=8) as client,
    ):
        assert isinstance(client, RedisCluster)
        store = RedisRegistrationStore(client, cipher, clock, grace=HOUR)
        saved = [store.save(a_registration(), replacing=None) for _ in range(9)]
        limits = SharedRedis(f"{SCHEME}://", client=client)
        tries = [Try(parse("9 per hour"), ("codes", f"somebody {number}")) for number in range(9)]
        # The one that the client asks what is no key's.
        place = [node.port for node in nodes.primaries].index(client.get_default_node().port)
        nodes.primaries[place].kill()
        wait_for(lambda: nodes.replicas[place].role() == "master", what="the replica")
        wait_for(partial(limits.hit_all, tries), what="a count", passing=UNREACHABLE)
        for each in saved:
            later = replace(each, status=Status.VALIDATED, updated_at=NOW + HOUR)
            wait_for(partial(store.save, later, replacing=each), what="a save", passing=UNREACHABLE)
