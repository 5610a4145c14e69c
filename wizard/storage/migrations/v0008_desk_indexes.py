"""The verification queue is read in order by an index, and so are the events that the statistics count."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BEFORE = ["verification_state", "created_at"]
QUEUE = [*BEFORE, "id"]
COUNTED = ["name", "at"]


def upgrade() -> None:
    op.create_index(op.f(f"ix_audit_events_{'_'.join(COUNTED)}"), "audit_events", COUNTED)
    op.create_index(op.f(f"ix_education_records_{'_'.join(QUEUE)}"), "education_records", QUEUE)
    op.drop_index(op.f(f"ix_education_records_{'_'.join(BEFORE)}"), "education_records")


def downgrade() -> None:
    op.create_index(op.f(f"ix_education_records_{'_'.join(BEFORE)}"), "education_records", BEFORE)
    op.drop_index(op.f(f"ix_education_records_{'_'.join(QUEUE)}"), "education_records")
    op.drop_index(op.f(f"ix_audit_events_{'_'.join(COUNTED)}"), "audit_events")
