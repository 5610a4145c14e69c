"""How Redis is spoken to: several commands at once, and one error for whatever keeps it from answering."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import structlog
from redis import Redis, RedisCluster
from redis.client import Pipeline
from redis.exceptions import RedisClusterException, RedisError

from wizard.core.errors import ExternalServiceError

Client = Redis | RedisCluster

_log = structlog.get_logger(__name__)


@contextmanager
def reaching_redis() -> Iterator[None]:
    """Gone, slow, full (OOM), read-only: all are `ExternalServiceError("redis")` to the services."""
    try:
        yield
    except (RedisError, RedisClusterException, OSError) as error:
        _log.warning("redis.unavailable", error=type(error).__name__)
        raise ExternalServiceError("redis") from error


@contextmanager
def pipeline(client: Client) -> Iterator[Pipeline]:
    """Commands that are sent together, in one round trip (a Cluster: one per node), not in a transaction."""
    # A Cluster's pipeline has the same methods, under a type of its own.
    with reaching_redis(), cast("Pipeline", client.pipeline(transaction=False)) as commands:
        yield commands
