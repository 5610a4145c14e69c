"""Registrations to store: one as real ones are, and any that there could be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from hypothesis import strategies as st

from wizard.core.category import CategoryDecision, Rationale, determine_category
from wizard.core.choices import EducationCategory
from wizard.core.education import FIELDS, EducationData
from wizard.core.errors import ErrorCode, Problem
from wizard.core.events import Event, EventName
from wizard.core.registration import Channel, Registration, Status, Validation
from wizard.core.rules import RULES, Facts, Outcome, RuleOutcome, evaluate

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
DATA = EducationData(
    user_business_id="osot-0000001",
    degree_type="masters",
    university="toronto",
    country="CA",
    graduation_year="2026",
    coto_status="general",
    coto_registration="G123456",
    access_modifier="private",
    notes="I changed my name in 2025.",
)


def a_registration(
    session_id: str | None = None,
    *,
    at: datetime = NOW,
    status: Status = Status.STAGED,
    number: str | None = "osot-0000001",
    email: str | None = None,
    life: timedelta = timedelta(hours=24),
) -> Registration:
    return Registration(
        session_id=session_id or str(uuid4()),
        status=status,
        created_at=at,
        updated_at=at,
        expires_at=at + life,
        created_by="applicant",
        updated_by="applicant",
        data=EducationData(user_business_id=number),
        contact_email=email,
    )


def an_event(name: EventName = EventName.EDUCATION_STAGED) -> Event:
    return Event(name, NOW, "applicant", "chain", operation_id=str(uuid4()), request_id=str(uuid4()))


def a_whole_registration() -> Registration:
    """Every answer given, all rules checked, the category decided, with the events of a review waiting."""
    outcomes = evaluate(Facts(DATA, NOW.date()))
    decision = determine_category(
        graduation_year="2026", coto_status="general", today=NOW.date(), membership_ends=date(2027, 9, 30)
    )
    whole = a_registration(email="graduate@example.org").with_data(DATA).with_outcomes(outcomes).with_category(decision)
    staged = an_event(EventName.EDUCATION_UPDATED)
    changes: dict[str, tuple[str | None, str | None]] = {"notes": (None, DATA.notes), "country": ("FR", "CA")}
    events = (
        Event(staged.name, NOW, "applicant", whole.session_id, request_id=staged.request_id, changes=changes),
        Event(EventName.EDUCATION_VALIDATED, NOW, "applicant", whole.session_id, request_id=staged.request_id),
        Event(EventName.CATEGORY_DETERMINED, NOW, "applicant", whole.session_id, details={"category": "student"}),
    )
    for event in events:
        whole = whole.with_event(event)
    return whole


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_name = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
_params = st.dictionaries(_text, _text, max_size=3)
_instants = st.datetimes(timezones=st.just(UTC))
_data = st.builds(EducationData, **dict.fromkeys(FIELDS, st.none() | _text))
_problems = st.lists(st.builds(Problem, st.sampled_from(ErrorCode), _text, st.none() | _text, _params), max_size=3).map(
    tuple
)
_any_outcomes = st.lists(st.builds(RuleOutcome, _text, _text, st.sampled_from(Outcome), _params), max_size=5).map(tuple)
_table_outcomes = st.lists(st.tuples(st.sampled_from(Outcome), _params), min_size=len(RULES), max_size=len(RULES)).map(
    lambda drawn: tuple(
        RuleOutcome(rule.id, rule.field, outcome, params) for rule, (outcome, params) in zip(RULES, drawn, strict=True)
    )
)
_decisions = st.builds(
    CategoryDecision,
    st.sampled_from(EducationCategory),
    st.builds(Rationale, st.lists(_text, max_size=2).map(tuple), _params),
    st.none() | st.dates(),
)
_events = st.builds(
    Event,
    st.sampled_from(EventName),
    _instants,
    _text,
    _name,
    privilege=st.none() | _text,
    session_id=st.none() | _name,
    sequence=st.none() | st.integers(0, 2**31),
    record_id=st.none() | _text,
    operation_id=st.none() | _text,
    request_id=st.none() | _text,
    details=_params,
    changes=st.dictionaries(_text, st.tuples(st.none() | _text, st.none() | _text), max_size=3),
)
ANY = {
    "session_id": st.uuids(version=4).map(str),
    "status": st.sampled_from(Status),
    "created_at": _instants,
    "updated_at": _instants,
    "expires_at": _instants,
    "created_by": _text,
    "updated_by": _text,
    "channel": st.sampled_from(Channel),
    "language": st.sampled_from(["en", "fr"]),
    "data": _data,
    "version": st.integers(1, 2**31),
    "revision": st.integers(0, 2**31),
    "contact_email": st.none() | _text,
    "account_id": st.none() | _text,
    "linked": st.booleans(),
    "validation": st.builds(Validation, _any_outcomes | _table_outcomes, st.none() | _decisions),
    "errors": _problems,
    "warnings": _problems,
    "flag": st.none() | _text,
    "failed": st.dictionaries(_text, st.integers(1, 2**31), max_size=3),
    "lives_long": st.booleans(),
    "chosen_ttl": st.none() | st.integers(1, 2**31),
    "reminded": st.booleans(),
    "record_id": st.none() | _text,
    "record_number": st.none() | _text,
    "durations": st.dictionaries(_text, st.integers(0, 2**31), max_size=3),
    "event_sequence": st.integers(0, 2**31),
    "events": st.lists(_events, max_size=3).map(tuple),
    "ended": st.booleans(),
}
any_registration = st.builds(Registration, **ANY)
