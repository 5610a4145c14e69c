"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COUNTERS = ("osot", "osot-oted")
REFUSAL = "the audit trail is append-only"

INSTANT = sa.DateTime(timezone=True)
IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    _accounts()
    _education_records()
    _counters()
    _proof_codes()
    _resume_links()
    _staff()
    _membership_years()
    _audit_trail()
    _outbox()


def downgrade() -> None:
    for table in (
        "outbox",
        "audit_values",
        "audit_heads",
        "audit_events",
        "membership_years",
        "staff",
        "resume_links",
        "proof_codes",
        "counters",
        "education_records",
        "accounts",
    ):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_audit_trail()")


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("number_key", KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("status IN ('active', 'inactive', 'pending')", name=op.f("ck_accounts_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("number_key", name=op.f("uq_accounts_number_key")),
    )


def _education_records() -> None:
    op.create_table(
        "education_records",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("user_business_id", sa.String(), nullable=False),
        sa.Column("user_business_key", KEY, nullable=False),
        sa.Column("degree_type", sa.String(), nullable=False),
        sa.Column("university", sa.String(), nullable=False),
        sa.Column("other_details", sa.String()),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("graduation_year", sa.String(), nullable=False),
        sa.Column("coto_status", sa.String(), nullable=False),
        sa.Column("coto_registration", sa.String()),
        sa.Column("access_modifier", sa.String(), nullable=False),
        sa.Column("notes", sa.String()),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("category_codes", sa.JSON(), nullable=False),
        sa.Column("category_params", sa.JSON(), nullable=False),
        sa.Column("verification_state", sa.String(), nullable=False),
        sa.Column("verification_reasons", sa.JSON(), nullable=False),
        sa.Column("declaration_version", sa.String(), nullable=False),
        sa.Column("declared_at", INSTANT, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *_record_constraints(),
    )


def _record_constraints() -> list[sa.Constraint]:
    slugs = {
        "degree_type": "'other', 'diploma_credential', 'bachelors', 'masters', 'doctorate'",
        "university": "'other', 'not_applicable', 'mcmaster', 'queens', 'ottawa', 'toronto', 'western'",
        "coto_status": "'other', 'student', 'pending', 'provisional_temporary', 'general', 'resigned'",
        "access_modifier": "'public', 'protected', 'private'",
        "category": "'graduated', 'student', 'new_graduated'",
        "verification_state": "'not_required', 'waiting', 'verified', 'rejected'",
    }
    unique = ("number", "account_id", "session_id", "user_business_key", "coto_registration")
    return [
        sa.PrimaryKeyConstraint("id", name=op.f("pk_education_records")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_education_records_account_id")),
        *(sa.UniqueConstraint(column, name=op.f(f"uq_education_records_{column}")) for column in unique),
        *(
            sa.CheckConstraint(f"{column} IN ({allowed})", name=op.f(f"ck_education_records_{column}"))
            for column, allowed in slugs.items()
        ),
        sa.CheckConstraint("length(country) = 2", name=op.f("ck_education_records_country")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_education_records_version")),
    ]


def _counters() -> None:
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", IDENTITY, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.bulk_insert(counters, [{"name": name, "value": 0} for name in COUNTERS])


def _proof_codes() -> None:
    op.create_table(
        "proof_codes",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String()),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.CheckConstraint("tries_left >= 0", name=op.f("ck_proof_codes_tries_left")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_proof_codes_account_id")),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_proof_codes")),
        sa.UniqueConstraint("id", name=op.f("uq_proof_codes_id")),
    )


def _resume_links() -> None:
    op.create_table(
        "resume_links",
        sa.Column("serial", IDENTITY, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("times_used", sa.Integer(), nullable=False),
        sa.Column("last_used_at", INSTANT),
        sa.Column("revoked_at", INSTANT),
        sa.CheckConstraint("kind IN ('applicant', 'staff')", name=op.f("ck_resume_links_kind")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_resume_links")),
        sa.UniqueConstraint("id", name=op.f("uq_resume_links_id")),
        sa.UniqueConstraint("digest", name=op.f("uq_resume_links_digest")),
    )
    op.create_index(op.f("ix_resume_links_session_id_serial"), "resume_links", ["session_id", "serial"])


def _staff() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("username_key", KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("privilege", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.CheckConstraint("privilege IN ('admin', 'main')", name=op.f("ck_staff_privilege")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("username_key", name=op.f("uq_staff_username_key")),
    )


def _membership_years() -> None:
    op.create_table(
        "membership_years",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("ends_on", sa.Date()),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership_years")),
    )


def _audit_trail() -> None:
    _audit_events()
    op.create_table(
        "audit_values",
        sa.Column("event_id", IDENTITY, nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("before", sa.String()),
        sa.Column("after", sa.String()),
        sa.ForeignKeyConstraint(["event_id"], ["audit_events.id"], name=op.f("fk_audit_values_event_id")),
        sa.PrimaryKeyConstraint("event_id", "field", name=op.f("pk_audit_values")),
    )
    op.create_table(
        "audit_heads",
        sa.Column("chain", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("last", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("mac", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_heads")),
        sa.UniqueConstraint("ordinal", name=op.f("uq_audit_heads_ordinal")),
    )
    _append_only()


def _append_only() -> None:
    """The database itself refuses to change or remove rows of the trail, and to remove heads, which only grow."""
    refused = {"audit_events": ("UPDATE", "DELETE"), "audit_heads": ("DELETE",)}
    if op.get_context().dialect.name == "sqlite":
        for table, changes in refused.items():
            for change in changes:
                op.execute(
                    f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table}"
                    f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION refuse_change_of_audit_trail() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table, changes in refused.items():
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE {' OR '.join((*changes, 'TRUNCATE'))} ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_trail()"
        )


def _audit_events() -> None:
    once = ["session_id", "sequence", "name", "operation_id"]
    op.create_table(
        "audit_events",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("chain", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("privilege", sa.String()),
        sa.Column("session_id", sa.String()),
        sa.Column("sequence", sa.Integer()),
        sa.Column("record_id", sa.String()),
        sa.Column("operation_id", sa.String()),
        sa.Column("request_id", sa.String()),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("mac", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
        sa.UniqueConstraint("chain", "position", name=op.f("uq_audit_events_chain_position")),
        sa.UniqueConstraint(*once, name=op.f("uq_audit_events_session_id_sequence_name_operation_id")),
        sa.CheckConstraint("sequence IS NULL OR operation_id IS NOT NULL", name=op.f("ck_audit_events_operation")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_events_record_id"), "audit_events", ["record_id"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("claimed_until", INSTANT),
        sa.Column("delivered_at", INSTANT),
        sa.Column("reason", sa.String()),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'given_up', 'suppressed')", name=op.f("ck_outbox_state")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_outbox_attempts")),
        sa.CheckConstraint("state <> 'waiting' OR sealed IS NOT NULL", name=op.f("ck_outbox_sealed")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index(op.f("ix_outbox_state_due_at"), "outbox", ["state", "due_at"])
