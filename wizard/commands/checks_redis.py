"""What `wizard check` looks at in Redis: whether it keeps what it is given, takes it, and is ours alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from redis import Redis, RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from wizard.commands.findings import Finding, failed, ok, warning
from wizard.config import Settings

# `SET … NX GET` and `GETEX` are asked for.
OLDEST = (7, 0)
# How full it may be, of what it may take.
FULL = 0.8
_OURS = b"ot_"
_LOOKED_AT = 100
_SLOTS = "16384"

Info = Mapping[str, Any]


def redis_findings(client: Redis | RedisCluster, settings: Settings) -> Iterator[Finding]:
    """Everything that can be known of it."""
    try:
        servers = _info(client)
        strangers = _strangers(client)
        cluster = client.cluster_info() if isinstance(client, RedisCluster) else None
    except (RedisError, RedisClusterException):
        if settings.redis_url is None:
            yield warning("The embedded Valkey is not running; “wizard serve” starts it.")
        else:
            yield failed("Redis cannot be reached: see that it runs, and that WIZARD_REDIS_URL is its address.")
        return
    yield ok("Redis answers.")
    if cluster:
        yield from of_cluster(cluster)
    for server in servers:
        yield from of_server(server)
    yield from of_keeping(servers)
    yield from of_replicas(servers, settings.redis_url or "")
    if strangers:
        yield warning(
            f"Something else keeps {strangers} of the first {_LOOKED_AT} keys in this Redis: give the site one of its "
            "own, or another database (WIZARD_REDIS_URL=redis://…/1)."
        )


def of_server(server: Info) -> Iterator[Finding]:
    """Whether one server can do what is asked of it, and does it."""
    version = str(server.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        yield failed(f"Redis is too old ({version}): version 7.0 or newer, or any Valkey, is needed.")
    if server.get("role") == "slave":
        yield failed(
            "Redis is a replica, and takes no writes: name the primary in WIZARD_REDIS_URL, or the Sentinels "
            "(redis+sentinel://…), which know it."
        )
    limit, used = int(server.get("maxmemory", 0)), int(server.get("used_memory", 0))
    if limit and used > FULL * limit:
        yield warning(
            f"Redis is nearly full ({used * 100 // limit} % of maxmemory): give it more, or pages will say 503."
        )
    if server.get("aof_enabled") and server.get("aof_last_write_status", "ok") != "ok":
        yield failed("Redis cannot write its append-only file: see to its disk, and to its log.")
    if server.get("rdb_last_bgsave_status", "ok") != "ok":
        yield warning("Redis could not write its last snapshot: see to its disk, and to its log.")
    needed = int(server.get("min_slaves_good_slaves", 0))
    if "min_slaves_good_slaves" in server and needed == 0:
        yield failed("Redis takes no writes, for min-replicas-to-write is set and no replica keeps up: start one.")


def of_keeping(servers: list[Info]) -> Iterator[Finding]:
    """Whether it throws nothing away, and has everything again after a crash."""
    policies = {str(server.get("maxmemory_policy", "unknown")) for server in servers}
    if policies == {"noeviction"}:
        yield ok("Redis never evicts.")
    else:
        policy = ", ".join(sorted(policies - {"noeviction"}))
        yield failed(f"Redis may throw registrations away (maxmemory-policy is {policy}): set it to noeviction.")
    if all(server.get("aof_enabled") for server in servers):
        yield ok("Redis keeps an append-only file.")
    else:
        yield warning(
            "Redis keeps no append-only file (appendonly no): a crash of it loses accepted answers. Set appendonly yes."
        )


def of_replicas(servers: list[Info], url: str) -> Iterator[Finding]:
    """Whether another has what was written, where another is to take over."""
    number = min(int(server.get("connected_slaves", 0)) for server in servers)
    states = [str(server.get(f"slave{each}", "")) for server in servers for each in range(number)]
    if number == 0 and url.startswith(("redis+sentinel", "redis+cluster")):
        yield warning(
            "A server of Redis has no replica, so that nothing can take its place: start one with “replicaof”, "
            "or see why it is not connected."
        )
    elif number == 0:
        yield ok("Redis has no replica: a write is accepted once the server itself has it.")
    elif not all("online" in state for state in states):
        yield warning("A replica of Redis is not up to date: it is still being sent what there is, or see to its log.")
    else:
        yield ok(f"Replicas of Redis: {number}. A write is accepted once one of them has it.")


def of_cluster(cluster: Info) -> Iterator[Finding]:
    """Whether every key has a node."""
    if cluster.get("cluster_state") != "ok" or str(cluster.get("cluster_slots_ok")) != _SLOTS:
        yield failed(
            f"The Cluster is not whole ({cluster.get('cluster_slots_ok')} of {_SLOTS} slots are served): start the "
            "nodes that are down, or give their slots to others."
        )


def _info(client: Redis | RedisCluster) -> list[Info]:
    """What each server says of itself; a Cluster has several."""
    if isinstance(client, RedisCluster):
        by_node: dict[str, dict[str, Any]] = client.info("everything", target_nodes=RedisCluster.PRIMARIES)
        return list(by_node.values())
    return [client.info("everything")]


def _strangers(client: Redis | RedisCluster) -> int:
    """How many of a few keys are not ours; a Cluster has no databases to keep apart."""
    if isinstance(client, RedisCluster):
        return 0
    keys = client.scan(count=_LOOKED_AT)[1]
    return sum(isinstance(key, bytes) and not key.startswith(_OURS) for key in keys)
