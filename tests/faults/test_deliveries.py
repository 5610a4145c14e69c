"""Real workers, a real SMTP server, a real receiver of webhooks: all of it fails, hangs, is killed and comes back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from redis import Redis
from sqlalchemy import func, select, update

from docs.webhook_receiver import verify
from tests.conftest import SECRET_KEYS
from tests.faults.test_logs_of_a_journey import ANSWERED, PERSONAL
from tests.support.databases import engine_of, migrate, sqlite_url
from tests.support.desk import ANSWERS
from tests.support.journey import reach_confirm
from tests.support.mailserver import MailServer, Mood
from tests.support.postgres import Postgres
from tests.support.receiver import Receiver, fails, hangs, takes, takes_and_hangs
from tests.support.serving import Graduate, serving
from tests.support.valkey import Valkey
from tests.support.waiting import wait_for
from wizard import create_app
from wizard.commands import base
from wizard.config import Settings
from wizard.core.actors import Actor
from wizard.core.events import EventName
from wizard.core.publication import json_schema
from wizard.services.ports.calls import Call, Staging
from wizard.services.ports.messages import Message
from wizard.storage.trail_tables import AttemptRow, MessageState, OutboxRow

NEW, OLD = "new-secret-0123456789-abcdefghijklmnop", "old-secret-9876543210-ponmlkjihgfedcba"
SYSTEM = Call(Actor.system("tests"))
REGISTRATIONS, EXTENSIONS, MAILS = 5, 3, 6


@dataclass
class Site:
    """A migrated site whose workers are processes of their own."""

    environ: dict[str, str]
    log: Path

    def __post_init__(self) -> None:
        self.app = create_app(Settings.from_env(self.environ))

    def happen(self) -> None:
        """Several registrations with several events each, and some mails."""
        services = base.services_of(self.app)
        for _ in range(REGISTRATIONS):
            session_id = services.orchestrator.stage(SYSTEM, Staging(data=ANSWERS)).registration.session_id
            for _ in range(EXTENSIONS):
                services.orchestrator.extend(SYSTEM, session_id)
        with base.stores_of(self.app).units.write() as unit:
            for number in range(MAILS):
                values = {"numbers": "osot-0000001", "occasion": "asked"}
                message = Message("member_number", f"p{number}@example.org", "en", f"mail-{number}", values)
                unit.outbox.add(message, at=services.clock.now())
            unit.commit()

    @contextmanager
    def working(self, count: int = 2) -> Iterator[None]:
        """Workers, killed in the end without a word."""
        with ExitStack() as workers, self.log.open("ab") as log:
            for _ in range(count):
                command = [sys.executable, "-m", "wizard.cli", "worker"]
                process = subprocess.Popen(command, env={**os.environ, **self.environ}, stdout=log, stderr=log)
                workers.callback(process.wait)
                workers.callback(process.kill)
            yield

    def time_passes(self) -> None:
        """So much that claims of the dead are over, and everything is due."""
        waiting = update(OutboxRow).where(OutboxRow.state == MessageState.WAITING)
        with engine_of(self.app).begin() as connection:
            connection.execute(waiting.values(claimed_until=None, due_at=OutboxRow.created_at))

    def count(self, *states: MessageState) -> int:
        with engine_of(self.app).connect() as connection:
            return connection.scalar(select(func.count()).where(OutboxRow.state.in_(states))) or 0

    def failures(self, reason: str) -> int:
        with engine_of(self.app).connect() as connection:
            return connection.scalar(select(func.count()).where(AttemptRow.reason == reason)) or 0

    def ids(self, medium: str) -> set[str]:
        with engine_of(self.app).connect() as connection:
            return set(connection.scalars(select(OutboxRow.id).where(OutboxRow.medium == medium)))


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def mail_server() -> MailServer:
    return MailServer()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    valkey: Valkey,
    redis_client: Redis,
    plain_settings: Settings,
    receiver: Receiver,
    mail_server: MailServer,
) -> Iterator[Site]:
    assert redis_client.dbsize() == 0
    url = sqlite_url(tmp_path / "wizard.db")
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.url(postgres.create())
    migrate(url, plain_settings)
    environ = {
        "WIZARD_DATA_DIR": str(tmp_path),
        "WIZARD_REDIS_URL": valkey.url,
        "WIZARD_REDIS_TIMEOUT": "8",
        "WIZARD_DATABASE_URL": url,
        "WIZARD_SECRET_KEYS": ",".join(SECRET_KEYS),
        "WIZARD_MAIL_URL": mail_server.url,
        "WIZARD_WEBHOOK_URL": receiver.url,
        "WIZARD_WEBHOOK_SECRETS": f"{NEW},{OLD}",
    }
    site = Site(environ, tmp_path / "workers.log")
    yield site
    engine_of(site.app).dispose()


def test_whatever_fails_nothing_is_lost_taken_twice_or_out_of_order(
    site: Site, receiver: Receiver, mail_server: MailServer
) -> None:
    site.happen()
    # Both are away.
    with site.working():
        wait_for(lambda: site.failures("webhook.unreachable") and site.failures("mail.unavailable"), what="failures")
    # Both are there and hang, having taken what they were sent; the workers are killed before they know.
    receiver.behaviour, mail_server.mood = takes_and_hangs, Mood.TAKES_AND_HANGS
    site.time_passes()
    with receiver.running(), mail_server.running(), site.working():
        wait_for(lambda: receiver.hanging.is_set() and mail_server.met.is_set(), what="something under way")
    # Both are busy.
    receiver.behaviour, mail_server.mood = fails(503), Mood.PUTS_OFF
    site.time_passes()
    with receiver.running(), mail_server.running(), site.working():
        wait_for(lambda: site.failures("webhook.answer"), what="a refusal")
    # Both are back; the workers are killed in the middle, and others go on.
    receiver.behaviour, mail_server.mood = takes, Mood.TAKES
    with receiver.running(), mail_server.running():
        site.time_passes()
        with site.working():
            half = (REGISTRATIONS * (EXTENSIONS + 1) + MAILS) // 2
            wait_for(lambda: site.count(MessageState.DELIVERED) >= half, what="half of it")
        site.time_passes()
        with site.working():
            wait_for(lambda: site.count(MessageState.WAITING) == 0, what="the rest", within=60)
    assert site.count(MessageState.GIVEN_UP) == 0, site.log.read_text()
    require_taken_once_in_order(site, receiver)
    assert {each.strip("<>").partition("@")[0] for each in mail_server.ids} == site.ids("mail")


def require_taken_once_in_order(site: Site, receiver: Receiver) -> None:
    """Each event once by its key, whole at every try, and signed; those of a registration in their order."""
    assert set(receiver.taken) == site.ids("webhook")
    assert len(receiver.taken) == REGISTRATIONS * (EXTENSIONS + 1)
    bodies, order = defaultdict(set), defaultdict(list)
    for call in receiver.calls:
        bodies[call.key].add(call.body)
        order[call.event["sessionId"]].append(call.key)
        headers = call.headers
        verify(
            call.body,
            timestamp=headers["Wizard-Timestamp"],
            signatures=headers["Wizard-Signature"],
            secrets=[OLD],
            now=int(headers["Wizard-Timestamp"]),
        )
    assert {len(each) for each in bodies.values()} == {1}
    with engine_of(site.app).connect() as connection:
        by_trail = select(OutboxRow.id, OutboxRow.stream).where(OutboxRow.medium == "webhook")
        rows = connection.execute(by_trail.order_by(OutboxRow.event_id)).all()
    for session_id, keys in order.items():
        # The same one may come again, but none before the one before it is through.
        without_repetitions = [key for key, before in zip(keys, [None, *keys], strict=False) if key != before]
        assert without_repetitions == [row.id for row in rows if row.stream == session_id]


def test_a_receiver_that_hangs_holds_up_no_mail(site: Site, receiver: Receiver, mail_server: MailServer) -> None:
    site.happen()
    receiver.behaviour = hangs
    with receiver.running(), mail_server.running(), site.working(1):
        wait_for(receiver.hanging.is_set, what="a webhook under way")
        wait_for(lambda: len(set(mail_server.ids)) == MAILS, what="all mails", within=9)


def test_the_worker_beside_the_web_tells_of_a_whole_journey(tmp_path: Path) -> None:
    """In its order, as the schemas say, and nothing personal."""
    environ = {"WIZARD_WEBHOOK_SECRETS": NEW}
    receiver = Receiver()
    with receiver.running(), serving(tmp_path, {**environ, "WIZARD_WEBHOOK_URL": receiver.url}) as served:
        graduate = Graduate(served.url)
        confirm = reach_confirm(served, graduate, answers=ANSWERED)
        assert graduate.fill(confirm, declaration="y").url.endswith("/complete")

        def told() -> list[str]:
            return [event["event"] for event in receiver.events if event["sessionId"]]

        wait_for(lambda: "workflow.completed" in told(), what="the end of the journey")
    names = told()
    assert names[0] == "education.staged"
    assert [name for name in names if name not in {"education.updated", "education.staged"}] == [
        "education.validated",
        "education.category_determined",
        "education.account_linked",
        "education.created",
        "workflow.completed",
    ]
    for event in receiver.events:
        assert Draft202012Validator(json_schema(EventName(event["event"]))).is_valid(event), event
    sent = "\n".join(call.body.decode() for call in receiver.calls).casefold()
    assert [what for what, text in PERSONAL.items() if text.casefold() in sent] == []


def test_a_worker_told_to_stop_ends_while_a_receiver_hangs(
    site: Site, receiver: Receiver, mail_server: MailServer
) -> None:
    site.happen()
    receiver.behaviour = hangs
    with receiver.running(), mail_server.running(), site.log.open("ab") as log:
        command = [sys.executable, "-m", "wizard.cli", "worker"]
        process = subprocess.Popen(command, env={**os.environ, **site.environ}, stdout=log, stderr=log)
        try:
            wait_for(receiver.hanging.is_set, what="a webhook under way")
            process.terminate()
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
            process.wait()
    assert site.failures("webhook.timeout") == 1


def test_a_worker_told_to_stop_finishes_the_mail_it_is_sending(
    site: Site, receiver: Receiver, mail_server: MailServer
) -> None:
    site.happen()
    mail_server.mood = Mood.WAITS
    with receiver.running(), mail_server.running(), site.log.open("ab") as log:
        command = [sys.executable, "-m", "wizard.cli", "worker"]
        process = subprocess.Popen(command, env={**os.environ, **site.environ}, stdout=log, stderr=log)
        try:
            wait_for(mail_server.met.is_set, what="a mail under way")
            process.terminate()
            mail_server.released.set()
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
            process.wait()
    # Whatever it had begun to send is noted as sent, and nothing was taken twice.
    taken = {each.strip("<>").partition("@")[0] for each in mail_server.ids}
    assert len(taken) == len(mail_server.ids) > 0
    with engine_of(site.app).connect() as connection:
        mails = select(OutboxRow.id).where(OutboxRow.medium == "mail", OutboxRow.state == MessageState.DELIVERED)
        assert set(connection.scalars(mails)) == taken
