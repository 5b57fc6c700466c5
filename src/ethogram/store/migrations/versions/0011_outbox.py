"""The outbox: messages, and what happened to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables.columns import LONG, Instant

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("number", LONG, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
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
        sa.Column("code", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("address", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("expires_at", Instant),
        sa.Column("claim", sa.Text),
        sa.Column("claimed_until", Instant),
        sa.Column("begun", sa.Boolean, nullable=False),
        sa.Column("provider_id", sa.Text),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("finished_at", Instant),
        sa.PrimaryKeyConstraint("number", name="pk_messages"),
        sa.UniqueConstraint("id", name="uq_messages_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_maker_name_occurrence", "messages", ["maker", "name", "occurrence"])
    op.create_index("ix_messages_profile_id_created_at", "messages", ["profile_id", "created_at"])
    op.create_index("ix_messages_provider_id", "messages", ["provider_id"])
    op.create_index(
        "ix_messages_state_channel_transactional_due_at", "messages", ["state", "channel", "transactional", "due_at"]
    )
    op.create_table(
        "message_events",
        sa.Column("number", LONG, autoincrement=True, nullable=False),
        sa.Column("message", LONG, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("properties", sa.JSON, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
        sa.Column("tell_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_message_events"),
        sa.UniqueConstraint("message", "event", "key", name="uq_message_events_message_event_key"),
        sa.ForeignKeyConstraint(["message"], ["messages.number"], name="fk_message_events_message_messages"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_message_events_told_tell_at", "message_events", ["told", "tell_at"])
    op.create_table(
        "message_reports",
        sa.Column("number", LONG, autoincrement=True, nullable=False),
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("properties", sa.JSON, nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_message_reports"),
        sa.UniqueConstraint("provider_id", "event", "key", name="uq_message_reports_provider_id_event_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_message_reports_received_at", "message_reports", ["received_at"])


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
