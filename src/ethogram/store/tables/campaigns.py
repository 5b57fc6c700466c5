"""Launches: each occurrence of a campaign, and how far it has come."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import LONG, Instant, metadata

# What a campaign does now: whoever starts, stops or resumes it changes this, not its definition.
campaigns = sa.Table(
    "campaigns",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # draft | active | stopped | finished
    sa.Column("reason", sa.Text),  # why it is stopped
    sa.Column("started_at", Instant),
    sa.Column("planned_until", Instant),  # every occurrence up to this instant has its launch
    sa.Column("watermark", LONG),  # up to which stored batch events were looked at
)

launches = sa.Table(
    "launches",
    metadata,
    sa.Column("number", LONG, primary_key=True, autoincrement=True),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("occurrence", sa.Text, nullable=False),  # an instant, or the key of a call
    sa.Column("state", sa.Text, nullable=False),  # planned | deciding | done | missed
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("wall", sa.Text),  # the local time that each person waits for; None: `due_at`
    sa.Column("data", sa.JSON, nullable=False),  # of the call
    sa.Column("recipients", sa.JSON(none_as_null=True)),  # of the call; None: the campaign's audience
    sa.Column("last", sa.Text, nullable=False),  # the last profile id that is decided about
    sa.Column("decided", LONG, nullable=False),  # how many of the audience are decided about
    sa.Column("audience", LONG),  # how many it has; None until it is known
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.UniqueConstraint("campaign", "occurrence"),
    sa.Index(None, "state", "due_at"),
    sqlite_autoincrement=True,
)
