"""Whose a sealed row is, by a digest: a person is found without opening what is everybody's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SEALED = ("outbox", "bulk_rows")
# What was once typed as a member number, and what was searched for.
FIELDS = {
    "ix_audit_values_number": ("user_business_id", "lower(after)"),
    "ix_audit_values_search": ("search", "event_id"),
}


def upgrade() -> None:
    for table in SEALED:
        op.add_column(table, sa.Column("whose", sa.String()))
        op.create_index(op.f(f"ix_{table}_whose"), table, ["whose"])
    for name, (field, indexed) in FIELDS.items():
        these = sa.text(f"field = '{field}'")
        op.create_index(name, "audit_values", [sa.text(indexed)], sqlite_where=these, postgresql_where=these)


def downgrade() -> None:
    for name in FIELDS:
        op.drop_index(name, "audit_values")
    for table in SEALED:
        op.drop_index(op.f(f"ix_{table}_whose"), table)
        op.drop_column(table, "whose")
