"""For the desk: accounts found by name, records counted by category, and the runs of the category refresh."""

from __future__ import annotations

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True)
IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DECIDING = ["graduation_year", "coto_status", "category"]
LIGATURES = str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ø": "o", "Ø": "o"})


def upgrade() -> None:
    op.add_column("accounts", sa.Column("name_key", KEY, nullable=False, server_default=sa.text("''")))
    accounts = sa.table("accounts", sa.column("id"), sa.column("name"), sa.column("name_key"))
    rows = op.get_bind().execute(sa.select(accounts.c.id, accounts.c.name)).all()
    keys = [{"of": row.id, "key": folded(row.name)} for row in rows]
    if keys:
        filled = sa.update(accounts).where(accounts.c.id == sa.bindparam("of")).values(name_key=sa.bindparam("key"))
        op.get_bind().execute(filled, keys)
    op.create_index(op.f(f"ix_education_records_{'_'.join(DECIDING)}"), "education_records", DECIDING)
    op.create_table(
        "category_refreshes",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("day", sa.Date()),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("privilege", sa.String()),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("membership_ends", sa.Date()),
        sa.Column("finished_at", INSTANT),
        sa.Column("moves", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category_refreshes")),
        sa.UniqueConstraint("day", name=op.f("uq_category_refreshes_day")),
    )


def downgrade() -> None:
    op.drop_table("category_refreshes")
    op.drop_index(op.f(f"ix_education_records_{'_'.join(DECIDING)}"), "education_records")
    op.drop_column("accounts", "name_key")


def folded(name: str) -> str:
    """As names were compared when this was written (core/spelling.py)."""
    decomposed = unicodedata.normalize("NFD", name.translate(LIGATURES))
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return re.sub(r"[\W_]+", " ", re.sub(r"[.'’]", "", bare)).strip().casefold()
