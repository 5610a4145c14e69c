"""The client for whichever Redis or Valkey the settings name: alone, behind Sentinel, or a Cluster."""

from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from redis import BlockingConnectionPool, Redis, RedisCluster, Sentinel
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.retry import Retry

from wizard.services.ports.watching import UNWATCHED, Watch
from wizard.storage.breaker import Breaker
from wizard.storage.cluster_commands import know_scripts
from wizard.storage.patient_redis import PATIENT, PatientBehindSentinel, PatientPool
from wizard.storage.watching import WatchedCluster, WatchedRedis

MAX_CONNECTIONS = 64
HEALTH_CHECK_EVERY = 30
SENTINEL_PORT = 26379
REDIS_PORT = 6379


def connect(url: str, *, timeout: float = 1.0, watch: Watch = UNWATCHED) -> Redis | RedisCluster:
    """A client that gives up after `timeout` seconds without an answer, so that a page can say so in time.

    `redis://`, `rediss://`, `unix://`, `redis+sentinel://[user:password@]host[:port],host/service[/db]`,
    `redis+cluster://[user:password@]host[:port],host`. Only a Cluster is spoken to before the first command.
    """
    client = _client(url, timeout)
    client.seen_by = watch
    return client


def _client(url: str, timeout: float) -> WatchedRedis | WatchedCluster:
    parts = urlsplit(url)
    if parts.scheme == "redis+sentinel":
        return _behind_sentinel(parts, timeout)
    if parts.scheme == "redis+cluster":
        return _cluster(parts, timeout)
    pool = BlockingConnectionPool.from_url(url, max_connections=MAX_CONNECTIONS, timeout=timeout, **_manners(timeout))
    pool.connection_class = PATIENT[pool.connection_class]
    return WatchedRedis(connection_pool=pool)


def _manners(timeout: float) -> dict[str, Any]:
    # A lost connection (the server was restarted) is worth one more try; silence is not, it has cost the time already,
    # and would cost those the same who come next.
    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Breaker(),
        "health_check_interval": HEALTH_CHECK_EVERY,
        "protocol": 2,
    }


def _behind_sentinel(parts: SplitResult, timeout: float) -> WatchedRedis:
    service, _, database = parts.path.strip("/").partition("/")
    hosts = _hosts(parts, SENTINEL_PORT)
    # All of them together may take the time of one answer, and they are asked twice.
    share = timeout / len(hosts) / 2
    asking = {"socket_timeout": share, "socket_connect_timeout": share, "retry": Retry(NoBackoff(), 0), "protocol": 2}
    sentinel = Sentinel(hosts, sentinel_kwargs=asking, **_manners(timeout))
    client: WatchedRedis = sentinel.master_for(
        service,
        redis_class=WatchedRedis,
        connection_class=PatientBehindSentinel,
        db=int(database or 0),
        max_connections=MAX_CONNECTIONS,
        **_credentials(parts),
    )
    return client


def _cluster(parts: SplitResult, timeout: float) -> WatchedCluster:
    hosts = _hosts(parts, REDIS_PORT)
    nodes = [ClusterNode(host, port) for host, port in hosts]
    first = f"[{hosts[0][0]}]" if ":" in hosts[0][0] else hosts[0][0]
    client = WatchedCluster(
        # The pool's kind counts only where a node is named as a URL.
        url=f"redis://{first}:{hosts[0][1]}",
        startup_nodes=nodes,
        connection_pool_class=PatientPool,
        max_connections=MAX_CONNECTIONS,
        **_manners(timeout),
        **_credentials(parts),
    )
    know_scripts(client)
    return client


def _hosts(parts: SplitResult, default_port: int) -> list[tuple[str, int]]:
    hosts = parts.netloc.rpartition("@")[2].split(",")
    each = (urlsplit(f"//{host}") for host in hosts)
    return [(host.hostname or "localhost", host.port or default_port) for host in each]


def _credentials(parts: SplitResult) -> dict[str, Any]:
    """Of the servers themselves; Sentinels are asked without."""
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    given = {"username": unquote(user), "password": unquote(password)}
    return {key: value for key, value in given.items() if value}
