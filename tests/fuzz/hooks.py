"""What the fuzzer is told that no document can say."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4
from zlib import crc32

import schemathesis
from hypothesis import strategies
from schemathesis import Case, GenerationMode, HookContext
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response
from schemathesis.generation.meta import TestPhase

from tests.fuzz.fuzzing import CALLS
from tests.fuzz.places import CORRECTION, Place, Places, answers_of
from wizard.commands import base
from wizard.web.api.calling import IDEMPOTENCY_KEY
from wizard.web.mail_addresses import is_address

# The format of the document names a syntax wider than that of the addresses that mail reaches.
schemathesis.openapi.format("email", strategies.emails().filter(is_address))

# Of a key, so that it has room for what makes it new.
_KEPT_OF_A_KEY = 218


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
    """What is no accident: keys of calls are new, and three calls in four are about what is there, each its own."""
    if case.meta is None:
        return
    chance = _chance(case)
    if IDEMPOTENCY_KEY in (case.headers or {}) and not case.meta.is_negative_at(ParameterLocation.HEADER):
        case.headers[IDEMPOTENCY_KEY] = f"{case.headers[IDEMPOTENCY_KEY][:_KEPT_OF_A_KEY]} {uuid4()}"
    if not chance % 4:
        return
    # One call after the other goes where the answers before it lead.
    if case.meta.phase.name is not TestPhase.STATEFUL and not case.meta.is_negative_at(ParameterLocation.PATH):
        _at_a_place(case, _places().made_for(_operation(case), chance // 4))
    if chance % 2 and _is_valid(case):
        _that_every_rule_lets_pass(case)


@schemathesis.hook
def after_call(_context: HookContext, case: Case[Any], response: Response) -> None:
    """Each call with what fits the document is written down, with its status."""
    if _is_valid(case):
        with _calls().open("a", encoding="utf-8") as calls:
            calls.write(f"{_operation(case)} {response.status_code}\n")


def _at_a_place(case: Case[Any], place: Place | None) -> None:
    """What was made up gives way to what is there; what does not fit the document stays."""
    if place is None:
        return
    case.path_parameters[place.parameter] = place.id
    if not _is_valid(case):
        return
    if "If-Match" in case.headers:
        case.headers["If-Match"] = f'"{place.tag}"'
    if isinstance(case.body, dict):
        there: dict[str, Any] = {"version": place.version, "accountId": place.account_id}
        case.body |= {name: value for name, value in there.items() if name in case.body}


def _that_every_rule_lets_pass(case: Case[Any]) -> None:
    """A session that can go all the way, a correction that can be made, an account that can be found."""
    match _operation(case), case.body:
        case "stage", dict():
            member = _places().member()
            case.body |= {"educationData": answers_of(member), "accountId": member.id}
        case "correctRecord", dict():
            case.body["educationData"] = dict(CORRECTION)
        case "accounts", _:
            case.query["memberNumber"] = _places().member().number


def _operation(case: Case[Any]) -> str:
    return str(case.operation.definition.raw["operationId"])


def _is_valid(case: Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE


def _chance(case: Case[Any]) -> int:
    """The same for the same, so that a failure can be had again."""
    sent = [case.path_parameters, case.query, dict(case.headers or {}), case.body]
    return crc32(json.dumps(sent, sort_keys=True, default=str).encode())


@cache
def _places() -> Places:
    return Places(base.services())


@cache
def _calls() -> Path:
    return Path(os.environ[CALLS])
