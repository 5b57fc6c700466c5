"""Catalogues of items, what changed in them, and coupon codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables.columns import LONG, Instant

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalog_items",
        sa.Column("catalog", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("catalog", "id", name="pk_catalog_items"),
    )
    op.create_table(
        "catalog_changes",
        sa.Column("number", LONG, autoincrement=True, nullable=False),
        sa.Column("catalog", sa.Text, nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True)),
        sa.Column("after", sa.JSON(none_as_null=True)),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_catalog_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_catalog_changes_catalog_number", "catalog_changes", ["catalog", "number"])
    op.create_table(
        "coupons",
        sa.Column("number", LONG, autoincrement=True, nullable=False),
        sa.Column("pool", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("profile_id", sa.Text),
        sa.Column("given_at", Instant),
        sa.Column("expires_at", Instant),
        sa.PrimaryKeyConstraint("number", name="pk_coupons"),
        sa.UniqueConstraint("pool", "code", name="uq_coupons_pool_code"),
        sa.UniqueConstraint("pool", "message", name="uq_coupons_pool_message"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_coupons_free",
        "coupons",
        ["pool", "number"],
        sqlite_where=sa.text("message IS NULL"),
        postgresql_where=sa.text("message IS NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
