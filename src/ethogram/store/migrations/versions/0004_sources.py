"""Providers that send webhooks, and how their payloads become events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_sources",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("ready", sa.Text),
        sa.Column("mapping", sa.JSON(none_as_null=True)),
        sa.Column("trust", sa.Text, nullable=False),
        sa.Column("secrets", sa.JSON, nullable=False),
        sa.Column("header", sa.Text),
        sa.Column("sender", sa.Text),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.Column("removed_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_sources"),
        sqlite_autoincrement=True,
    )
    living = sa.text("removed_at IS NULL")
    op.create_index(
        "uq_webhook_sources_live_name", "webhook_sources", ["name"], unique=True,
        sqlite_where=living, postgresql_where=living,
    )  # fmt: skip


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
