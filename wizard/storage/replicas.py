"""Where Redis has replicas, a write is accepted once one of them has it (05-running: `WAIT`).

Whether there are any is asked in the round trip of a write, every few seconds. `WAIT` goes out behind the write, on
its connection, and costs no round trip of its own; but for the first write that meets a replica, and on a Cluster,
whose pipelines know commands of a key only: there a mark is written to the key's node, and waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog
from redis import RedisCluster
from redis.client import Pipeline

from wizard.storage.redis_access import Client, pipeline

ASKED_EVERY = 10.0
# A replica on the same network answers in a millisecond; one that does not keep up must not hold up people.
WAITED_AT_MOST = timedelta(milliseconds=250)
_MARK_LIVES = timedelta(seconds=1)
_ONLY_NODE = "the one"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a server said of its replicas, and until when that is believed."""

    present: bool
    until: float


@dataclass(frozen=True, slots=True)
class Replicas:
    """The replicas of whichever servers a client writes to."""

    client: Client
    clock: Callable[[], float] = monotonic
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def queue_wait(self, commands: Pipeline) -> None:
        """Queue, behind what was written, the wait for a replica where there is one; nothing on a Cluster."""
        if not isinstance(self.client, RedisCluster):
            self._queue(commands, _ONLY_NODE)

    def confirm(self, key: str, answers: Sequence[Any]) -> None:
        """Return once a replica has what was written under a key, there is none, or none keeps up.

        `answers` are those to what `queue_wait` queued. Raises ExternalServiceError("redis") where the server is
        gone meanwhile: nobody knows what its successor has, and the same may be sent again.
        """
        if isinstance(self.client, RedisCluster):
            node = self.client.get_node_from_key(key)
            self._confirm(self.client.get_redis_connection(node), node.name, key)
        elif not self._learn(answers, _ONLY_NODE):
            self._confirm(self.client, _ONLY_NODE, key)

    def _confirm(self, server: Client, node: str, key: str) -> None:
        waited = not self._asks(node) and not self._present(node)
        while not waited:
            with pipeline(server) as commands:
                commands.set(f"ot_waited_for:{key}", b"", px=_MARK_LIVES)
                self._queue(commands, node)
                waited = self._learn(commands.execute()[1:], node)

    def _queue(self, commands: Pipeline, node: str) -> None:
        if self._present(node):
            commands.execute_command("WAIT", 1, WAITED_AT_MOST // timedelta(milliseconds=1))
        if self._asks(node):
            commands.execute_command("INFO", "replication")

    def _learn(self, answers: Sequence[Any], node: str) -> bool:
        """Note what a server answers; False where a replica has come that was not waited for."""
        acknowledged = next((answer for answer in answers if isinstance(answer, int)), None)
        for answer in answers:
            if isinstance(answer, dict):
                self._seen[node] = _Seen(answer.get("connected_slaves", 0) > 0, self.clock() + ASKED_EVERY)
        if acknowledged == 0:
            _log.warning("redis.replica_late", node=node)
            self._seen[node] = _Seen(present=False, until=self.clock() + ASKED_EVERY)
        return acknowledged is not None or not self._present(node)

    def _present(self, node: str) -> bool:
        seen = self._seen.get(node)
        return seen is not None and seen.present

    def _asks(self, node: str) -> bool:
        seen = self._seen.get(node)
        return seen is None or self.clock() >= seen.until
