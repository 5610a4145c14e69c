"""The one place that knows every part and puts them together."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from redis import Redis, RedisCluster
from sqlalchemy import make_url

from wizard import keeping, outgoing
from wizard.config import Settings
from wizard.core.claims import PrivilegeRule, Strength
from wizard.core.clock import Clock
from wizard.core.registration import Lifetimes
from wizard.metrics.levels import Levels
from wizard.metrics.page import Metrics
from wizard.metrics.processes import directory_of_counts
from wizard.services.account_desk import AccountDesk
from wizard.services.accounts import AccountService
from wizard.services.approvals import Approvals
from wizard.services.audit import AuditDrain
from wizard.services.board import Board
from wizard.services.bulk import Bulk
from wizard.services.bulk_batch import RowsTogether
from wizard.services.bulk_rows import BulkRows
from wizard.services.bulk_work import BulkWork
from wizard.services.bundle import Services
from wizard.services.checking import Checking
from wizard.services.conflicts import Conflicts
from wizard.services.creation import Creation
from wizard.services.deliveries import Deliveries
from wizard.services.erasure import Erasure
from wizard.services.events import EventBus, log_event
from wizard.services.housekeeping import Housekeeping
from wizard.services.key_rotation import KeyRotation
from wizard.services.links import ResumeLinks
from wizard.services.member_numbers import MemberNumbers
from wizard.services.membership import MembershipService
from wizard.services.my_sign_in import MySignIn
from wizard.services.notes import Notes
from wizard.services.oidc import OidcSignIn
from wizard.services.orchestrator import RegistrationOrchestrator
from wizard.services.passwords import Passwords
from wizard.services.person_export import PersonExport
from wizard.services.ports.messages import MailWriter
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import Batches, UnitsOfWork
from wizard.services.ports.watching import Watch
from wizard.services.proofs import Proofs
from wizard.services.record_lists import RecordLists
from wizard.services.recorder import Recorder
from wizard.services.records import RecordService
from wizard.services.refresh import CategoryRefresh
from wizard.services.runner import Runner
from wizard.services.sign_in import SignIn
from wizard.services.staff import Desk
from wizard.services.statistics import StatisticsService
from wizard.services.tokens import Tokens
from wizard.services.transitions import Transitions
from wizard.services.verification import Verifications
from wizard.services.whole import WholeRegistrations
from wizard.storage import database
from wizard.storage.batches import SqlBatches
from wizard.storage.browser_sessions import BrowserSessions
from wizard.storage.crypto import Cipher
from wizard.storage.embedded import embedded_url
from wizard.storage.kept_answers import RedisKeptAnswers
from wizard.storage.redis_client import connect
from wizard.storage.registrations import RedisRegistrationStore
from wizard.storage.stored_values import StoredValues
from wizard.storage.unit_of_work import SqlUnitsOfWork
from wizard.tracing import traces_asked_for
from wizard.web import (
    api,
    applicant,
    browser_session,
    errors,
    health,
    language,
    limits,
    requests,
    security,
    staff,
    static_files,
    templates,
)
from wizard.web import metrics as metrics_page
from wizard.web.mails import JinjaMailWriter
from wizard.web.staff import oidc
from wizard.web.static_files import StaticFiles

if TYPE_CHECKING:
    from wizard.storage.oidc import OidcProvider

_LATER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Stores:
    """What keeps things: Redis for registrations and browsers, the database for all that lasts."""

    redis: Redis | RedisCluster
    cipher: Cipher
    browsers: BrowserSessions
    registrations: RegistrationStore
    units: UnitsOfWork
    batches: Batches


def wire(app: Flask, settings: Settings, clock: Clock, *, static: Path) -> None:
    """Give an app its stores, services, pages, and the files that the pages load."""
    app.extensions["wizard_settings"] = settings
    templates.init_app(app)
    metrics = Metrics.of_process(directory_of_counts())
    traces = traces_asked_for(os.environ, database=make_url(settings.database_url).get_backend_name())
    watch = Watch((metrics.counts, traces) if traces else (metrics.counts,))
    database.init_app(app, settings, watch)
    stores = _stores(app, settings, clock, watch)
    app.extensions["wizard_stores"] = stores
    services = _services(settings, clock, stores, JinjaMailWriter(app, settings), watch)
    services.events.subscribe(metrics.counts.event)
    app.extensions["wizard"] = services
    if traces:
        traces.init_app(app)
    _pages(app, settings, stores, static_files.init_app(app, static), metrics)
    levels = Levels(clock, stores.units, stores.registrations, settings.delivery_kept)
    metrics_page.init_app(app, metrics.page(levels), metrics.counts.stopped_at_form)


def _stores(app: Flask, settings: Settings, clock: Clock, watch: Watch) -> Stores:
    client = connect(settings.redis_url or embedded_url(settings), timeout=settings.redis_timeout, watch=watch)
    cipher = Cipher(settings.secret_keys)
    documents = StoredValues(cipher, clock, settings.session_grace)
    registrations = RedisRegistrationStore(client, cipher, clock, grace=settings.session_grace)
    announces = settings.webhook_url is not None
    return Stores(
        redis=client,
        cipher=cipher,
        # A browser outlives its registration by a little, so that the page can say that the time is over.
        browsers=BrowserSessions(client, cipher, settings.session_ttl + _LATER, documents, registrations.lists),
        registrations=registrations,
        units=SqlUnitsOfWork(database.sessionmaker(app), cipher, clock, announces),
        batches=SqlBatches(database.sessionmaker(app), cipher, clock, announces),
    )


def _services(settings: Settings, clock: Clock, stores: Stores, writer: MailWriter, watch: Watch) -> Services:
    units, registrations = stores.units, stores.registrations
    events = _event_bus()
    drain = AuditDrain(clock, units, registrations)
    recorder = Recorder(drain, registrations, settings.audit_delay) if settings.audit_delay else None
    drain.later = recorder.later if recorder else None
    checking = Checking(clock, units, re.compile(settings.coto_pattern), settings.verify_discounts)
    runner = Runner(clock, registrations, drain, events, _lifetimes(settings), watch)
    orchestrator = RegistrationOrchestrator(runner, checking, Transitions(checking, Creation(checking, units), units))
    records = RecordService(units, checking, events)
    ways = (settings.staff_totp_required, passwords := Passwords(), settings.staff_passwords)
    links = ResumeLinks(clock, units, registrations, events, orchestrator)
    erasure = Erasure(clock, units, registrations, drain, events)
    return Services(
        clock=clock,
        orchestrator=orchestrator,
        checking=checking,
        proofs=Proofs(clock, units, registrations, events, stores.cipher),
        links=links,
        desk=Desk(clock, units, registrations, events, passwords),
        sign_in=SignIn(clock, units, events, *ways),
        oidc=oidc_sign_in(settings, clock, units, events),
        my_sign_in=MySignIn(clock, units, events, *ways),
        tokens=Tokens(clock, units, events),
        board=Board(clock, units, registrations, settings.delivery_kept),
        statistics=StatisticsService(clock, units),
        notes=Notes(clock, units, registrations, events),
        accounts=AccountService(clock, units, events),
        account_desk=AccountDesk(clock, units, registrations, events),
        erasure=erasure,
        person_export=PersonExport(clock, units, registrations, events),
        member_numbers=MemberNumbers(clock, units, registrations, events, stores.cipher, orchestrator),
        approvals=Approvals(clock, units, events),
        membership=MembershipService(clock, units, events),
        records=records,
        record_lists=RecordLists(clock, units, events),
        verifications=Verifications(clock, units, events),
        conflicts=Conflicts(units, registrations, runner, records),
        refresh=CategoryRefresh(clock, units, events),
        bulk=_bulk(settings, clock, stores, orchestrator, links, events),
        mails=outgoing.mails(settings, clock, units, writer, watch),
        webhooks=outgoing.webhooks(settings, clock, units, watch),
        deliveries=Deliveries(clock, units, events, settings.delivery_kept),
        housekeeping=Housekeeping(clock, registrations, orchestrator, links, drain, events),
        retention=keeping.retention(settings, clock, units, events, erasure),
        key_rotation=KeyRotation(clock, units, events, settings.encrypt_columns),
        events=events,
        trail=drain,
        recorder=recorder,
    )


def _bulk(
    settings: Settings,
    clock: Clock,
    stores: Stores,
    orchestrator: RegistrationOrchestrator,
    links: ResumeLinks,
    events: EventBus,
) -> Bulk:
    rows = BulkRows(stores.units, WholeRegistrations(orchestrator), links, stores.cipher)
    together = RowsTogether(rows, stores.batches, stores.registrations, events)
    work = BulkWork(clock, stores.units, rows, together, events)
    return Bulk(clock, stores.units, events, work, settings.retention_bulk)


def _event_bus() -> EventBus:
    """Where events are told; the logs hear of all."""
    events = EventBus()
    events.subscribe(log_event)
    return events


def oidc_provider(settings: Settings, clock: Clock) -> OidcProvider | None:
    """The provider that staff may sign in with; None where the settings name none."""
    if settings.oidc_issuer is None:
        return None
    # Only where there is one: 9 MB of every process (docs/benchmarks.md).
    from wizard.storage.oidc import OidcProvider  # noqa: PLC0415
    from wizard.storage.oidc_published import Client  # noqa: PLC0415

    client = Client(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        redirect_uri=f"{settings.base_url}{oidc.CALLBACK}",
        after_sign_out=f"{settings.base_url}{oidc.AFTER_SIGN_OUT}",
        scopes=settings.oidc_scopes,
        acr_values=settings.oidc_acr,
        timeout=settings.oidc_timeout,
    )
    return OidcProvider.of(client, clock)


def oidc_sign_in(settings: Settings, clock: Clock, units: UnitsOfWork, events: EventBus) -> OidcSignIn | None:
    """Signing in with that provider; None where the settings name none."""
    provider = oidc_provider(settings, clock)
    if provider is None:
        return None
    rule = PrivilegeRule(
        settings.oidc_claim, frozenset(settings.oidc_admin_values), frozenset(settings.oidc_main_values)
    )
    strength = Strength(frozenset(settings.oidc_acr), frozenset(settings.oidc_amr))
    return OidcSignIn(clock, units, events, provider, rule, strength)


def _lifetimes(settings: Settings) -> Lifetimes:
    return Lifetimes(settings.session_ttl, settings.session_linked_ttl, settings.session_max_age)


def _pages(app: Flask, settings: Settings, stores: Stores, files: StaticFiles, metrics: Metrics) -> None:
    requests.init_app(app, settings, metrics.counts.answered)
    services: Services = app.extensions["wizard"]
    if services.recorder is not None:
        # A command asks for nothing, and waits for what it does to be recorded.
        app.before_request(services.recorder.start)
    browser_session.init_app(app, stores.browsers, settings, staff.PAGES)
    security.init_app(app, settings, files)
    limits.init_app(app, settings, stores.redis)
    language.init_app(app)
    errors.init_app(app)
    api.init_app(app, RedisKeptAnswers(stores.redis, stores.cipher))
    for blueprint in (health.blueprint, applicant.blueprint, staff.blueprint):
        app.register_blueprint(blueprint)
    if not settings.is_production:
        from wizard.web import design  # noqa: PLC0415 - its samples are for those who develop

        app.register_blueprint(design.blueprint)
