"""Calls that were rejected, for whoever asks why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables import Instant

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "rejected",
        sa.Column("id", _LONG, autoincrement=True, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("index", sa.Integer, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rejected"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rejected_code_id", "rejected", ["code", "id"])
    op.create_index("ix_rejected_at", "rejected", ["at"])


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
