"""Definitions: templates, campaigns, journeys and the like, with their versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ethogram.store.tables import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "definitions",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.Column("removed_at", Instant),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_definitions"),
    )
    op.create_table(
        "definition_versions",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "version", name="pk_definition_versions"),
        sa.ForeignKeyConstraint(
            ["kind", "name"],
            ["definitions.kind", "definitions.name"],
            name="fk_definition_versions_kind_name_definitions",
        ),
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
