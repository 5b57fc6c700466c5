"""Journeys under way, their runs, the steps these have taken, and what they want changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables.columns import LONG, Instant

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "journeys",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("started_at", Instant),
        sa.Column("dated_until", Instant),
        sa.Column("refused", LONG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_journeys"),
    )
    op.create_table(
        "journey_runs",
        sa.Column("number", LONG, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("journey", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("profile_id", sa.Text, nullable=False),
        sa.Column("occurrence", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("resting", sa.Boolean, nullable=False),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("held_out", sa.Boolean, nullable=False),
        sa.Column("moves", sa.Integer, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("step_at", Instant, nullable=False),
        sa.Column("due_at", Instant),
        sa.Column("claimed_until", Instant),
        sa.Column("ended_at", Instant),
        sa.PrimaryKeyConstraint("number", name="pk_journey_runs"),
        sa.UniqueConstraint("id", name="uq_journey_runs_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_journey_runs_journey_state_version_step", "journey_runs", ["journey", "state", "version", "step"]
    )
    op.create_index(
        "ix_journey_runs_profile_id_journey_started_at", "journey_runs", ["profile_id", "journey", "started_at"]
    )
    op.create_index("ix_journey_runs_state_due_at", "journey_runs", ["state", "due_at"])
    op.create_table(
        "journey_steps",
        sa.Column("run", LONG, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("entered_at", Instant, nullable=False),
        sa.Column("left_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("run", "ordinal", name="pk_journey_steps"),
        sa.ForeignKeyConstraint(["run"], ["journey_runs.number"], name="fk_journey_steps_run_journey_runs"),
    )
    op.create_table(
        "journey_changes",
        sa.Column("number", LONG, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("profile_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_journey_changes"),
        sa.UniqueConstraint("id", name="uq_journey_changes_id"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
