"""Counting tries in the Redis that everything else uses, several limits in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf
from typing import Any

from limits import RateLimitItem
from limits.storage import RedisStorage
from redis import Redis, RedisCluster, RedisError

from wizard.core.errors import ExternalServiceError

# A script with its keys and its arguments.
_Script = tuple[bytes, tuple[str, ...], tuple[int, ...]]

SCHEME = "wizard-redis"
_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Try:
    """What is counted against one limit, and for whom."""

    item: RateLimitItem
    identifiers: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit as it stands for somebody: so many in a window of seconds, so many left, seconds until there are more."""

    had_room: bool
    amount: int
    window: int
    left: int
    reset: int


class SharedRedis(RedisStorage):
    """Flask-Limiter's storage on the client that everything else uses, be it one server, Sentinel or a Cluster."""

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 - the registry of the library reads it

    def __init__(self, uri: str, *, client: Redis | RedisCluster) -> None:
        self.key_prefix = "ot_education_limit"
        self.target_server = "redis"
        self.storage = client
        super(RedisStorage, self).__init__(uri)
        self.initialize_storage(uri)

    def hit_all(self, tries: Sequence[Try]) -> list[Quota]:
        """Count several tries in one round trip, each where its sliding window has room; answers what is left.

        Raises ExternalServiceError("redis").
        """
        answers = self._ask([each for one in tries for each in (self._count(one), self._look(one))])
        pairs = zip(answers[::2], answers[1::2], strict=True)
        return [_quota(one.item, counts, room=bool(room)) for one, (room, counts) in zip(tries, pairs, strict=True)]

    def look_all(self, tries: Sequence[Try]) -> list[Quota]:
        """Say in one round trip how several limits stand, counting nothing. Raises ExternalServiceError("redis")."""
        answers = self._ask([self._look(one) for one in tries])
        return [_quota(one.item, counts) for one, counts in zip(tries, answers, strict=True)]

    def _count(self, tried: Try) -> _Script:
        return (self.SCRIPT_ACQUIRE_SLIDING_WINDOW, self._keys(tried), (tried.item.amount, tried.item.get_expiry(), 1))

    def _look(self, tried: Try) -> _Script:
        return (self.SCRIPT_SLIDING_WINDOW, self._keys(tried), (tried.item.get_expiry(),))

    def _keys(self, tried: Try) -> tuple[str, ...]:
        key = tried.item.key_for(*tried.identifiers)
        return tuple(self.prefixed_key(of(key)) for of in (self._previous_window_key, self._current_window_key))

    def _ask(self, scripts: Sequence[_Script]) -> list[Any]:
        try:
            with self.storage.pipeline(transaction=False) as commands:
                for script, keys, arguments in scripts:
                    # Sent whole: by its digest, a script costs a round trip more to make sure that it is known. And
                    # by its name, for a Cluster's pipelines have no method for it.
                    commands.execute_command("EVAL", script, len(keys), *keys, *arguments)
                answers: list[Any] = commands.execute()
        except RedisError as error:
            raise ExternalServiceError("redis") from error
        return answers

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a failing client raises."""
        return RedisError


def _quota(item: RateLimitItem, counts: Sequence[bytes | int | None], *, room: bool | None = None) -> Quota:
    """What two windows come to, as the strategy of the library weighs them."""
    window = item.get_expiry()
    previous, previous_left, current, current_left = (max(0, int(count or 0)) for count in counts)
    weighted = previous * previous_left / _MILLISECONDS / window + current
    resets = [0.0] if not (previous or current) else [inf]
    if previous:
        resets.append(previous_left / _MILLISECONDS % (window / previous))
    if current:
        resets.append(current_left / _MILLISECONDS % window)
    left = max(0, item.amount - floor(weighted))
    return Quota(left > 0 if room is None else room, item.amount, window, left, ceil(min(resets)))
