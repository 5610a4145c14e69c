"""The services as the edges know them, put together by the wiring."""

from __future__ import annotations

from dataclasses import dataclass

from wizard.core.clock import Clock
from wizard.services.account_desk import AccountDesk
from wizard.services.accounts import AccountService
from wizard.services.approvals import Approvals
from wizard.services.audit import AuditDrain
from wizard.services.board import Board
from wizard.services.bulk import Bulk
from wizard.services.checking import Checking
from wizard.services.conflicts import Conflicts
from wizard.services.deliveries import Deliveries
from wizard.services.delivery import Delivery
from wizard.services.erasure import Erasure
from wizard.services.events import EventBus
from wizard.services.housekeeping import Housekeeping
from wizard.services.key_rotation import KeyRotation
from wizard.services.links import ResumeLinks
from wizard.services.member_numbers import MemberNumbers
from wizard.services.membership import MembershipService
from wizard.services.my_sign_in import MySignIn
from wizard.services.notes import Notes
from wizard.services.oidc import OidcSignIn
from wizard.services.person_export import PersonExport
from wizard.services.ports.calls import Orchestrator
from wizard.services.proofs import Proofs
from wizard.services.record_lists import RecordLists
from wizard.services.recorder import Recorder
from wizard.services.records import RecordService
from wizard.services.refresh import CategoryRefresh
from wizard.services.retention import Retention
from wizard.services.sign_in import SignIn
from wizard.services.staff import Desk
from wizard.services.statistics import StatisticsService
from wizard.services.tokens import Tokens
from wizard.services.verification import Verifications


@dataclass(frozen=True, slots=True)
class Services:
    """All use cases of one app; `webhooks` where there is a receiver, `recorder` where answers are not kept waiting."""

    clock: Clock
    orchestrator: Orchestrator
    checking: Checking
    proofs: Proofs
    links: ResumeLinks
    desk: Desk
    sign_in: SignIn
    oidc: OidcSignIn | None
    my_sign_in: MySignIn
    tokens: Tokens
    board: Board
    statistics: StatisticsService
    notes: Notes
    accounts: AccountService
    account_desk: AccountDesk
    erasure: Erasure
    person_export: PersonExport
    member_numbers: MemberNumbers
    approvals: Approvals
    membership: MembershipService
    records: RecordService
    record_lists: RecordLists
    refresh: CategoryRefresh
    bulk: Bulk
    verifications: Verifications
    conflicts: Conflicts
    mails: Delivery
    webhooks: Delivery | None
    deliveries: Deliveries
    housekeeping: Housekeeping
    retention: Retention
    key_rotation: KeyRotation
    events: EventBus
    trail: AuditDrain
    recorder: Recorder | None
