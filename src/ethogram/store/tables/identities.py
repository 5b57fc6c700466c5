"""Which id points at which profile, and why."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import LONG, Instant, metadata

# Ids that a claim or a decision was ever about; any other id is a profile of its own. See `identities.py`.
identities = sa.Table(
    "identities",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("profile_id", sa.Text, nullable=False),  # where it points; itself, where it is a profile
    sa.Column("known", sa.Boolean, nullable=False),  # it came as `userId` at least once
    sa.Index(None, "profile_id"),
    sqlite_with_rowid=False,
)

identity_claims = sa.Table(
    "identity_claims",
    metadata,
    sa.Column("anonymous_id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),  # microseconds since 1970, the earliest that was said
    sqlite_with_rowid=False,
)

identity_decisions = sa.Table(
    "identity_decisions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("verb", sa.Text, nullable=False),  # merge | split
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("into", sa.Text),  # of a merge
    sa.Column("at", Instant, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("undone_at", Instant),
    sa.Index(None, "identity"),
    sqlite_autoincrement=True,
)

identity_moves = sa.Table(
    "identity_moves",
    metadata,
    sa.Column("id", LONG, primary_key=True, autoincrement=True),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),  # claim | known | merge | split | undo
    sa.Column("at", Instant, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False),  # the warehouse has followed
    sa.Index(None, "done", "id"),
    sqlite_autoincrement=True,
)
