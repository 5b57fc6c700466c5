"""Definitions other than segments: templates, campaigns, journeys, topics …, each with its versions."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import Instant, metadata

# What a definition is now. `body` is its kind's own form, checked by whoever saves it.
definitions = sa.Table(
    "definitions",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),  # template, campaign, journey …
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),  # the newest one
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Column("removed_at", Instant),  # its versions stay, for what was sent by them
)

definition_versions = sa.Table(
    "definition_versions",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.ForeignKeyConstraint(["kind", "name"], ["definitions.kind", "definitions.name"]),
)
