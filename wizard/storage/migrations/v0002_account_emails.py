"""Accounts found by their e-mail address, and those that wait for the desk in the order in which they came."""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("accounts", sa.Column("email_key", KEY, nullable=False, server_default=sa.text("''")))
    accounts = sa.table("accounts", sa.column("id"), sa.column("email"), sa.column("email_key"))
    rows = op.get_bind().execute(sa.select(accounts.c.id, accounts.c.email)).all()
    keys = [{"of": row.id, "key": unicodedata.normalize("NFC", row.email.strip()).casefold()} for row in rows]
    if keys:
        filled = sa.update(accounts).where(accounts.c.id == sa.bindparam("of")).values(email_key=sa.bindparam("key"))
        op.get_bind().execute(filled, keys)
    op.create_index(op.f("ix_accounts_email_key"), "accounts", ["email_key"])
    op.create_index(op.f("ix_accounts_status_created_at_id"), "accounts", ["status", "created_at", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_accounts_status_created_at_id"), "accounts")
    op.drop_index(op.f("ix_accounts_email_key"), "accounts")
    op.drop_column("accounts", "email_key")
