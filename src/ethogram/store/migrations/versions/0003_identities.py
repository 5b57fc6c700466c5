"""Who is who, and the feed of membership changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "changes",
        sa.Column("id", _LONG, autoincrement=True, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("profile_id", sa.Text, nullable=False),
        sa.Column("segment", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("entered", sa.Boolean, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_changes_segment_id", "changes", ["segment", "id"])
    op.create_table(
        "identities",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("profile_id", sa.Text, nullable=False),
        sa.Column("known", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_identities_profile_id", "identities", ["profile_id"])
    op.create_table(
        "identity_claims",
        sa.Column("anonymous_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("anonymous_id", "user_id", name="pk_identity_claims"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "identity_decisions",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("into", sa.Text),
        sa.Column("at", Instant, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("undone_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_identity_decisions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_identity_decisions_identity", "identity_decisions", ["identity"])
    op.create_table(
        "identity_moves",
        sa.Column("id", _LONG, autoincrement=True, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity_moves"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_identity_moves_done_id", "identity_moves", ["done", "id"])


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
