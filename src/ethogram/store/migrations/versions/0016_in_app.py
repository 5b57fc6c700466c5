"""In-app messages that wait for their people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables.columns import LONG, Instant

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "in_app",
        sa.Column("message", LONG, autoincrement=False, nullable=False),
        sa.Column("profile_id", sa.Text, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("fetched_at", Instant),
        sa.Column("shows", sa.Integer, nullable=False),
        sa.Column("shown_at", Instant),
        sa.Column("ended_at", Instant),
        sa.PrimaryKeyConstraint("message", name="pk_in_app"),
    )
    op.create_index("ix_in_app_expires_at", "in_app", ["expires_at"])
    op.create_index("ix_in_app_profile_id_ended_at", "in_app", ["profile_id", "ended_at"])


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
