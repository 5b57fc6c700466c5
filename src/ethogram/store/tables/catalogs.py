"""Catalogues of items, what changed in them, and coupon codes."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import LONG, Instant, metadata

catalog_items = sa.Table(
    "catalog_items",
    metadata,
    sa.Column("catalog", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("fields", sa.JSON, nullable=False),
    sa.Column("words", sa.Text, nullable=False),  # its texts in small letters, for looking it up
    sa.Column("changed_at", Instant, nullable=False),
)

# What changed, item by item, in the order of changing: back in stock, price drop.
catalog_changes = sa.Table(
    "catalog_changes",
    metadata,
    sa.Column("number", LONG, primary_key=True, autoincrement=True),
    sa.Column("catalog", sa.Text, nullable=False),
    sa.Column("item", sa.Text, nullable=False),
    sa.Column("before", sa.JSON(none_as_null=True)),  # None: it is new
    sa.Column("after", sa.JSON(none_as_null=True)),  # None: it is gone
    sa.Column("at", Instant, nullable=False),
    sa.Index(None, "catalog", "number"),
    sqlite_autoincrement=True,
)

coupons = sa.Table(
    "coupons",
    metadata,
    sa.Column("number", LONG, primary_key=True, autoincrement=True),
    sa.Column("pool", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("message", sa.Text),  # the id of the one that it was given to; None: free
    sa.Column("profile_id", sa.Text),
    sa.Column("given_at", Instant),
    sa.Column("expires_at", Instant),
    sa.UniqueConstraint("pool", "code"),
    sa.UniqueConstraint("pool", "message"),
    sa.Index(
        "ix_coupons_free",
        "pool",
        "number",
        sqlite_where=sa.text("message IS NULL"),
        postgresql_where=sa.text("message IS NULL"),
    ),
    sqlite_autoincrement=True,
)
