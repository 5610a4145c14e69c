"""Answers kept in Redis: claimed once, kept whole, unreadable there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from tests.support.valkey import Valkey
from wizard.core.errors import Conflict, ExternalServiceError, ValidationFailed
from wizard.services.ports.answers import Claim, KeptAnswer
from wizard.storage.crypto import Cipher
from wizard.storage.kept_answers import RedisKeptAnswers

ANSWER = KeptAnswer(201, {"Location": "/somewhere"}, b'{"notes": "Ada"}')


@pytest.fixture
def kept(redis_client: Redis, cipher: Cipher) -> RedisKeptAnswers:
    return RedisKeptAnswers(redis_client, cipher)


def claimed(kept: RedisKeptAnswers, key: str = "key", asked: str = "body") -> Claim:
    claim = kept.claim(key, asked)
    assert isinstance(claim, Claim)
    return claim


def test_what_was_answered_is_answered_again(kept: RedisKeptAnswers) -> None:
    kept.keep(claimed(kept), "body", ANSWER)
    assert kept.claim("key", "body") == ANSWER


def test_another_body_under_the_key_is_refused(kept: RedisKeptAnswers) -> None:
    claim = claimed(kept)
    for _ in ("under way", "done"):
        with pytest.raises(ValidationFailed):
            kept.claim("key", "another body")
        kept.keep(claim, "body", ANSWER)


def test_what_is_under_way_is_not_begun_again(kept: RedisKeptAnswers) -> None:
    claimed(kept)
    with pytest.raises(Conflict):
        kept.claim("key", "body")


class Resending(Redis):
    """Loses the answer to whatever it sends, and sends it again."""

    def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as redis-py has it
        send: Callable[..., Any] = super().execute_command
        send(*args, **options)
        return send(*args, **options)


def test_a_claim_that_was_sent_again_is_still_ones_own(valkey: Valkey, redis_client: Redis, cipher: Cipher) -> None:
    assert redis_client.dbsize() == 0
    with Resending(unix_socket_path=valkey.url.removeprefix("unix://"), protocol=2) as resending:
        kept = RedisKeptAnswers(resending, cipher)
        kept.keep(claimed(kept), "body", ANSWER)
        assert kept.claim("key", "body") == ANSWER


def test_what_was_given_back_may_be_claimed_again(kept: RedisKeptAnswers) -> None:
    kept.release(claimed(kept))
    claimed(kept)


def test_each_key_is_its_own(kept: RedisKeptAnswers) -> None:
    kept.keep(claimed(kept), "body", ANSWER)
    claimed(kept, key="another")


def test_a_claim_that_ran_out_does_not_overwrite_what_came_after_it(
    kept: RedisKeptAnswers, redis_client: Redis
) -> None:
    late = claimed(kept)
    redis_client.flushall()
    kept.keep(claimed(kept), "body", ANSWER)
    kept.keep(late, "body", KeptAnswer(500, {}, b""))
    kept.release(late)
    assert kept.claim("key", "body") == ANSWER


def test_a_claim_ends_within_a_minute_and_an_answer_after_a_day(kept: RedisKeptAnswers, redis_client: Redis) -> None:
    claim = claimed(kept)
    assert 0 < redis_client.pttl(claim.key) <= 60_000
    kept.keep(claim, "body", ANSWER)
    assert 86_000_000 < redis_client.pttl(claim.key) <= 86_400_000


def test_nothing_personal_can_be_read_in_redis(kept: RedisKeptAnswers, redis_client: Redis) -> None:
    claim = claimed(kept, key="osot-0000001")
    kept.keep(claim, "body", ANSWER)
    value = redis_client.get(claim.key)
    assert isinstance(value, bytes)
    assert b"Ada" not in value
    assert b"osot" not in repr(redis_client.keys("*")).encode()


def test_what_was_planted_is_never_answered(kept: RedisKeptAnswers, redis_client: Redis) -> None:
    claim = claimed(kept)
    redis_client.set(claim.key, b"\x80\x04planted")
    with pytest.raises(Conflict):
        kept.claim("key", "body")


def test_a_dead_redis_is_said(cipher: Cipher) -> None:
    kept = RedisKeptAnswers(Redis(port=1), cipher)
    with pytest.raises(ExternalServiceError):
        kept.claim("key", "body")
