"""The tables of accounts, records and all that leads to them; the database itself guards what must be unique."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from wizard.core.accounts import AccountStatus, LinkKind
from wizard.core.actors import Privilege
from wizard.core.choices import AccessModifier, CotoStatus, DegreeType, EducationCategory, University
from wizard.core.records import VerificationState
from wizard.storage.schema import Identity, Key, Table, one_of
from wizard.storage.sealed_columns import Blind, Matched, Sealed, Words

DESK_PRIVILEGES = (Privilege.ADMIN, Privilege.MAIN)
# A record whose applicant was asked is stored as one that waits (repositories/verification_columns.py).
STORED_STATES = tuple(state for state in VerificationState if state is not VerificationState.ASKED)


class AccountRow(Table):
    """A member's account; `number_key`, `email_key` and `name_key` are those as they are compared."""

    __tablename__ = "accounts"
    __table_args__ = (
        one_of("status", AccountStatus),
        Index(None, "email_key"),
        Index(None, "status", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str]
    number_key: Mapped[str] = mapped_column(Key, unique=True)
    name: Mapped[str] = mapped_column(Sealed("accounts.name"))
    name_key: Mapped[str] = mapped_column(Words("accounts.name_key"), server_default=text("''"))
    email: Mapped[str] = mapped_column(Sealed("accounts.email"))
    email_key: Mapped[str] = mapped_column(Blind("accounts.email_key"), server_default=text("''"))
    status: Mapped[str]
    language: Mapped[str]
    created_at: Mapped[datetime]


class RecordRow(Table):
    """An education record: one per account, member number, COTO registration number and session."""

    __tablename__ = "education_records"
    __table_args__ = (
        one_of("degree_type", DegreeType),
        one_of("university", University),
        one_of("coto_status", CotoStatus),
        one_of("access_modifier", AccessModifier),
        one_of("category", EducationCategory),
        one_of("verification_state", STORED_STATES),
        CheckConstraint("length(country) = 2", name="country"),
        CheckConstraint("version >= 1", name="version"),
        Index(None, "graduation_year", "coto_status", "category"),
        Index(None, "verification_state", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), unique=True)
    session_id: Mapped[str] = mapped_column(unique=True)
    user_business_id: Mapped[str]
    user_business_key: Mapped[str] = mapped_column(Key, unique=True)
    degree_type: Mapped[str]
    university: Mapped[str]
    other_details: Mapped[str | None] = mapped_column(Sealed("education_records.other_details"))
    country: Mapped[str]
    graduation_year: Mapped[str]
    coto_status: Mapped[str]
    coto_registration: Mapped[str | None] = mapped_column(Matched("education_records.coto_registration"), unique=True)
    access_modifier: Mapped[str]
    notes: Mapped[str | None] = mapped_column(Sealed("education_records.notes"))
    category: Mapped[str]
    category_codes: Mapped[list[str]]
    category_params: Mapped[dict[str, str]]
    verification_state: Mapped[str]
    verification_reasons: Mapped[list[str]]
    declaration_version: Mapped[str]
    declared_at: Mapped[datetime]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int]


class CounterRow(Table):
    """The last number given out of a kind; it only ever grows, so no number comes twice."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(Identity)


class CodeRow(Table):
    """The code that a registration waits for; without an account where there is none of that number."""

    __tablename__ = "proof_codes"
    __table_args__ = (CheckConstraint("tries_left >= 0", name="tries_left"),)

    session_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    digest: Mapped[str]
    expires_at: Mapped[datetime]
    tries_left: Mapped[int]


class LinkRow(Table):
    """A link to continue, known by a digest of its token."""

    __tablename__ = "resume_links"
    __table_args__ = (one_of("kind", LinkKind), Index(None, "session_id", "serial"))

    # Says which is newer, also of two made at the same instant.
    serial: Mapped[int] = mapped_column(Identity, primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    session_id: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    created_by: Mapped[str]
    times_used: Mapped[int]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class StaffRow(Table):
    """Somebody of the desk; `username_key` is the username as it is compared."""

    __tablename__ = "staff"
    __table_args__ = (one_of("privilege", DESK_PRIVILEGES),)

    id: Mapped[str] = mapped_column(primary_key=True)
    username: Mapped[str]
    username_key: Mapped[str] = mapped_column(Key, unique=True)
    name: Mapped[str]
    password_hash: Mapped[str | None]
    privilege: Mapped[str]
    active: Mapped[bool]
    epoch: Mapped[int]


class StaffIdentityRow(Table):
    """Whom an identity provider knows somebody of the desk as."""

    __tablename__ = "staff_identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    issuer: Mapped[str]
    subject: Mapped[str]
    email: Mapped[str | None]


class SecondFactorRow(Table):
    """The key that somebody of the desk shares with an authenticator app, sealed; `last_step` was used last."""

    __tablename__ = "second_factors"

    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    sealed: Mapped[bytes]
    added_at: Mapped[datetime]
    last_step: Mapped[int] = mapped_column(BigInteger)


class RecoveryCodeRow(Table):
    """A code that stands in once for the authenticator app, known by a digest."""

    __tablename__ = "recovery_codes"

    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    used_at: Mapped[datetime | None]


class ApiTokenRow(Table):
    """What another system calls with, known by a digest; an owner's is bound to an account."""

    __tablename__ = "api_tokens"
    __table_args__ = (
        one_of("privilege", Privilege),
        CheckConstraint("(privilege = 'owner') = (account_id IS NOT NULL)", name="account"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Key, unique=True)
    digest: Mapped[str] = mapped_column(unique=True)
    privilege: Mapped[str]
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class MembershipYearRow(Table):
    """The membership year's last day as it was set; the newest row holds, the others are its history."""

    __tablename__ = "membership_years"

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    ends_on: Mapped[date | None]
    set_by: Mapped[str]
    set_at: Mapped[datetime]


class RefreshRow(Table):
    """A run of the category refresh; one for each day on which it was due. `moves` counts by `before>after`."""

    __tablename__ = "category_refreshes"

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    day: Mapped[date | None] = mapped_column(unique=True)
    started_by: Mapped[str]
    privilege: Mapped[str | None]
    started_at: Mapped[datetime]
    membership_ends: Mapped[date | None]
    finished_at: Mapped[datetime | None]
    moves: Mapped[dict[str, int]] = mapped_column(JSON)
    request_id: Mapped[str | None]
