"""Education records, and what the database holds against one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from wizard.core.category import CategoryDecision
from wizard.core.education import EducationData
from wizard.core.records import NewRecord, Record, Verification
from wizard.core.rules import Holdings


class RecordTaken(Exception):
    """A constraint of the database stands against a record; `rule` is the broken rule's id."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class Records(Protocol):
    """Education records."""

    def get(self, record_id: str) -> Record | None: ...

    def hold(self, record_id: str) -> Record | None:
        """A record as it is now; nobody else changes it before this transaction ends."""
        ...

    def by_session(self, session_id: str) -> Record | None: ...

    def by_account(self, account_id: str) -> Record | None: ...

    def ids(self, numbers: Collection[str]) -> Mapping[str, str]:
        """The ids of those records that are there, by their numbers."""
        ...

    def holders(self, data: EducationData, *, account_id: str | None) -> Sequence[Record]:
        """The records that hold any of these numbers, or are the account's, in one query."""
        ...

    def holdings(self, data: EducationData, *, account_id: str | None, session_id: str | None) -> Holdings:
        """What other records (not the one of `session_id`) hold of these numbers, in one query."""
        ...

    def add(self, record: NewRecord) -> Record:
        """Write a record and give it the next number.

        Raises `RecordTaken` with `user_business_id.unique`, `coto_registration.unique`,
        `account.one_record` or `session.one_record`.
        """
        ...

    def correct(
        self,
        record: Record,
        *,
        data: EducationData,
        decision: CategoryDecision,
        verification: Verification,
        at: datetime,
        declaration_version: str | None = None,
    ) -> Record:
        """Change a record's data, which may have been declared anew.

        Raises `Conflict` on a stale version, `RecordTaken` as `add`.
        """
        ...

    def delete(self, record: Record) -> None:
        """Delete a record; its number is never given out again. Raises `Conflict` on a stale version."""
        ...
