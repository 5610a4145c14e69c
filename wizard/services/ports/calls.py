"""Who calls, and the operations on one registration that may be called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from wizard.core.actors import Actor
from wizard.core.errors import Conflict
from wizard.core.registration import Channel, Registration
from wizard.core.results import OperationResult
from wizard.services.ports.registrations import PageAhead


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, and the request that it belongs to."""

    actor: Actor
    request_id: str | None = None
    # What the applicant reads, where it is the applicant who calls.
    language: str | None = None
    # Registrations by id (None: there is none) as this request has read them with something else, until it writes one.
    read_ahead: dict[str, Registration | None] = field(default_factory=dict, compare=False, repr=False)
    # What the indexes say of the page of a list that it asks for, read in the same way.
    page_ahead: PageAhead | None = field(default=None, compare=False, repr=False)
    # The tags of what it is meant for, where the caller insists on what they have seen.
    only_if: frozenset[str] | None = None


def require_seen(call: Call, tag: str) -> None:
    """Raise Conflict("version.unmatched") where the caller insists on having seen something else."""
    if call.only_if is not None and tag not in call.only_if:
        raise Conflict("version.unmatched")


@dataclass(frozen=True, slots=True)
class Staging:
    """What a registration is started with."""

    data: Mapping[str, str | None] = field(default_factory=dict)
    contact_email: str | None = None
    account_id: str | None = None
    channel: Channel = Channel.WEB
    language: str = "en"
    ttl_seconds: int | None = None


class Orchestrator(Protocol):
    """The operations on one registration (02-workflow, Operations).

    Every one answers an `OperationResult`, or raises a `WizardError` that carries one in `result`
    where the registration could be read.
    """

    def stage(self, call: Call, staging: Staging, *, session_id: str | None = None) -> OperationResult: ...

    def update(
        self,
        call: Call,
        session_id: str,
        changes: Mapping[str, str | None],
        *,
        version: int,
        contact_email: str | None = None,
        contact_seen: str | None = None,
        drop_inapplicable: bool = False,
    ) -> OperationResult: ...

    def validate(self, call: Call, session_id: str) -> OperationResult: ...

    def determine_category(self, call: Call, session_id: str) -> OperationResult: ...

    def review(self, call: Call, session_id: str) -> OperationResult:
        """`validate`, then `determine_category`, as one."""
        ...

    def link_account(self, call: Call, session_id: str, account_id: str | None = None) -> OperationResult:
        """By default the account with the registration's member number."""
        ...

    def create(self, call: Call, session_id: str, *, declaration_version: str = ...) -> OperationResult: ...

    def submit(
        self, call: Call, session_id: str, *, version: int | None = None, declaration_version: str = ...
    ) -> OperationResult:
        """`create`, then close, as one: only what was shown, the answers of `version`."""
        ...

    def execute_workflow(
        self, call: Call, session_id: str, *, account_id: str | None = None, declaration_version: str = ...
    ) -> OperationResult: ...

    def get(self, call: Call, session_id: str) -> OperationResult: ...

    def read_ahead(self, call: Call, session_ids: Sequence[str]) -> None:
        """Read several at once, for what the same request does with each."""
        ...

    def extend(self, call: Call, session_id: str, *, ttl_seconds: int | None = None) -> OperationResult: ...

    def prolong(self, call: Call, session_id: str) -> OperationResult:
        """Let it live the longer time: a link to continue was made, or the desk has to act."""
        ...

    def cancel(self, call: Call, session_id: str) -> OperationResult: ...

    def as_recorded(self, call: Call, registration: Registration) -> Registration:
        """The registration as the database knows it: completed, where an earlier submit made its record."""
        ...
