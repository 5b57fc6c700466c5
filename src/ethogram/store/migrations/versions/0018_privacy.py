"""Erasures, and the hashes of whom they erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables.columns import LONG, Instant

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("number", LONG, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("about", sa.JSON(none_as_null=True)),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("accepted_at", Instant, nullable=False),
        sa.Column("removed_at", Instant),
        sa.Column("finished_at", Instant),
        sa.PrimaryKeyConstraint("number", name="pk_erasures"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_erasures_key", "erasures", ["key"])
    op.create_index("ix_erasures_step", "erasures", ["step"])
    op.create_table(
        "tombstones",
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("erasure", LONG, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("suppressed", LONG, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_tombstones"),
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
