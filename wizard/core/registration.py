"""The registration session: one registration from its first answers to its record (02-workflow)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import chain

from wizard.core.category import CategoryDecision
from wizard.core.education import REQUIRED_FIELDS, EducationData, member_number_key
from wizard.core.errors import Problem
from wizard.core.events import Event
from wizard.core.rules import CONFLICT_RULES, Outcome, RuleOutcome


class Status(StrEnum):
    """How far a registration is."""

    PENDING = "pending"
    STAGED = "staged"
    VALIDATED = "validated"
    CATEGORY_DETERMINED = "category_determined"
    ACCOUNT_LINKED = "account_linked"
    EDUCATION_CREATED = "education_created"
    WORKFLOW_COMPLETED = "workflow_completed"
    CREATION_FAILED = "creation_failed"
    CANCELLED = "cancelled"


class Channel(StrEnum):
    """The way a registration came in."""

    WEB = "web"
    API = "api"
    BULK = "bulk"


_RANK: Mapping[Status, int] = {
    Status.PENDING: 0,
    Status.STAGED: 1,
    Status.VALIDATED: 2,
    Status.CATEGORY_DETERMINED: 3,
    Status.ACCOUNT_LINKED: 4,
    Status.CREATION_FAILED: 4,
    Status.EDUCATION_CREATED: 5,
    Status.WORKFLOW_COMPLETED: 6,
}
_PERCENT_PER_MILESTONE = 20


@dataclass(frozen=True, slots=True)
class Progress:
    """The milestones, and how much of the way they are."""

    staged: bool
    validated: bool
    category_determined: bool
    account_linked: bool
    persisted: bool

    @property
    def percent(self) -> int:
        """From 0 to 100."""
        reached = (
            self.staged,
            self.validated,
            self.category_determined,
            self.account_linked,
            self.persisted,
        )
        return _PERCENT_PER_MILESTONE * sum(reached)


@dataclass(frozen=True, slots=True)
class Validation:
    """What the rules said of the data as it is, and the category decided from it."""

    outcomes: tuple[RuleOutcome, ...] = ()
    decision: CategoryDecision | None = None

    def field_valid(self, *rule_fields: str) -> bool | None:
        """Whether no rule of some fields fails; None before validation."""
        if not self.outcomes:
            return None
        return not any(outcome.outcome is Outcome.FAILED for outcome in self.outcomes if outcome.field in rule_fields)

    def rule_valid(self, rule_id: str) -> bool | None:
        """Whether one rule does not fail; None before validation."""
        found = [outcome for outcome in self.outcomes if outcome.rule == rule_id]
        return found[0].outcome is not Outcome.FAILED if found else None

    @property
    def membership_ends(self) -> date | None:
        """The last day of the membership year that the category was decided by."""
        return self.decision.membership_ends if self.decision else None


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a registration lives (02-workflow, `expiresAt`)."""

    after_change: timedelta
    once_linked: timedelta
    at_most: timedelta


