"""What the fuzzer is told that no document can say."""

from __future__ import annotations

import json
import os
from typing import Any
from uuid import uuid4
from zlib import crc32

import schemathesis
from hypothesis import strategies
from schemathesis import Case, GenerationMode, HookContext

from tests.fuzz.fuzzing import ACCOUNTS
from tests.support.api import DATA
from wizard.web.api.calling import IDEMPOTENCY_KEY
from wizard.web.mail_addresses import is_address

# The format of the document names a syntax wider than that of the addresses that mail reaches.
schemathesis.openapi.format("email", strategies.emails().filter(is_address))

_LONGEST_MADE_NEW = 200


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
    """Two things that are no accident: keys of calls are new, and some people are members."""
    if case.headers and 0 < len(case.headers.get(IDEMPOTENCY_KEY, "")) < _LONGEST_MADE_NEW:
        case.headers[IDEMPOTENCY_KEY] += f" {uuid4()}"
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    operation = case.operation.definition.raw.get("operationId")
    if operation == "stage" and isinstance(case.body, dict):
        _of_a_member(case.body)
    if operation == "accounts" and (member := _member(case.query)):
        case.query["memberNumber"] = member[0]


def _of_a_member(body: dict[str, Any]) -> None:
    """Every other session that fits is one that can go all the way."""
    if member := _member(body):
        number, account_id = member
        body |= {"educationData": {**DATA, "userBusinessId": number}, "accountId": account_id}


def _member(sent: object) -> tuple[str, str] | None:
    """Who it is about, one time in two; the same for the same, so that a failure can be had again."""
    chance = crc32(json.dumps(sent, sort_keys=True, default=str).encode())
    members = list(json.loads(os.environ[ACCOUNTS]).items())
    return members[chance // 2 % len(members)] if chance % 2 else None
