"""The site on two hosts behind nginx, with a Cluster of three primaries and their replicas, and PostgreSQL."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis import RedisCluster
from redis.exceptions import RedisError

from tests.conftest import SECRET_KEYS
from tests.faults.harness.parts import LIMITS, UNLIMITED, WEBHOOK_SECRET, Accounts, prepared
from tests.faults.harness.postgres_part import PostgresPart
from tests.support.cluster import Cluster, Node, running_cluster
from tests.support.mailserver import MailServer
from tests.support.postgres import running_postgres
from tests.support.receiver import Receiver
from tests.support.serving import Served, free_port
from tests.support.waiting import wait_for

NGINX = Path("/usr/sbin/nginx")
DEPLOYMENT = Path(__file__).parents[3] / "docs" / "deployment" / "nginx.conf"
# Milliseconds of silence after which a primary is given up; Valkey's own default is fifteen seconds.
GIVEN_UP_AFTER = 2_000


@dataclass
class ClusterPart:
    """The Cluster, as whoever looks past the site reads it."""

    nodes: Cluster

    @property
    def client(self) -> RedisCluster:
        return RedisCluster.from_url(f"redis://127.0.0.1:{self.nodes.primaries[1].port}", protocol=2)

    def fail_over(self) -> Node:
        """Kill a primary, and return when its replica has taken its place; answers the one that was killed."""
        killed, successor = self.nodes.primaries[0], self.nodes.replicas[0]
        killed.kill()
        wait_for(lambda: successor.role() == "master", what="the replica's promotion", passing=(RedisError,))
        return killed

    def bring_back(self, node: Node) -> None:
        """Start one that was killed, and return when it has become the replica of its successor."""
        node.start()
        wait_for(self.nodes.replicas[0].has_its_replica, what="the new replica", passing=(RedisError,))


@dataclass
class Nginx:
    """Debian's nginx, on the configuration that the documents show."""

    home: Path
    hosts: tuple[Served, ...]
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        self.home.mkdir()
        configuration = self.home / "nginx.conf"
        configuration.write_text(self._configuration(), "utf-8")
        command = [str(NGINX), "-p", str(self.home), "-c", str(configuration), "-e", str(self.home / "error.log")]
        process = subprocess.Popen(command)
        try:
            wait_for((self.home / "nginx.pid").exists, what="nginx")
            yield
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout=30)

    def _configuration(self) -> str:
        """The deployment's, for these hosts, without TLS, and with all files in a directory of its own."""
        text = DEPLOYMENT.read_text("utf-8")
        for number, host in enumerate(self.hosts, start=11):
            text = text.replace(f"10.0.0.{number}:8000", f"127.0.0.1:{host.port}")
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{self.port};")
        text = re.sub(r"^ *ssl_certificate.*\n", "", text, flags=re.MULTILINE)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "\n".join(f"{kind}_temp_path {self.home / kind};" for kind in kinds)
        own = f"daemon off;\npid {self.home / 'nginx.pid'};\nevents {{ worker_connections 512; }}\n"
        return f"{own}http {{\naccess_log off;\n{places}\n{text}}}\n"


@dataclass
class Hosts:
    """The site as whoever uses it sees it, and the hosts that it runs on."""

    web: Nginx
    hosts: tuple[Served, ...]
    postgres: PostgresPart
    valkey: ClusterPart
    mail: MailServer
    receiver: Receiver
    accounts: Accounts
    token: str

    def members(self, count: int) -> list[tuple[str, str]]:
        """Numbers and ids of accounts that nobody has used."""
        return self.accounts.take(count)


@contextmanager
def running_hosts(home: Path) -> Iterator[Hosts]:
    """Everything started and migrated; ended at once whatever happened."""
    with ExitStack() as running:
        postgres = PostgresPart(running.enter_context(running_postgres()), None)
        running.enter_context(postgres.line.running())
        cluster = running.enter_context(
            running_cluster(home, primaries=3, replicas=True, failed_after=GIVEN_UP_AFTER),
        )
        mail, receiver = MailServer(), Receiver()
        running.enter_context(mail.running())
        running.enter_context(receiver.running())
        environ = _environ(postgres, cluster, mail, receiver)
        token = prepared({**environ, "WIZARD_DATA_DIR": str(home)})
        hosts = tuple(_host(running, home / f"host{number}", environ) for number in range(2))
        nginx = Nginx(home / "nginx", hosts)
        running.enter_context(nginx.running())
        yield Hosts(nginx, hosts, postgres, ClusterPart(cluster), mail, receiver, Accounts(postgres), token)


def _host(running: ExitStack, home: Path, environ: Mapping[str, str]) -> Served:
    counts = home / "counts"
    counts.mkdir(parents=True)
    host = Served(home, {**environ, "PROMETHEUS_MULTIPROC_DIR": str(counts)})
    host.start()
    running.callback(_end, host)
    return host


def _end(host: Served) -> None:
    if host.process is not None:
        host.kill_web()


def _environ(postgres: PostgresPart, cluster: Cluster, mail: MailServer, receiver: Receiver) -> dict[str, str]:
    return {
        "WIZARD_REDIS_URL": cluster.url,
        "WIZARD_REDIS_TIMEOUT": "1",
        "WIZARD_DATABASE_URL": postgres.url,
        "WIZARD_SECRET_KEYS": ",".join(SECRET_KEYS),
        "WIZARD_MAIL_URL": mail.url,
        "WIZARD_WEBHOOK_URL": receiver.url,
        "WIZARD_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "WIZARD_PROXY_COUNT": "1",
        **{f"WIZARD_LIMIT_{name}": UNLIMITED for name in LIMITS},
    }
