"""What collecting needs: keys, requests that wait, and the messages of the last days."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("used_at", Instant),
        sa.Column("revoked_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.UniqueConstraint("hash", name="uq_keys_hash"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True, nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("block", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_requests_block_id", "requests", ["block", "id"])
    op.create_table(
        "received",
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("content", sa.BigInteger, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_received"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_received_received_at", "received", ["received_at"])


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
