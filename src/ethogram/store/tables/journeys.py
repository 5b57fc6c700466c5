"""Journey runs: one profile's passage through a journey each, and the steps it has taken."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import LONG, Instant, metadata

journey_runs = sa.Table(
    "journey_runs",
    metadata,
    sa.Column("number", LONG, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),  # derived from journey, profile and what started it
    sa.Column("journey", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("profile_id", sa.Text, nullable=False),
    sa.Column("occurrence", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # active | done | exited | failed
    sa.Column("reason", sa.Text),
    sa.Column("data", sa.JSON, nullable=False),  # of what started it
    sa.Column("waits_for", sa.JSON(none_as_null=True)),  # an event or a segment that ends the step before its time
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("step_at", Instant, nullable=False),  # since when it is at the step
    sa.Column("due_at", Instant),  # when the step ends by itself; None where it is over
    sa.Column("claim", sa.Text),
    sa.Column("claimed_until", Instant),
    sa.Column("ended_at", Instant),
    sa.Index(None, "state", "due_at"),
    sa.Index(None, "profile_id", "state"),
    sa.Index(None, "journey", "state", "step"),
    sqlite_autoincrement=True,
)

# Each step that a run has left, for counts and for "why is this person here".
journey_steps = sa.Table(
    "journey_steps",
    metadata,
    sa.Column("run", LONG, sa.ForeignKey("journey_runs.number"), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),  # the way that it went on: next, timeout, yes, no, a variant …
    sa.Column("entered_at", Instant, nullable=False),
    sa.Column("left_at", Instant, nullable=False),
)
