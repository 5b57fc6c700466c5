"""The ledger's tables, once, for SQLite and PostgreSQL alike.

Step of the path: store. It only describes: the modules behind `ledger.py` read and write, `migrations/` creates and
changes. A test holds that the migrations arrive at exactly these tables.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

# The newest revision in `migrations/versions`; a ledger that is already there opens without loading Alembic.
HEAD = "0008"


class Instant(TypeDecorator[dt.datetime]):
    """An aware instant; kept as UTC, handed out aware, a naive one is refused."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        return dialect.type_descriptor(sa.DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the ledger takes aware instants only; add tzinfo=datetime.UTC")
        value = value.astimezone(dt.UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(  # `dialect` is part of the signature that SQLAlchemy calls
        self,
        value: dt.datetime | None,
        dialect: sa.Dialect,  # noqa: ARG002
    ) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

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

settings = sa.Table(
    "settings",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("verb", sa.Text, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
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

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts by itself in an INTEGER only, of 64 bits

# One row per commit of a collector: the messages of all requests that it answers with 200.
requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", _LONG, primary_key=True, autoincrement=True),
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

# The feed of membership changes; see `changes.py`.
changes = sa.Table(
    "changes",
    metadata,
    sa.Column("id", _LONG, primary_key=True, autoincrement=True),
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
    sa.Column("id", _LONG, primary_key=True, autoincrement=True),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),  # claim | known | merge | split | undo
    sa.Column("at", Instant, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False),  # the warehouse has followed
    sa.Index(None, "done", "id"),
    sqlite_autoincrement=True,
)

# The newest rejected calls of each reason; see `rejected.py`.
rejected = sa.Table(
    "rejected",
    metadata,
    sa.Column("id", _LONG, primary_key=True, autoincrement=True),
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
    sa.Column("number", _LONG, primary_key=True, autoincrement=True),  # the order of making
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
