"""What calls can be about: sessions at every step, records, bulk registrations, members; each made for one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pydantic.alias_generators import to_snake

from tests.support.api import DATA
from wizard.core.accounts import Account
from wizard.core.actors import Actor, Privilege
from wizard.core.registration import Channel
from wizard.services.accounts import NewAccount
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call, Staging

_CALL = Call(Actor.staff("fuzzer", Privilege.MAIN))
_ALL_STEPS = 4
_BEFORE_ITS_RECORD = 3
# Between how many steps a session has behind it, when an operation on it can be accepted.
_STEPS_BEHIND = {
    "getSession": (0, _ALL_STEPS),
    "update": (0, _BEFORE_ITS_RECORD),
    "extend": (0, _BEFORE_ITS_RECORD),
    "cancel": (0, _BEFORE_ITS_RECORD),
    "validate": (0, _BEFORE_ITS_RECORD),
    "determineCategory": (1, _BEFORE_ITS_RECORD),
    "linkAccount": (2, _BEFORE_ITS_RECORD),
    "create": (3, _ALL_STEPS),
    "executeWorkflow": (0, _ALL_STEPS),
}
# Of a record with these answers; every rule passes.
CORRECTION = {"degreeType": "doctorate"}
_OF_A_RECORD = frozenset({"getRecord", "correctRecord", "deleteRecord"})


@dataclass(frozen=True, slots=True)
class Place:
    """Something that is there: the parameter that names it, and what a call may have to say of it."""

    parameter: str
    id: str
    tag: str = ""
    version: int = 1
    account_id: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """Makes them on the site whose services these are."""

    services: Services

    def member(self) -> Account:
        """A member without a record, whom no other call is about."""
        new = NewAccount(name="Vera Lure", email=f"{uuid4().hex}@example.org")
        return self.services.accounts.add(_CALL, new)

    def made_for(self, operation: str, chance: int) -> Place | None:
        """Where a call of an operation can be accepted, one of the ways; None where it is about nothing that is."""
        if operation in _STEPS_BEHIND:
            least, most = _STEPS_BEHIND[operation]
            return self._session(least + chance % (most - least + 1))
        if operation in _OF_A_RECORD:
            return self._record()
        return self._bulk() if operation == "getBulk" else None

    def _session(self, steps: int) -> Place:
        orchestrator, member = self.services.orchestrator, self.member()
        result = orchestrator.stage(_CALL, Staging(data=_answers(member), channel=Channel.API))
        session_id = result.registration.session_id
        in_order = (
            orchestrator.validate,
            orchestrator.determine_category,
            orchestrator.link_account,
            orchestrator.create,
        )
        for step in in_order[:steps]:
            result = step(_CALL, session_id)
        now = result.registration
        return Place("sessionId", session_id, now.tag, now.version, member.id)

    def _record(self) -> Place:
        place = self._session(_ALL_STEPS)
        record = self.services.orchestrator.create(_CALL, place.id).record
        assert record is not None
        return Place("recordId", record.id, record.tag, record.version, record.account_id)

    def _bulk(self) -> Place:
        return Place("bulkId", self.services.bulk.load_values(_CALL, [_answers(self.member())]).id)


def answers_of(member: Account) -> dict[str, Any]:
    """What they would answer, as it is sent; every rule passes."""
    return {**DATA, "userBusinessId": member.number}


def _answers(member: Account) -> dict[str, Any]:
    return {to_snake(name): value for name, value in answers_of(member).items()}
