"""What a worker does leads back to the request that asked for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = ("outbox", "bulk_jobs", "category_refreshes")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("request_id", sa.String()))


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_column(table, "request_id")
