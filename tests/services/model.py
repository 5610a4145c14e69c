"""What a registration should come to, said once more and simply: the model that the orchestrator is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wizard.core.errors import ErrorCode
from wizard.core.events import EventName
from wizard.core.registration import Status

Answers = Mapping[str, str | None]

V, B, W, C = (
    ErrorCode.VALIDATION_ERROR,
    ErrorCode.BUSINESS_RULE_VIOLATION,
    ErrorCode.WORKFLOW_STATE_INVALID,
    ErrorCode.CONFLICT,
)
P, X = ErrorCode.PERMISSION_DENIED, ErrorCode.EXTERNAL_SERVICE_ERROR

REQUIRED = (
    *("user_business_id", "degree_type", "university", "country"),
    *("graduation_year", "coto_status", "access_modifier"),
)
LINKED = frozenset({Status.ACCOUNT_LINKED, Status.CREATION_FAILED})
DECIDED = LINKED | {Status.CATEGORY_DETERMINED}
CREATED = frozenset({Status.EDUCATION_CREATED, Status.WORKFLOW_COMPLETED})
CLOSED = CREATED | {Status.CANCELLED}


@dataclass
class Modelled:
    """One registration, `record` being the answers on its record."""

    session_id: str
    data: dict[str, str | None]
    version: int = 1
    status: Status = Status.PENDING
    linked: bool = False
    category: str | None = None
    record: Answers | None = None
    crashed: bool = False
    # What is in the trail even where the document has forgotten it.
    extended: int = 0
    taken_over: int = 0
    completed: bool = False

    def complete(self) -> None:
        """Close it."""
        self.status, self.completed = Status.WORKFLOW_COMPLETED, True

    def happened(self) -> dict[EventName, int]:
        """How often the trail tells of what is to be told."""
        return {
            EventName.EDUCATION_STAGED: 1,
            EventName.EDUCATION_UPDATED: self.version - 1,
            EventName.SESSION_EXTENDED: self.extended,
            EventName.EDUCATION_CREATED: int(self.record is not None),
            EventName.RECORD_UPDATED: self.taken_over,
            EventName.WORKFLOW_COMPLETED: int(self.completed),
            EventName.SESSION_CANCELLED: int(self.status is Status.CANCELLED),
        }

    def unfinished(self) -> Status:
        """Where the answers alone have come to."""
        return Status.STAGED if all(self.data.get(name) for name in REQUIRED) else Status.PENDING


@dataclass
class Model:
    """All registrations, the membership year, and whether the database is down. Each operation answers its error."""

    registrations: dict[str, Modelled] = field(default_factory=dict)
    year_is_open: bool = True
    down: bool = False

    def stage(self, session_id: str, data: Answers) -> None:
        new = Modelled(session_id, dict(data))
        new.status = new.unfinished()
        self.registrations[session_id] = new

    def update(self, one: Modelled, changes: Answers, *, seen: int) -> ErrorCode | None:
        if one.status in CLOSED:
            return W
        data = {**one.data, **changes}
        if data == one.data:
            return None
        if seen != one.version:
            return C
        one.linked = one.linked and data["user_business_id"] == one.data["user_business_id"]
        one.data, one.version, one.category = data, one.version + 1, None
        one.status = one.unfinished()
        return None

    def validate(self, one: Modelled) -> ErrorCode | None:
        if one.status in CLOSED:
            return W
        return X if self.down else self._validated(one)

    def decide(self, one: Modelled) -> ErrorCode | None:
        if one.status not in DECIDED | {Status.VALIDATED}:
            return W
        return X if self.down else self._decided(one)

    def link(self, one: Modelled, *, proved: bool = True) -> ErrorCode | None:
        if one.status not in DECIDED:
            return W
        if self.down:
            return X
        return self._link(one) if proved else P

    def create(self, one: Modelled, *, may_create: bool = True, close: bool = False) -> ErrorCode | None:
        if one.status not in LINKED | CREATED:
            return W
        if one.status not in CREATED:
            return self._created(one, close=close) if may_create else P
        if self.down:
            return X
        if close:
            one.complete()
        return None

    def execute(self, one: Modelled) -> ErrorCode | None:
        if one.status is Status.CANCELLED:
            return W
        if self.down and one.status not in LINKED:
            return X
        if one.status not in LINKED and one.record is not None and one.record == one.data:
            one.complete()
        for status, step in (
            (Status.PENDING, self._validated),
            (Status.STAGED, self._validated),
            (Status.VALIDATED, self._decided),
            (Status.CATEGORY_DETERMINED, self._link),
        ):
            if one.status is status and (error := step(one)):
                return error
        return self.create(one, close=True)

    def cancel(self, one: Modelled) -> ErrorCode | None:
        if one.status in CREATED:
            return W
        if one.status is Status.CANCELLED:
            return None
        if self.down:
            return X
        if one.record is not None:
            one.complete()
            return W
        one.status = Status.CANCELLED
        return None

    def extend(self, one: Modelled) -> ErrorCode | None:
        if one.status in CLOSED:
            return W
        one.extended += 1
        return None

    def _validated(self, one: Modelled) -> ErrorCode | None:
        if error := self._broken(one):
            one.status, one.category = one.unfinished(), None
            return error
        if one.status in {Status.PENDING, Status.STAGED}:
            one.status = Status.VALIDATED
        return None

    def _decided(self, one: Modelled) -> ErrorCode | None:
        one.category = self._category(one)
        one.status = Status.ACCOUNT_LINKED if one.linked else Status.CATEGORY_DETERMINED
        return None

    def _link(self, one: Modelled) -> ErrorCode | None:
        if self._stands_in_the_way(one):
            return C
        if one.status not in LINKED:
            one.status = Status.ACCOUNT_LINKED
        one.linked = True
        return None

    def _created(self, one: Modelled, *, close: bool) -> ErrorCode | None:
        if self.down:
            one.status = Status.CREATION_FAILED
            return X
        if one.record != one.data:
            if error := self._broken(one):
                one.status, one.category = one.unfinished(), None
                return error
            if one.category != self._category(one):
                one.status, one.category = Status.CATEGORY_DETERMINED, self._category(one)
                return C
        one.taken_over += one.record is not None and one.record != one.data
        one.record, one.status = dict(one.data), Status.EDUCATION_CREATED
        if close or one.completed:
            one.complete()
        return None

    def _broken(self, one: Modelled) -> ErrorCode | None:
        """The gravest of the rules that fail."""
        data = one.data
        if one.unfinished() is Status.PENDING:
            return V
        needs_number = data["coto_status"] == "general"
        if needs_number != (data.get("coto_registration") is not None):
            return B
        if data["university"] == "mcmaster" and data["country"] != "CA":
            return B
        return C if self._stands_in_the_way(one) else None

    def _stands_in_the_way(self, one: Modelled) -> bool:
        """Whether another record has the member number, or the COTO number."""
        others = [each.record for each in self.registrations.values() if each is not one and each.record is not None]
        number = one.data.get("coto_registration")
        return any(
            record["user_business_id"] == one.data["user_business_id"]
            or (number is not None and record.get("coto_registration") == number)
            for record in others
        )

    def _category(self, one: Modelled) -> str:
        if int(one.data["graduation_year"] or 0) > THIS_YEAR:
            return "graduated" if one.data["coto_status"] == "general" else "student"
        return "new_graduated" if self.year_is_open else "graduated"


THIS_YEAR = 2026
