"""What waits for verification is counted by index."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

WAITING = ["verification_state", "created_at"]


def upgrade() -> None:
    op.create_index(op.f(f"ix_education_records_{'_'.join(WAITING)}"), "education_records", WAITING)


def downgrade() -> None:
    op.drop_index(op.f(f"ix_education_records_{'_'.join(WAITING)}"), "education_records")
