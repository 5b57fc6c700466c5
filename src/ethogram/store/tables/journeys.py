"""Journeys under way; runs, one profile's passage each; the steps that they took, and what they want changed."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import LONG, Instant, metadata

journeys = sa.Table(
    "journeys",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # draft | active | closed | stopped
    sa.Column("version", sa.Integer, nullable=False),  # that people enter
    sa.Column("reason", sa.Text),  # why it is stopped
    sa.Column("started_at", Instant),  # what happened before lets nobody in
    sa.Column("dated_until", Instant),  # whom dates up to this instant let in is there
    sa.Column("refused", LONG, nullable=False),  # entries that the rules of coming again or the limits did not let in
)

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
    sa.Column("resting", sa.Boolean, nullable=False),  # waits at the step; else is about to take it
    sa.Column("taken", sa.Integer, nullable=False),  # steps that it has left
    sa.Column("round", sa.Integer, nullable=False),  # how often it went back to a step before
    sa.Column("held_out", sa.Boolean, nullable=False),
    sa.Column("moves", sa.Integer, nullable=False),  # who wants to move it has seen the last move
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("step_at", Instant, nullable=False),  # since when it is at the step
    sa.Column("due_at", Instant),  # when the step ends by itself; None where it is over
    sa.Column("claimed_until", Instant),
    sa.Column("ended_at", Instant),
    sa.Index(None, "state", "due_at"),
    sa.Index(None, "profile_id", "journey", "started_at"),
    sa.Index(None, "journey", "state", "version", "step"),
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

# Traits and static segments that steps want changed, and what is told as events; each once, in order, after the step's
# transaction.
journey_changes = sa.Table(
    "journey_changes",
    metadata,
    sa.Column("number", LONG, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),  # derived from run and ordinal
    sa.Column("profile_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # traits | list | event
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sqlite_autoincrement=True,
)
