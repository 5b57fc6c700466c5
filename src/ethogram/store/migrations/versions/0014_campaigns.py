"""Campaigns under way, and their launches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables.columns import LONG, Instant

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("started_at", Instant),
        sa.Column("planned_until", Instant),
        sa.Column("watermark", LONG),
        sa.PrimaryKeyConstraint("name", name="pk_campaigns"),
    )
    op.create_table(
        "launches",
        sa.Column("number", LONG, autoincrement=True, nullable=False),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("occurrence", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("wall", sa.Text),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("recipients", sa.JSON(none_as_null=True)),
        sa.Column("last", sa.Text, nullable=False),
        sa.Column("decided", LONG, nullable=False),
        sa.Column("audience", LONG),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("finished_at", Instant),
        sa.PrimaryKeyConstraint("number", name="pk_launches"),
        sa.UniqueConstraint("campaign", "occurrence", name="uq_launches_campaign_occurrence"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_launches_state_due_at", "launches", ["state", "due_at"])


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
