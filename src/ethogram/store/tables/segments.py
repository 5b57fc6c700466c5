"""Segments with their versions, the runs that answered them, and the feed of what changed."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import LONG, Instant, metadata

# A segment's name for as long as it lives; its number stands for it in membership state and is never used again.
segments = sa.Table(
    "segments",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("deleted_at", Instant),
    sa.Column("recorded", sa.Integer),  # the version that recorded membership follows; None where it follows none
    # Among live segments only: the migration says `WHERE deleted_at IS NULL`. Said here, it would load the dialects of
    # both databases at every start, a twentieth of what the start takes.
    sa.Index("uq_segments_live_name", "name", unique=True),
    sqlite_autoincrement=True,
)

segment_versions = sa.Table(
    "segment_versions",
    metadata,
    sa.Column("segment", sa.Integer, sa.ForeignKey("segments.number"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text),
    sa.Column("tree", sa.JSON(none_as_null=True)),
    sa.Column("english", sa.Text, nullable=False),
    sa.Column("entity", sa.Text, nullable=False),
    sa.Column("static", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    # Whether the feed tells one by one who enters and leaves by this edit.
    sa.Column("announce", sa.Boolean, nullable=False, server_default=sa.false()),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("as_of", Instant, nullable=False),
    sa.Column("phase", sa.Text, nullable=False),  # planned | evaluated | changed | done
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.Column("population", sa.BigInteger),
    sa.Column("milliseconds", sa.Float),
    sa.Column("fill", sa.JSON(none_as_null=True)),  # what a fill is to do; None for a run over every segment
    sqlite_autoincrement=True,
)

segment_sizes = sa.Table(
    "segment_sizes",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("segment", sa.Integer, sa.ForeignKey("segments.number"), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("entered", sa.BigInteger, nullable=False),
    sa.Column("left", sa.BigInteger, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Index(None, "segment", "run"),
)

# The feed of membership changes; see `changes.py`.
changes = sa.Table(
    "changes",
    metadata,
    sa.Column("id", LONG, primary_key=True, autoincrement=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("profile_id", sa.Text, nullable=False),  # or an account's; empty where `count` sums up
    sa.Column("segment", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("entered", sa.Boolean, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Index(None, "segment", "id"),
    sqlite_autoincrement=True,
)
