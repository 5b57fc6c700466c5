"""What other systems are told: endpoints, deliveries, webhooks and syncs."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import LONG, Instant, metadata

# Where things are sent over HTTP, and how that goes; see `endpoints.py`.
endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),  # webhook | sync
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("old_secret", sa.Text),  # signs too, until `old_until`
    sa.Column("old_until", Instant),
    sa.Column("in_order", sa.Boolean, nullable=False),  # one delivery at a time, and none before the one before
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text),  # why it is not
    sa.Column("failures", sa.Integer, nullable=False),  # in a row, that were the endpoint's
    sa.Column("failing_since", Instant),
    sa.Column("held_until", Instant),  # nothing is sent before
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("removed_at", Instant),
    sqlite_autoincrement=True,
)

# What is to be sent, and what became of it; see `deliveries.py`.
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("number", LONG, primary_key=True, autoincrement=True),  # the order of making
    sa.Column("id", sa.Text, nullable=False, unique=True),  # derived from what it tells; the same at every attempt
    sa.Column("endpoint", sa.Integer, sa.ForeignKey("endpoints.id"), nullable=False),
    sa.Column("about", sa.Text, nullable=False),  # for people
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # waiting | sent | dead
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("claim", sa.Text),  # who sends it now, until `claimed_until`
    sa.Column("claimed_until", Instant),
    sa.Column("status", sa.Integer),  # of the last answer
    sa.Column("error", sa.Text),  # of the last attempt
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.Index(None, "endpoint", "state", "due_at"),
    sa.Index(None, "state", "finished_at"),
    sqlite_autoincrement=True,
)

# Which changes an endpoint is told; its number is the endpoint's.
webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", sa.Integer, sa.ForeignKey("endpoints.id"), primary_key=True, autoincrement=False),
    sa.Column("segments", sa.JSON(none_as_null=True)),  # numbers; None is all
    sa.Column("changes", sa.JSON, nullable=False),  # entered, left
    sa.Column("traits", sa.JSON, nullable=False),
    sa.Column("most", sa.Integer, nullable=False),  # changes in one request
    sa.Column("watermark", sa.BigInteger, nullable=False),  # the last change of the feed that it was made for
)

# Members of a segment that are kept the same elsewhere; see `syncs.py`.
syncs = sa.Table(
    "syncs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("segment", sa.Integer, sa.ForeignKey("segments.number"), nullable=False),
    sa.Column("path", sa.Text),  # in the workspace's `sync/`
    sa.Column("endpoint", sa.Integer, sa.ForeignKey("endpoints.id")),
    sa.Column("format", sa.Text, nullable=False),  # csv | parquet | jsonl | json
    sa.Column("mode", sa.Text, nullable=False),  # full | changes
    sa.Column("traits", sa.JSON, nullable=False),
    sa.Column("schedule", sa.Text, nullable=False),  # see `deliver/schedule.py`
    sa.Column("watermark", sa.BigInteger, nullable=False),  # up to where the target has the feed; -1: it has nothing
    sa.Column("generation", sa.Integer, nullable=False),  # of the newest difference that was written down
    sa.Column("place", sa.Integer),  # how many of its rows were handed over; None: all
    sa.Column("snapshot", sa.Integer, nullable=False),  # the generation whose members are in a file; 0: none
    sa.Column("due_at", Instant),  # None: on the next change
    sa.Column("asked", sa.Boolean, nullable=False),  # somebody wants it now
    sa.Column("synced_at", Instant),
    sa.Column("rows", sa.BigInteger),  # that it was given then
    sa.Column("trouble", sa.Text),  # of the last attempt
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("removed_at", Instant),
    sqlite_autoincrement=True,
)
