"""Counting tries in the Redis that everything else uses, several limits in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf

from limits import RateLimitItem
from limits.storage import RedisStorage
from redis import Redis, RedisCluster, RedisError

from wizard.core.errors import ExternalServiceError

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
        try:
            with self.storage.pipeline(transaction=False) as commands:
                for each in tries:
                    key, window = each.item.key_for(*each.identifiers), each.item.get_expiry()
                    keys = [self.prefixed_key(of(key)) for of in (self._previous_window_key, self._current_window_key)]
                    # Sent whole: by its digest, a script costs a round trip more to make sure that it is known.
                    commands.eval(self.SCRIPT_ACQUIRE_SLIDING_WINDOW, len(keys), *keys, each.item.amount, window, 1)
                    commands.eval(self.SCRIPT_SLIDING_WINDOW, len(keys), *keys, window)
                answers = commands.execute()
        except RedisError as error:
            raise ExternalServiceError("redis") from error
        pairs = zip(answers[::2], answers[1::2], strict=True)
        return [_quota(each.item, bool(room), counts) for each, (room, counts) in zip(tries, pairs, strict=True)]

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a failing client raises."""
        return RedisError


def _quota(item: RateLimitItem, had_room: bool, counts: Sequence[bytes | int | None]) -> Quota:  # noqa: FBT001
    """What two windows come to, as the strategy of the library weighs them."""
    window = item.get_expiry()
    previous, previous_left, current, current_left = (max(0, int(count or 0)) for count in counts)
    weighted = previous * previous_left / _MILLISECONDS / window + current
    resets = [0.0] if not (previous or current) else [inf]
    if previous:
        resets.append(previous_left / _MILLISECONDS % (window / previous))
    if current:
        resets.append(current_left / _MILLISECONDS % window)
    return Quota(had_room, item.amount, window, max(0, item.amount - floor(weighted)), ceil(min(resets)))
