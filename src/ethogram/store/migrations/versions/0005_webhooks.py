"""Where membership changes are sent, and what became of that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "endpoints",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("old_secret", sa.Text),
        sa.Column("old_until", Instant),
        sa.Column("in_order", sa.Boolean, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", Instant),
        sa.Column("held_until", Instant),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("removed_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_endpoints"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "deliveries",
        sa.Column("number", _LONG, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Integer, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("claim", sa.Text),
        sa.Column("claimed_until", Instant),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.Text),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("finished_at", Instant),
        sa.PrimaryKeyConstraint("number", name="pk_deliveries"),
        sa.UniqueConstraint("id", name="uq_deliveries_id"),
        sa.ForeignKeyConstraint(["endpoint"], ["endpoints.id"], name="fk_deliveries_endpoint_endpoints"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_endpoint_state_due_at", "deliveries", ["endpoint", "state", "due_at"])
    op.create_index("ix_deliveries_state_finished_at", "deliveries", ["state", "finished_at"])
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("segments", sa.JSON),
        sa.Column("changes", sa.JSON, nullable=False),
        sa.Column("traits", sa.JSON, nullable=False),
        sa.Column("most", sa.Integer, nullable=False),
        sa.Column("watermark", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.ForeignKeyConstraint(["id"], ["endpoints.id"], name="fk_webhooks_id_endpoints"),
    )
    op.create_table(
        "syncs",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("segment", sa.Integer, nullable=False),
        sa.Column("path", sa.Text),
        sa.Column("endpoint", sa.Integer),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("traits", sa.JSON, nullable=False),
        sa.Column("schedule", sa.Text, nullable=False),
        sa.Column("watermark", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("place", sa.Integer),
        sa.Column("snapshot", sa.Integer, nullable=False),
        sa.Column("due_at", Instant),
        sa.Column("asked", sa.Boolean, nullable=False),
        sa.Column("synced_at", Instant),
        sa.Column("rows", sa.BigInteger),
        sa.Column("trouble", sa.Text),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("removed_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_syncs"),
        sa.ForeignKeyConstraint(["segment"], ["segments.number"], name="fk_syncs_segment_segments"),
        sa.ForeignKeyConstraint(["endpoint"], ["endpoints.id"], name="fk_syncs_endpoint_endpoints"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
