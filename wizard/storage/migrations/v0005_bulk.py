"""Files of registrations, as jobs with their rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JOB_STATES = "'checking', 'checked', 'running', 'done', 'discarded'"
ROW_STATES = "'waiting', 'ready', 'incomplete', 'rejected', 'present', 'created', 'invited'"


def upgrade() -> None:
    op.create_table(
        "bulk_jobs",
        sa.Column("serial", IDENTITY, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("invite", sa.Boolean(), nullable=False),
        sa.Column("goes_on", sa.Boolean(), nullable=False),
        sa.Column("to_do", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String()),
        sa.Column("finished_at", INSTANT),
        sa.Column("sealed", sa.LargeBinary()),
        sa.CheckConstraint(f"state IN ({JOB_STATES})", name=op.f("ck_bulk_jobs_state")),
        sa.CheckConstraint("total >= 1", name=op.f("ck_bulk_jobs_total")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_bulk_jobs")),
        sa.UniqueConstraint("id", name=op.f("uq_bulk_jobs_id")),
    )
    op.create_index(op.f("ix_bulk_jobs_state"), "bulk_jobs", ["state"])
    op.create_table(
        "bulk_rows",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("category", sa.String()),
        sa.Column("record_number", sa.String()),
        sa.Column("session_id", sa.String()),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("claimed_until", INSTANT),
        sa.CheckConstraint(f"state IN ({ROW_STATES})", name=op.f("ck_bulk_rows_state")),
        sa.ForeignKeyConstraint(["job_id"], ["bulk_jobs.id"], name=op.f("fk_bulk_rows_job_id")),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_bulk_rows")),
    )
    op.create_index(op.f("ix_bulk_rows_job_id_state_number"), "bulk_rows", ["job_id", "state", "number"])


def downgrade() -> None:
    op.drop_table("bulk_rows")
    op.drop_table("bulk_jobs")
