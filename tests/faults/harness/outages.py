"""What is done to the web, the workers, the mail server and the receiver of a site, while a context lasts."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event

import psycopg

from tests.faults.harness.parts import Site
from tests.faults.harness.processes import family, signal_all, stopped
from tests.support.mailserver import Mood
from tests.support.receiver import Behaviour, takes


@contextmanager
def web_killed(site: Site) -> Iterator[None]:
    """Master and workers at once."""
    site.web.kill_web()
    try:
        yield
    finally:
        site.web.launch()


@contextmanager
def one_of_web_killed(site: Site) -> Iterator[None]:
    """One of gunicorn's workers: the master starts another."""
    signal_all(site.web_processes()[1:2], signal.SIGKILL)
    yield


@contextmanager
def web_stopped(site: Site) -> Iterator[None]:
    with stopped(site.web_processes()):
        yield


@contextmanager
def one_of_web_stopped(site: Site) -> Iterator[None]:
    with stopped(site.web_processes()[1:2]):
        yield


@contextmanager
def workers_killed(site: Site) -> Iterator[None]:
    """Both workers; the web starts its own again after a while."""
    signal_all(site.companions(), signal.SIGKILL)
    site.worker.end()
    try:
        yield
    finally:
        site.worker.start()


@contextmanager
def workers_stopped(site: Site) -> Iterator[None]:
    site.worker.tend()
    assert site.worker.process is not None
    with stopped(site.companions() + family(site.worker.process.pid)):
        yield


@contextmanager
def worker_overtaken(site: Site) -> Iterator[None]:
    """One worker stopped until its claims are over and the other has them; then it goes on as if nothing was."""
    site.worker.tend()
    assert site.worker.process is not None
    with stopped(family(site.worker.process.pid)):
        with suppress(psycopg.Error), site.postgres.connect() as connection:
            # Stopped while it marks a message, it keeps the row; then it cannot be overtaken.
            connection.execute("SET lock_timeout = '1s'")
            connection.execute("UPDATE outbox SET claimed_until = now() WHERE claimed_until > now()")
        yield


@contextmanager
def dying(site: Site, point: str) -> Iterator[None]:
    """Whoever next passes a point dies there, if anybody does meanwhile."""
    # At once: whoever looks must not find half a name.
    written = site.armed.with_suffix(".new")
    written.write_text(point)
    written.rename(site.armed)
    try:
        yield
    finally:
        site.armed.unlink(missing_ok=True)


@contextmanager
def mail_away(site: Site) -> Iterator[None]:
    site.mail_runs.close()
    try:
        yield
    finally:
        site.mail_runs.enter_context(site.mail.running())


@contextmanager
def mail_in(site: Site, mood: Mood) -> Iterator[None]:
    """In another mood; who hangs then is cut off in the end."""
    site.mail.mood = mood
    try:
        yield
    finally:
        site.mail.mood = Mood.TAKES
        with mail_away(site):
            pass


@contextmanager
def receiver_away(site: Site) -> Iterator[None]:
    site.receiver_runs.close()
    try:
        yield
    finally:
        site.receiver_runs.enter_context(site.receiver.running())


@contextmanager
def receiver_as(site: Site, behaviour: Behaviour) -> Iterator[None]:
    site.receiver.let_go = Event()
    site.receiver.behaviour = behaviour
    try:
        yield
    finally:
        site.receiver.behaviour = takes
        site.receiver.let_go.set()
