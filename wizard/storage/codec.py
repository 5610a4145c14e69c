"""A registration as bytes and back: MessagePack in the shape of `document.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from zlib import crc32

import msgspec

from wizard.core.category import CategoryDecision, Rationale
from wizard.core.education import EducationData
from wizard.core.errors import Problem
from wizard.core.events import Event
from wizard.core.registration import Registration, Validation
from wizard.core.rules import RULES, Outcome, RuleOutcome
from wizard.storage.document import (
    DATA_KEYS,
    DATA_NAMES,
    FORMAT,
    StoredDecision,
    StoredDocument,
    StoredEvent,
    StoredOutcome,
    StoredProblem,
    StoredValidation,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Undecodable(ValueError):
    """Not a registration as this version writes them."""


_RESHAPED = frozenset({"created_at", "updated_at", "expires_at", "data", "validation", "errors", "warnings", "events"})
# The key under which it is stored says the session id, and the prefix of the value the revision.
_OUTSIDE = frozenset({"session_id", "revision"})
_AS_IT_IS = tuple(field.name for field in fields(Registration) if field.name not in _RESHAPED | _OUTSIDE)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(StoredDocument)


def microseconds(instant: datetime) -> int:
    """An instant as a whole number, exact in a double as well (the scores of the indexes)."""
    return (instant - _EPOCH) // _MICROSECOND


def encode(registration: Registration) -> bytes:
    """The document without its session id and revision, which stand outside of it."""
    document = StoredDocument(
        format=FORMAT,
        created_at=microseconds(registration.created_at),
        updated_at=microseconds(registration.updated_at),
        expires_at=microseconds(registration.expires_at),
        data={DATA_KEYS[name]: value for name, value in registration.data.as_dict().items() if value is not None},
        validation=_validation_out(registration.validation),
        errors=_problems_out(registration.errors),
        warnings=_problems_out(registration.warnings),
        events=[_event_out(event, registration.session_id) for event in registration.events],
        **{name: getattr(registration, name) for name in _AS_IT_IS},
    )
    return _encoder.encode(document)


def decode(encoded: bytes, *, session_id: str, revision: int) -> Registration:
    """The registration; raises `Undecodable`."""
    try:
        document = _decoder.decode(encoded)
    except (msgspec.DecodeError, ValueError) as error:
        raise Undecodable("not a registration") from error
    if document.format != FORMAT:
        raise Undecodable(f"written in format {document.format}, read in format {FORMAT}")
    try:
        return _registration(document, session_id, revision)
    except (KeyError, OverflowError) as error:
        raise Undecodable("not a registration of this version") from error


def _registration(document: StoredDocument, session_id: str, revision: int) -> Registration:
    return Registration(
        session_id=session_id,
        revision=revision,
        created_at=instant_of(document.created_at),
        updated_at=instant_of(document.updated_at),
        expires_at=instant_of(document.expires_at),
        data=EducationData(**{DATA_NAMES[short]: value for short, value in document.data.items()}),
        validation=_validation_in(document.validation),
        errors=_problems_in(document.errors),
        warnings=_problems_in(document.warnings),
        events=tuple(_event_in(event, session_id) for event in document.events),
        **{name: getattr(document, name) for name in _AS_IT_IS},
    )


def instant_of(count: int) -> datetime:
    """The instant that `microseconds` made a number of."""
    return _EPOCH + count * _MICROSECOND


# Outcomes: what passed is left out, and read from the table of rules again.

_TABLE = crc32(" ".join(f"{rule.id}={rule.field}" for rule in RULES).encode())
_ORDER = [(rule.id, rule.field) for rule in RULES]


def _validation_out(validation: Validation) -> StoredValidation | None:
    if validation == Validation():
        return None
    outcomes = validation.outcomes
    whole = [(outcome.rule, outcome.field) for outcome in outcomes] == _ORDER
    return StoredValidation(
        noted=[
            StoredOutcome(each.rule, each.outcome, dict(each.params), "" if whole else each.field)
            for each in outcomes
            if not whole or each.outcome is not Outcome.PASSED or each.params
        ],
        table=_TABLE if whole else None,
        decision=_decision_out(validation.decision),
    )


def _validation_in(stored: StoredValidation | None) -> Validation:
    if stored is None:
        return Validation()
    return Validation(_outcomes_in(stored), _decision_in(stored.decision))


def _outcomes_in(stored: StoredValidation) -> tuple[RuleOutcome, ...]:
    if stored.table is None:
        return tuple(RuleOutcome(each.rule, each.field, each.outcome, each.params) for each in stored.noted)
    # Where the rules have changed since, what is not noted may never have been checked: no pass is made up.
    unsaid = Outcome.PASSED if stored.table == _TABLE else Outcome.NOT_CHECKED
    noted = {each.rule: each for each in stored.noted}
    return tuple(
        RuleOutcome(rule.id, rule.field, noted[rule.id].outcome, noted[rule.id].params)
        if rule.id in noted
        else RuleOutcome(rule.id, rule.field, unsaid)
        for rule in RULES
    )


def _decision_out(decision: CategoryDecision | None) -> StoredDecision | None:
    if decision is None:
        return None
    rationale = decision.rationale
    return StoredDecision(decision.category, list(rationale.codes), dict(rationale.params), decision.membership_ends)


def _decision_in(stored: StoredDecision | None) -> CategoryDecision | None:
    if stored is None:
        return None
    return CategoryDecision(stored.category, Rationale(tuple(stored.codes), stored.params), stored.membership_ends)


def _problems_out(problems: Iterable[Problem]) -> list[StoredProblem]:
    return [StoredProblem(each.code, each.message, each.field, dict(each.params)) for each in problems]


def _problems_in(stored: Iterable[StoredProblem]) -> tuple[Problem, ...]:
    return tuple(Problem(each.code, each.message, each.field, each.params) for each in stored)


_EVENT_AS_IT_IS = ("name", "actor", "privilege", "sequence", "record_id", "operation_id", "request_id")


def _event_out(event: Event, session_id: str) -> StoredEvent:
    return StoredEvent(
        at=microseconds(event.at),
        chain=_unless(session_id, event.chain) or "",
        session_id=_unless(session_id, event.session_id),
        details=dict(event.details),
        changes=dict(event.changes),
        **{name: getattr(event, name) for name in _EVENT_AS_IT_IS},
    )


def _event_in(stored: StoredEvent, session_id: str) -> Event:
    changes: Mapping[str, tuple[str | None, str | None]] = stored.changes
    return Event(
        at=instant_of(stored.at),
        chain=stored.chain or session_id,
        session_id=session_id if stored.session_id == "" else stored.session_id,
        details=stored.details,
        changes=changes,
        **{name: getattr(stored, name) for name in _EVENT_AS_IT_IS},
    )


def _unless(own: str, value: str | None) -> str | None:
    return "" if value == own else value