@dataclass(frozen=True, slots=True)
class Registration:
    """The document. `version` counts changes to `data`; `revision` every write, for compare-and-set."""

    session_id: str
    status: Status
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    created_by: str
    updated_by: str
    channel: Channel = Channel.WEB
    language: str = "en"
    data: EducationData = field(default_factory=EducationData)
    version: int = 1
    revision: int = 0
    contact_email: str | None = None
    account_id: str | None = None
    linked: bool = False
    validation: Validation = field(default_factory=Validation)
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    flag: str | None = None
    # How often each rule has stopped it, until it passes.
    failed: Mapping[str, int] = field(default_factory=dict)
    lives_long: bool = False
    chosen_ttl: int | None = None
    reminded: bool = False
    record_id: str | None = None
    record_number: str | None = None
    durations: Mapping[str, int] = field(default_factory=dict)
    event_sequence: int = 0
    events: tuple[Event, ...] = ()
    # Its time is over, and that is recorded: only that it was there is left, until Redis forgets it.
    ended: bool = False

    @property
    def tag(self) -> str:
        """Another one with each write."""
        return f"{self.version}.{self.revision}"

    @property
    def is_created(self) -> bool:
        """Whether its record exists."""
        return self.status in {Status.EDUCATION_CREATED, Status.WORKFLOW_COMPLETED}

    @property
    def is_open(self) -> bool:
        """Whether anything can still become of it."""
        return not self.is_created and self.status is not Status.CANCELLED

    @property
    def progress(self) -> Progress:
        """The milestones reached."""
        rank = _RANK.get(self.status, 0)
        return Progress(
            staged=rank >= _RANK[Status.STAGED],
            validated=rank >= _RANK[Status.VALIDATED],
            category_determined=rank >= _RANK[Status.CATEGORY_DETERMINED],
            account_linked=rank >= _RANK[Status.ACCOUNT_LINKED],
            persisted=rank >= _RANK[Status.EDUCATION_CREATED],
        )

    @property
    def user_id(self) -> str | None:
        """The applicant's member number once known."""
        return self.data.user_business_id

    def has_reached(self, status: Status) -> bool:
        """Whether it is at a status or beyond it."""
        return _RANK.get(self.status, -1) >= _RANK[status]

    def is_expired(self, now: datetime) -> bool:
        """Whether its time is over, by the injected clock."""
        return now >= self.expires_at

    def missing(self) -> tuple[str, ...]:
        """The required fields not yet answered."""
        return tuple(name for name in REQUIRED_FIELDS if getattr(self.data, name) is None)

    # Transitions. Each gives a new document; saving it is the orchestrator's.

    def with_data(self, data: EducationData) -> Registration:
        """With other answers: back to `staged` or `pending`, nothing validated, decided or flagged.

        The account link survives unless the member number changed; an account only asked for stays asked for.
        """
        if data == self.data:
            return self
        same_member = _key(data) == _key(self.data)
        changed = replace(
            self,
            data=data,
            version=self.version + 1,
            validation=Validation(),
            errors=(),
            warnings=(),
            flag=None,
            account_id=self.account_id if same_member or not self.linked else None,
            linked=self.linked and same_member,
        )
        return replace(changed, status=Status.PENDING if changed.missing() else Status.STAGED)

    def with_contact(self, address: str) -> Registration:
        """With another address for links and reminders; an empty one removes it."""
        return self if address == (self.contact_email or "") else replace(self, contact_email=address or None)

    def spoken_in(self, language: str | None) -> Registration:
        """In the language that its applicant reads now; None changes nothing."""
        return self if language in {None, self.language} else replace(self, language=language or self.language)

    def with_outcomes(self, outcomes: tuple[RuleOutcome, ...]) -> Registration:
        """Validated: a status already reached is never lowered by passing again."""
        passed = {outcome.rule for outcome in outcomes if outcome.outcome is not Outcome.NOT_CHECKED}
        failed = {rule: times for rule, times in self.failed.items() if rule not in passed}
        if self.has_reached(Status.VALIDATED):
            return replace(self, failed=failed, validation=replace(self.validation, outcomes=outcomes))
        return replace(self, failed=failed, status=Status.VALIDATED, validation=Validation(outcomes))

    def with_failed_outcomes(self, outcomes: tuple[RuleOutcome, ...]) -> Registration:
        """Validation failed: back to `staged` (`pending` where a required answer is missing)."""
        status = Status.PENDING if self.missing() else Status.STAGED
        return replace(self, status=status, validation=Validation(outcomes))

    def with_category(self, decision: CategoryDecision) -> Registration:
        """The category decided; where the account is linked already, on to `account_linked`."""
        decided = replace(self, validation=replace(self.validation, decision=decision))
        if self.has_reached(Status.ACCOUNT_LINKED) or self.linked:
            return replace(decided, status=Status.ACCOUNT_LINKED)
        return replace(decided, status=Status.CATEGORY_DETERMINED)

    def with_changed_category(self, decision: CategoryDecision) -> Registration:
        """Another category than the one that was shown: back to show it again."""
        decided = replace(self.validation, decision=decision)
        return replace(self, status=Status.CATEGORY_DETERMINED, validation=decided)

    def with_account(self, account_id: str) -> Registration:
        """Linked to an account."""
        return replace(self, status=Status.ACCOUNT_LINKED, account_id=account_id, linked=True, flag=None, failed={})

    def with_record(self, record_id: str, record_number: str) -> Registration:
        """Its record exists."""
        return replace(
            self,
            status=Status.EDUCATION_CREATED,
            record_id=record_id,
            record_number=record_number,
            errors=(),
            flag=None,
            failed={},
        )

    def as_tombstone(self, status: Status) -> Registration:
        """Closed: without personal data, kept until its TTL so that a second look shows the same."""
        return replace(
            self,
            status=status,
            data=EducationData(),
            contact_email=None,
            account_id=None,
            linked=False,
            validation=Validation(),
            errors=(),
            warnings=(),
            flag=None,
            failed={},
        )

    def as_ended(self) -> Registration:
        """Over: what it came to is known for a while, so that whoever comes back is told, and nothing personal."""
        return replace(self.as_tombstone(self.status), ended=True)

    def without_conflicts(self) -> Registration:
        """As it is shown to somebody who is not to learn what other records hold, though others have been told."""
        if not self._tells_of_conflicts():
            return self
        outcomes = tuple(
            RuleOutcome(outcome.rule, outcome.field, Outcome.NOT_CHECKED) if outcome.rule in CONFLICT_RULES else outcome
            for outcome in self.validation.outcomes
        )
        return replace(
            self,
            validation=replace(self.validation, outcomes=outcomes),
            errors=tuple(problem for problem in self.errors if problem.message not in CONFLICT_RULES),
            flag=None if self.flag in CONFLICT_RULES else self.flag,
            failed={rule: times for rule, times in self.failed.items() if rule not in CONFLICT_RULES},
        )

    def _tells_of_conflicts(self) -> bool:
        checked = (each.rule for each in self.validation.outcomes if each.outcome is not Outcome.NOT_CHECKED)
        wrong = (problem.message for problem in self.errors)
        return self.flag in CONFLICT_RULES or not CONFLICT_RULES.isdisjoint(chain(checked, wrong, self.failed))

    # Time and events.

    def touched(self, now: datetime, actor: str, lifetimes: Lifetimes) -> Registration:
        """Changed now by somebody: it lives its time again from here, never beyond its greatest age."""
        chosen = timedelta(seconds=self.chosen_ttl) if self.chosen_ttl else lifetimes.after_change
        lifetime = max(chosen, lifetimes.once_linked) if self.lives_long else chosen
        expires = min(max(now + lifetime, self.expires_at), self.created_at + lifetimes.at_most)
        return replace(self, updated_at=now, updated_by=actor, expires_at=expires)

    def with_event(self, event: Event) -> Registration:
        """With something that happened, numbered, waiting to be in the audit trail."""
        sequence = self.event_sequence + 1
        numbered = replace(event, sequence=sequence, session_id=self.session_id)
        return replace(self, event_sequence=sequence, events=(*self.events, numbered))


def _key(data: EducationData) -> str | None:
    number = data.user_business_id
    return None if number is None else member_number_key(number)
