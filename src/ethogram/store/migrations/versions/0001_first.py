"""The first ledger: loads, batches, segments with versions, runs with sizes, settings, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "loads",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("reading", sa.JSON, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("duplicates", sa.BigInteger, nullable=False),
        sa.Column("rejects_file", sa.Text),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("finished_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_loads"),
    )
    op.create_index("ix_loads_digest_kind", "loads", ["digest", "kind"])
    op.create_table(
        "batches",
        sa.Column("sequence", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("load", sa.Text, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("file", sa.Text),
        sa.Column("sha256", sa.Text),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("duplicates", sa.BigInteger, nullable=False),
        sa.Column("first_at", Instant),
        sa.Column("last_at", Instant),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("accepted_at", Instant, nullable=False),
        sa.Column("stored_at", Instant),
        sa.PrimaryKeyConstraint("sequence", name="pk_batches"),
        sa.UniqueConstraint("id", name="uq_batches_id"),
        sa.UniqueConstraint("load", "ordinal", "kind", name="uq_batches_load_ordinal_kind"),
        sa.ForeignKeyConstraint(["load"], ["loads.id"], name="fk_batches_load_loads"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_batches_state_sequence", "batches", ["state", "sequence"])
    op.create_table(
        "segments",
        sa.Column("number", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("deleted_at", Instant),
        sa.PrimaryKeyConstraint("number", name="pk_segments"),
        sqlite_autoincrement=True,
    )
    live = sa.text("deleted_at IS NULL")
    op.create_index(
        "uq_segments_live_name", "segments", ["name"], unique=True, sqlite_where=live, postgresql_where=live
    )
    op.create_table(
        "segment_versions",
        sa.Column("segment", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("tree", sa.JSON),
        sa.Column("english", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("static", sa.Boolean, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("segment", "version", name="pk_segment_versions"),
        sa.ForeignKeyConstraint(["segment"], ["segments.number"], name="fk_segment_versions_segment_segments"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("as_of", Instant, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("finished_at", Instant),
        sa.Column("population", sa.BigInteger),
        sa.Column("milliseconds", sa.Float),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "segment_sizes",
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("segment", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("entered", sa.BigInteger, nullable=False),
        sa.Column("left", sa.BigInteger, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run", "segment", name="pk_segment_sizes"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_segment_sizes_run_runs"),
        sa.ForeignKeyConstraint(["segment"], ["segments.number"], name="fk_segment_sizes_segment_segments"),
    )
    op.create_index("ix_segment_sizes_segment_run", "segment_sizes", ["segment", "run"])
    op.create_table(
        "settings",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_settings"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("object", sa.Text, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
