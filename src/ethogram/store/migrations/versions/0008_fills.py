"""Fills: which version of a segment recorded membership follows, and what an edit is to do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("segments", sa.Column("recorded", sa.Integer))
    op.add_column("segment_versions", sa.Column("announce", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("runs", sa.Column("fill", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
