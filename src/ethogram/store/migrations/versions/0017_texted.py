"""Who was sent texts at a number, for replies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TEXTS = sa.text("channel IN ('sms', 'whatsapp')")


def upgrade() -> None:
    op.create_index(
        "ix_messages_texted", "messages", ["address", "number"], sqlite_where=_TEXTS, postgresql_where=_TEXTS
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger only moves forward; restore a copy instead")
