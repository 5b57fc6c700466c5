"""In-app messages that wait for their people, and how often each was shown."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import LONG, Instant, metadata

in_app = sa.Table(
    "in_app",
    metadata,
    sa.Column("message", LONG, primary_key=True, autoincrement=False),  # its number in the outbox
    sa.Column("profile_id", sa.Text, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),  # as it was rendered
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("fetched_at", Instant),  # by the first page that was told to show it
    sa.Column("shows", sa.Integer, nullable=False),
    sa.Column("shown_at", Instant),  # the last time
    sa.Column("ended_at", Instant),  # dismissed, clicked, or shown as often as it may be
    sa.Index(None, "profile_id", "ended_at"),
    sa.Index(None, "expires_at"),
)
