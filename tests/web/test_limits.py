"""Limits: counted in Redis, told with the time to wait, and unreadable there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from tests.support.desk import page, send
from tests.support.roundtrips import counted
from tests.support.seed import Seeded
from wizard.config import Settings
from wizard.core.errors import ExternalServiceError, RateLimited
from wizard.storage.redis_client import connect
from wizard.web import limits


def tries(app: Flask, spend: object, *arguments: str, address: str = "192.0.2.1") -> int:
    """How often something may be tried from an address before it is too often."""
    assert callable(spend)
    for count in range(5000):
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            try:
                spend(*arguments)
            except RateLimited as error:
                return count if error.retry_after >= 1 else -1
    raise AssertionError("there is no limit")


@pytest.mark.parametrize(
    ("spend", "arguments", "allowed"),
    [
        (limits.starts, (), 300),
        (limits.fields, (), 3000),
        (limits.codes, ("osot-0000001",), 6),
        (limits.links, ("a-session",), 5),
        (limits.links_by_desk, ("a-session",), 5),
        (limits.resume, ("a-token",), 10),
        (limits.sign_in, ("mia",), 10),
    ],
)
def test_each_limit_is_that_of_the_settings(
    app: Flask, spend: object, arguments: tuple[str, ...], allowed: int
) -> None:
    assert tries(app, spend, *arguments) == allowed


def test_another_address_has_its_own_tries(app: Flask) -> None:
    assert tries(app, limits.starts, address="192.0.2.1") == 300
    assert tries(app, limits.starts, address="192.0.2.2") == 300


def test_an_address_that_a_class_shares_has_ten_times_as_many(app: Flask) -> None:
    tried = [tries(app, limits.resume, f"token-{number}") for number in range(11)]
    assert tried[:9] == [10] * 9
    assert tried[-1] == 0


def test_a_target_is_protected_from_many_addresses(app: Flask) -> None:
    addresses = [f"192.0.2.{number}" for number in range(1, 7)]
    assert [tries(app, limits.codes, "osot-0000001", address=each) for each in addresses] == [6, 6, 6, 6, 6, 0]
    assert tries(app, limits.codes, "OSOT-0000001", address="192.0.2.9") == 0
    assert tries(app, limits.codes, "osot-0000002", address="192.0.2.9") == 6


def test_a_stranger_at_one_address_does_not_close_a_target_to_its_owner(app: Flask) -> None:
    assert tries(app, limits.codes, "osot-0000001", address="192.0.2.1") == 6
    assert tries(app, limits.sign_in, "mia", address="192.0.2.1") == 10
    assert tries(app, limits.codes, "osot-0000001", address="192.0.2.2") == 6
    assert tries(app, limits.sign_in, "mia", address="192.0.2.2") == 10


@pytest.mark.parametrize(("spend", "allowed"), [(limits.codes, 6), (limits.new_accounts, 6), (limits.numbers, 4)])
def test_one_browser_may_not_have_mails_sent_to_many_people(
    app: Flask, spend: Callable[[str], None], allowed: int
) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.1"}):
        for number in range(allowed):
            spend(f"osot-{number}")
        with pytest.raises(RateLimited):
            spend("one-more")
    # The class behind the same router has tries left.
    with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.1"}):
        spend("one-more")


def test_who_has_tried_too_often_uses_up_nobody_elses_tries(app: Flask) -> None:
    spent = [tries(app, limits.resume, f"token-{number}", address="192.0.2.1") for number in range(11)]
    assert spent[-1] == 0
    assert tries(app, limits.resume, "token-10", address="192.0.2.2") == 10


def test_a_limit_costs_two_round_trips_whatever_it_counts(app: Flask, redis_client: Redis) -> None:
    redis: Redis = app.extensions["wizard_stores"].redis
    with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.1"}), counted(redis) as trips:
        limits.codes("osot-0000001")
    assert trips.sent == [("EVAL",) * 12, ("EVAL",) * 4]
    assert redis_client.dbsize() > 0


def test_a_username_is_protected_however_it_is_written(app: Flask) -> None:
    assert tries(app, limits.sign_in, "mia") == 10
    assert tries(app, limits.sign_in, " MIA") == 0
    assert [tries(app, limits.sign_in, "Mia", address=f"192.0.2.{each}") for each in range(2, 8)] == [10] * 4 + [0] * 2


def test_all_of_an_ipv6_network_counts_as_one(app: Flask) -> None:
    assert tries(app, limits.starts, address="2001:db8:1:2::1") == 300
    assert tries(app, limits.starts, address="2001:db8:1:2:ffff::9") == 0
    assert tries(app, limits.starts, address="2001:db8:1:3::1") == 300


def test_a_client_without_an_address_is_counted_too(app: Flask) -> None:
    assert tries(app, limits.starts, address="") == 300


def test_nothing_in_redis_tells_who_tried(app: Flask, redis_client: Redis) -> None:
    tries(app, limits.codes, "osot-0000001", address="192.0.2.1")
    keys = repr(redis_client.keys("ot_education_limit*"))
    assert "codes.target" in keys
    assert "192.0.2.1" not in keys
    assert "osot" not in keys


def test_what_is_counted_is_forgotten(app: Flask, redis_client: Redis) -> None:
    tries(app, limits.starts)
    assert all(redis_client.ttl(key) > 0 for key in redis_client.keys("ot_education_limit*"))


def test_too_many_tries_are_told_with_the_time_to_wait(client: FlaskClient, app_seeded: Seeded) -> None:
    wrong = {"username": app_seeded.main.username, "password": "wrong"}
    answers = [send(client, "/staff/sign-in", wrong) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    last = answers[-1]
    assert int(last.headers["Retry-After"]) > 0
    assert "minutes" in page(last).get_text()
    assert "wrong" not in last.text.replace("went wrong", "")


def test_settings_decide(app: Flask, settings: Settings, redis_client: Redis) -> None:
    limits.init_app(app, settings.model_copy(update={"limit_starts": "2 per minute"}), redis_client)
    assert tries(app, limits.starts) == 2


def test_without_redis_nothing_is_waved_through(app: Flask, settings: Settings) -> None:
    with connect(f"unix://{settings.data_dir}/nobody-listens") as nowhere:
        limits.init_app(app, settings, nowhere)
        with app.test_request_context(), pytest.raises(ExternalServiceError):
            limits.starts()
