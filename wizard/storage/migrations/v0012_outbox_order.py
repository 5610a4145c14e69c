"""The next message to be sent is the first of an index, however many wait."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BEFORE = ["medium", "state", "due_at"]
ORDER = [*BEFORE, "event_id"]


def upgrade() -> None:
    op.drop_index(_named(BEFORE), "outbox")
    op.create_index(_named(ORDER), "outbox", ORDER)


def downgrade() -> None:
    op.drop_index(_named(ORDER), "outbox")
    op.create_index(_named(BEFORE), "outbox", BEFORE)


def _named(columns: list[str]) -> str:
    return op.f(f"ix_outbox_{'_'.join(columns)}")
