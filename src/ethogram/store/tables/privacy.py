"""Erasures: who asked to be forgotten, how far that is, and by which hashes they are known not to come back."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import LONG, Instant, metadata

erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("number", LONG, primary_key=True, autoincrement=True),
    sa.Column("key", sa.Text, nullable=False),  # a salted hash of the profile's id
    sa.Column("about", sa.JSON(none_as_null=True)),  # whom to erase, until that is done; see `store/erasures.py`
    sa.Column("step", sa.Text, nullable=False),  # the next one to take; `done` when there is none
    sa.Column("counts", sa.JSON, nullable=False),  # what was removed, by kind
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("accepted_at", Instant, nullable=False),
    sa.Column("removed_at", Instant),  # nothing of the person is left but what tells others
    sa.Column("finished_at", Instant),
    sa.Index(None, "step"),
    sa.Index(None, "key"),
    sqlite_autoincrement=True,
)

# Ids that are taken no more, and addresses that nothing is sent to: hashes with the workspace's salt.
tombstones = sa.Table(
    "tombstones",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("erasure", LONG, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # id, or the channel of an address
    sa.Column("suppressed", LONG, nullable=False),  # how much came for it afterwards, and was not taken
)
