"""What Alembic runs: the waiting migrations, on the connection and inside the transaction of `ledger.py`."""

from __future__ import annotations

from alembic import context

from ethogram.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
