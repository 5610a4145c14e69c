"""Answers and registrations for the tests of the domain, and Hypothesis strategies for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

from hypothesis import strategies as st

from wizard.core.category import CategoryDecision, determine_category
from wizard.core.education import FIELDS, EducationData
from wizard.core.registration import Lifetimes, Registration, Status, Validation
from wizard.core.rules import Facts, evaluate

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
MEMBERSHIP_ENDS = date(2027, 9, 30)
LIFETIMES = Lifetimes(after_change=timedelta(hours=24), once_linked=timedelta(days=14), at_most=timedelta(days=30))
SESSION_ID = "0b6f4a9e-3f5c-4c0e-9a55-0d2f6f6a1c11"

# A graduate of this year from an Ontario school, not registered yet: every rule passes, none warns.
COMPLETE = EducationData(
    user_business_id="osot-0000042",
    degree_type="masters",
    university="mcmaster",
    country="CA",
    graduation_year="2026",
    coto_status="pending",
    access_modifier="private",
)


def complete(**changes: str | None) -> EducationData:
    """The complete answers with some replaced, as they stand: not normalised."""
    return replace(COMPLETE, **changes)


def decision_for(data: EducationData, *, membership_ends: date | None = MEMBERSHIP_ENDS) -> CategoryDecision:
    """The category of answers today."""
    return determine_category(
        graduation_year=data.graduation_year or "",
        coto_status=data.coto_status or "",
        today=TODAY,
        membership_ends=membership_ends,
    )


@cache
def registration(status: Status = Status.STAGED, data: EducationData = COMPLETE) -> Registration:
    """A registration that has come to a status the ordinary way, as far as it holds anything there."""
    new = Registration(
        session_id=SESSION_ID,
        status=Status.PENDING,
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW + LIFETIMES.after_change,
        created_by="applicant",
        updated_by="applicant",
        data=data,
        contact_email="grace.graduate@university.example",
    )
    staged = replace(new, status=Status.STAGED)
    validated = staged.with_outcomes(evaluate(Facts(data, TODAY)))
    decided = validated.with_category(decision_for(COMPLETE))
    linked = decided.with_account("account-42")
    created = linked.with_record("record-7", "osot-oted-0000007")
    return {
        Status.PENDING: new,
        Status.STAGED: staged,
        Status.VALIDATED: validated,
        Status.CATEGORY_DETERMINED: decided,
        Status.ACCOUNT_LINKED: linked,
        Status.CREATION_FAILED: replace(linked, status=Status.CREATION_FAILED),
        Status.EDUCATION_CREATED: created,
        Status.WORKFLOW_COMPLETED: created.as_tombstone(Status.WORKFLOW_COMPLETED),
        Status.CANCELLED: linked.as_tombstone(Status.CANCELLED),
    }[status]


BEFORE_CREATION = (
    Status.PENDING,
    Status.STAGED,
    Status.VALIDATED,
    Status.CATEGORY_DETERMINED,
    Status.ACCOUNT_LINKED,
    Status.CREATION_FAILED,
)

# --- Strategies -------------------------------------------------------------------------------------------

DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2040, 12, 31))
COTO_STATUSES = st.sampled_from(["other", "student", "pending", "provisional_temporary", "general", "resigned"])
UNIVERSITIES = st.sampled_from(["other", "not_applicable", "mcmaster", "queens", "ottawa", "toronto", "western"])
YEARS = st.sampled_from(["pre-1960", "1960-1969", "1970-1979"]) | st.integers(1980, 2043).map(str)
PRINTABLE = st.characters(exclude_categories=["Cc", "Cs"])


def _answer(valid: st.SearchStrategy[str], wrong: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.one_of(valid, valid, valid, st.none(), wrong)


_JUNK = st.text(PRINTABLE, max_size=12)
ANSWERS: dict[str, st.SearchStrategy[str | None]] = {
    "user_business_id": _answer(st.from_regex(r"[A-Za-z0-9_-]{1,21}", fullmatch=True), _JUNK),
    "degree_type": _answer(
        st.sampled_from(["other", "diploma_credential", "bachelors", "masters", "doctorate"]), _JUNK
    ),
    "university": _answer(UNIVERSITIES, _JUNK),
    "other_details": _answer(st.text(PRINTABLE, max_size=102), st.text("é ", min_size=99, max_size=102)),
    "country": _answer(
        st.sampled_from(["CA", "CA", "US", "FR", "ZW"]), _JUNK.filter(lambda text: len(text) != 2) | st.just("XX")
    ),
    "graduation_year": _answer(YEARS, _JUNK | st.from_regex(r"[0-9]{3,5}", fullmatch=True)),
    "coto_status": _answer(COTO_STATUSES, _JUNK),
    "coto_registration": _answer(st.from_regex(r"[A-Z0-9]{1,9}", fullmatch=True), _JUNK),
    "access_modifier": _answer(st.sampled_from(["public", "protected", "private"]), _JUNK),
    "notes": _answer(st.text(PRINTABLE, max_size=30), st.integers(998, 1002).map("n".__mul__)),
}
EDUCATION = st.builds(EducationData, **ANSWERS)
# What a person may send in any field, control characters and all.
TYPED = st.dictionaries(st.sampled_from(FIELDS), st.none() | st.text(), max_size=len(FIELDS))


@st.composite
def registrations(draw: st.DrawFn) -> Registration:
    """Registrations before creation, in every state that the transitions allow."""
    status = draw(st.sampled_from(BEFORE_CREATION))
    data = draw(EDUCATION)
    if any(name in registration(data=data).missing() for name in FIELDS):
        status = Status.PENDING
    elif status is Status.PENDING:
        status = Status.STAGED
    linked = status in {Status.ACCOUNT_LINKED, Status.CREATION_FAILED} or draw(st.booleans())
    asked = draw(st.none() | st.just("account-42"))
    made = replace(
        registration(data=COMPLETE),
        status=status,
        data=data,
        account_id="account-42" if linked else asked,
        linked=linked,
        validation=Validation() if status in {Status.PENDING, Status.STAGED} else registration(status).validation,
        version=draw(st.integers(1, 5)),
    )
    return replace(made, lives_long=draw(st.booleans()), flag=draw(st.none() | st.just("account.one_record")))
