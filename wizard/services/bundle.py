"""The services as the edges know them, put together by the wiring."""

from __future__ import annotations

from dataclasses import dataclass

from wizard.core.clock import Clock
from wizard.services.accounts import AccountService
from wizard.services.approvals import Approvals
from wizard.services.audit import AuditDrain
from wizard.services.delivery import Delivery
from wizard.services.events import EventBus
from wizard.services.housekeeping import Housekeeping
from wizard.services.links import ResumeLinks
from wizard.services.member_numbers import MemberNumbers
from wizard.services.membership import MembershipService
from wizard.services.ports.calls import Orchestrator
from wizard.services.proofs import Proofs
from wizard.services.records import RecordService
from wizard.services.staff import Desk


@dataclass(frozen=True, slots=True)
class Services:
    """All use cases of one app."""

    clock: Clock
    orchestrator: Orchestrator
    proofs: Proofs
    links: ResumeLinks
    desk: Desk
    accounts: AccountService
    member_numbers: MemberNumbers
    approvals: Approvals
    membership: MembershipService
    records: RecordService
    delivery: Delivery
    housekeeping: Housekeeping
    events: EventBus
    trail: AuditDrain
