"""The outbox: messages with what became of each, and what is told of them as events."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import LONG, Instant, metadata

_TEXTS = sa.text("channel IN ('sms', 'whatsapp')")

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("number", LONG, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),  # derived from its cause: see `model/message.py`
    sa.Column("maker", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("occurrence", sa.Text, nullable=False),
    sa.Column("variant", sa.Text, nullable=False),
    sa.Column("profile_id", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("transactional", sa.Boolean, nullable=False),
    sa.Column("twice_rather_than_not", sa.Boolean, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("code", sa.Text),  # why it was refused, in a word to count by
    sa.Column("reason", sa.Text),
    sa.Column("address", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("claim", sa.Text),
    sa.Column("claimed_until", Instant),
    sa.Column("begun", sa.Boolean, nullable=False),  # this claim may have reached the provider
    sa.Column("provider_id", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.Index(None, "state", "channel", "transactional", "due_at"),  # in the order in which they are claimed
    sa.Index(None, "profile_id", "created_at"),
    sa.Index(None, "maker", "name", "occurrence"),  # nothing that changes while a message is sent
    sa.Index(None, "provider_id"),
    # Of texts only: whoever answers one is known by the number.
    sa.Index("ix_messages_texted", "address", "number", sqlite_where=_TEXTS, postgresql_where=_TEXTS),
    sqlite_autoincrement=True,
)

# What happened to messages, each thing once, to come back as events; kept for a while, so that a repetition is known.
message_events = sa.Table(
    "message_events",
    metadata,
    sa.Column("number", LONG, primary_key=True, autoincrement=True),
    sa.Column("message", LONG, sa.ForeignKey("messages.number"), nullable=False),
    sa.Column("event", sa.Text, nullable=False),  # sent, delivered, opened, clicked, bounced, refused …
    sa.Column("key", sa.Text, nullable=False),  # tells two of the same kind apart; empty where there is one only
    sa.Column("at", Instant, nullable=False),
    sa.Column("properties", sa.JSON, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False),  # it is an event in the inbox
    sa.Column("tell_at", Instant, nullable=False),  # not before: a click is looked at first
    sa.UniqueConstraint("message", "event", "key"),
    sa.Index(None, "told", "tell_at"),
    sqlite_autoincrement=True,
)

# What providers told about messages whose ids of theirs nobody knew then: sending may not be recorded yet.
message_reports = sa.Table(
    "message_reports",
    metadata,
    sa.Column("number", LONG, primary_key=True, autoincrement=True),
    sa.Column("provider_id", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("properties", sa.JSON, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.UniqueConstraint("provider_id", "event", "key"),
    sa.Index(None, "received_at"),
    sqlite_autoincrement=True,
)
