"""Staff who sign in with an identity provider, and need no password."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STAFF = sa.table("staff", sa.column("password_hash", sa.String()), sa.column("former_hash", sa.String()))
# Of no password: what nothing hashes to.
NOTHING = "!"


def upgrade() -> None:
    _exchange_password_column(nullable=True)
    op.create_table(
        "staff_identities",
        sa.Column("staff_id", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("email", sa.String()),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_identities_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_identities")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_staff_identities_issuer_subject")),
    )


def downgrade() -> None:
    op.drop_table("staff_identities")
    op.execute(sa.update(STAFF).where(STAFF.c.password_hash.is_(None)).values(password_hash=NOTHING))
    _exchange_password_column(nullable=False)


def _exchange_password_column(*, nullable: bool) -> None:
    """Another column with the same values: SQLite changes none, and what points to a table forbids to copy it."""
    op.execute("ALTER TABLE staff RENAME COLUMN password_hash TO former_hash")
    default = None if nullable else NOTHING
    op.add_column("staff", sa.Column("password_hash", sa.String(), nullable=nullable, server_default=default))
    op.execute(sa.update(STAFF).values(password_hash=STAFF.c.former_hash))
    op.drop_column("staff", "former_hash")
