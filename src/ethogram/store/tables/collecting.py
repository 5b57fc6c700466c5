"""What comes in: loads of files, accepted batches and requests, keys, and the sources of webhooks."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import LONG, Instant, metadata

# One row per source file (by content) and way of reading it.
loads = sa.Table(
    "loads",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # from digest, kind and reading: the same command, the same id
    sa.Column("digest", sa.Text, nullable=False),  # SHA-256 of the raw bytes
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),  # the name it had, for people
    sa.Column("reading", sa.JSON, nullable=False),  # mapping, event, timezone, format, types
    sa.Column("state", sa.Text, nullable=False),  # loading | done
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("rejects_file", sa.Text),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.Index(None, "digest", "kind"),
)

# One row per accepted block; its rows are in a file beside the workspace.
batches = sa.Table(
    "batches",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),  # the order of storing
    sa.Column("id", sa.Text, nullable=False, unique=True),  # also the warehouse's deduplication token
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("load", sa.Text, sa.ForeignKey("loads.id"), nullable=False),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("file", sa.Text),  # None when nothing in the block was acceptable
    sa.Column("sha256", sa.Text),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("first_at", Instant),
    sa.Column("last_at", Instant),
    sa.Column("state", sa.Text, nullable=False),  # accepted | stored
    sa.Column("accepted_at", Instant, nullable=False),
    sa.Column("stored_at", Instant),
    sa.UniqueConstraint("load", "ordinal", "kind"),
    sa.Index(None, "state", "sequence"),
    sqlite_autoincrement=True,
)

# One row per commit of a collector: the messages of all requests that it answers with 200.
requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", LONG, primary_key=True, autoincrement=True),
    sa.Column("received_at", Instant, nullable=False),  # of the oldest of them
    sa.Column("messages", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),  # see `requests.py`
    sa.Column("block", sa.Text),  # the block that took them to the warehouse; None while they wait
    sa.Index(None, "block", "id"),
    sqlite_autoincrement=True,
)

# Which messages came in the last days, so that a repetition adds nothing.
received = sa.Table(
    "received",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),  # of the messageId
    sa.Column("content", sa.BigInteger, nullable=False),  # a checksum: the same id with another content is counted
    sa.Column("received_at", sa.BigInteger, nullable=False),  # seconds since 1970
    sa.Index(None, "received_at"),
    sqlite_with_rowid=False,
)

# The newest rejected calls of each reason; see `rejected.py`.
rejected = sa.Table(
    "rejected",
    metadata,
    sa.Column("id", LONG, primary_key=True, autoincrement=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("index", sa.Integer, nullable=False),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),  # how it began, without keys
    sa.Index(None, "code", "id"),
    sa.Index(None, "at"),
    sqlite_autoincrement=True,
)

# Providers whose webhooks are taken, and how their payloads become events; see `webhook_sources.py`.
webhook_sources = sa.Table(
    "webhook_sources",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("ready", sa.Text),  # the ready mapping's name; None where the mapping is its own
    sa.Column("mapping", sa.JSON(none_as_null=True)),
    sa.Column("trust", sa.Text, nullable=False),  # how a request shows that it is the provider's
    sa.Column("secrets", sa.JSON, nullable=False),  # any of them will do; as they are where they sign, else SHA-256
    sa.Column("header", sa.Text),  # where a signature or a token is, if the trust does not say it
    sa.Column("sender", sa.Text),  # whom the payload must name: a topic, an organisation
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Column("removed_at", Instant),
    sa.Index("uq_webhook_sources_live_name", "name", unique=True),  # among live ones only, as with segments
    sqlite_autoincrement=True,
)

# What may send, ask or manage. Only a hash of the key is kept: whoever reads the ledger cannot send in its name.
keys = sa.Table(
    "keys",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),  # SHA-256 of the key
    sa.Column("hint", sa.Text, nullable=False),  # its first characters, for people
    sa.Column("scope", sa.Text, nullable=False),  # write | read | manage
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("used_at", Instant),  # within minutes
    sa.Column("revoked_at", Instant),
    sqlite_autoincrement=True,
)
