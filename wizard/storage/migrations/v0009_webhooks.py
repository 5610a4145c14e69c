"""Events for other systems in the outbox, in their order; every try noted; what is given up kept for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEW = ("medium", "stream", "record_id", "event_id", "erase_at")
BEFORE, DUE = ["state", "due_at"], ["medium", "state", "due_at"]
OTHERS = (["stream", "event_id"], ["record_id", "event_id"], ["erase_at"])


def upgrade() -> None:
    op.add_column("outbox", sa.Column("medium", sa.String(), nullable=False, server_default=sa.text("'mail'")))
    op.add_column("outbox", sa.Column("stream", sa.String()))
    op.add_column("outbox", sa.Column("record_id", sa.String()))
    op.add_column("outbox", sa.Column("event_id", sa.BigInteger()))
    op.add_column("outbox", sa.Column("erase_at", INSTANT))
    op.drop_index(_named(BEFORE), "outbox")
    for columns in (DUE, *OTHERS):
        op.create_index(_named(columns), "outbox", columns)
    op.create_table(
        "delivery_attempts",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("reason", sa.String()),
        sa.ForeignKeyConstraint(["message_id"], ["outbox.id"], name=op.f("fk_delivery_attempts_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempts")),
    )
    op.create_index(op.f("ix_delivery_attempts_message_id"), "delivery_attempts", ["message_id"])
    op.create_index(op.f("ix_delivery_attempts_at"), "delivery_attempts", ["at"])


def downgrade() -> None:
    op.drop_table("delivery_attempts")
    for columns in (DUE, *OTHERS):
        op.drop_index(_named(columns), "outbox")
    op.create_index(_named(BEFORE), "outbox", BEFORE)
    for column in NEW:
        op.drop_column("outbox", column)


def _named(columns: list[str]) -> str:
    return op.f(f"ix_outbox_{'_'.join(columns)}")
