"""The doctor: everything that can be wrong with a workspace, looked at one by one.

Step of the path: measure. Reads warehouse, ledger and the directory; writes nothing. A check that cannot be made is
a finding too.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

from ethogram.errors import EthogramError
from ethogram.model.results import Finding, Health
from ethogram.store.ledger import Ledger
from ethogram.store.schema import COUNTS
from ethogram.store.warehouse import Warehouse

_LITTLE_SPACE = 1_000_000_000
_LONG_RUNNING = dt.timedelta(hours=1)


def examine(warehouse: Warehouse, ledger: Ledger, directory: Path, now: dt.datetime) -> tuple[Finding, ...]:
    """What each check found, in the order of the path of the data."""
    checks: dict[str, Callable[[], Finding]] = {
        "warehouse parts": lambda: _parts(warehouse),
        "stored rows": lambda: _rows(warehouse, ledger),
        "waiting batches": lambda: _waiting(ledger),
        "batch files": lambda: _files(ledger, directory),
        "profile keys": lambda: _keys(warehouse),
        "unfinished run": lambda: _run(ledger, now),
        "disk space": lambda: _space(directory),
    }
    findings = []
    for name, check in checks.items():
        try:
            findings.append(check())
        except (EthogramError, OSError) as error:
            findings.append(Finding(name, Health.BROKEN, f"could not be looked at: {error}"))
    return tuple(findings)


def _parts(warehouse: Warehouse) -> Finding:
    damage = warehouse.damage()
    if damage:
        return Finding("warehouse parts", Health.BROKEN, "; ".join(damage), "`ethogram rebuild` restores them.")
    return Finding("warehouse parts", Health.OK, "every part is readable")


def _rows(warehouse: Warehouse, ledger: Ledger) -> Finding:
    stored = {"events": "events", "profiles": "profile_traits", "accounts": "account_traits"}
    wrong = []
    for kind, table in stored.items():
        expected = {b.id: b.rows for b in ledger.batches(state="stored") if b.kind == kind}
        counts = "true" if kind == "accounts" else COUNTS
        found = dict(warehouse.query(f"SELECT batch, count() FROM {table} WHERE {counts} GROUP BY batch"))
        wrong += [
            f"batch `{batch}` has {found.get(batch, 0):,} of {rows:,} rows"
            for batch, rows in expected.items()
            if found.get(batch, 0) != rows
        ]
    if wrong:
        return Finding("stored rows", Health.BROKEN, "; ".join(wrong[:3]), "`ethogram rebuild` stores them anew.")
    return Finding("stored rows", Health.OK, "every accepted batch is stored whole")


def _waiting(ledger: Ledger) -> Finding:
    waiting = len(ledger.waiting_batches())
    if waiting:
        hint = "The next load stores them, or `ethogram rebuild`."
        return Finding("waiting batches", Health.WARNING, f"{waiting} accepted batches are not stored yet", hint)
    return Finding("waiting batches", Health.OK, "none")


def _files(ledger: Ledger, directory: Path) -> Finding:
    kept = [batch.file for batch in ledger.batches() if batch.file]
    lost = [file for file in kept if not (directory / "batches" / file).exists()]
    if lost:
        hint = "Without them `ethogram rebuild` cannot restore everything: bring them back from a backup."
        return Finding("batch files", Health.BROKEN, f"{len(lost)} of {len(kept)} are missing: `{lost[0]}` …", hint)
    return Finding("batch files", Health.OK, f"{len(kept)} kept for a rebuild")


def _keys(warehouse: Warehouse) -> Finding:
    orphans = warehouse.query(
        "SELECT uniqExact(profile) FROM events WHERE profile NOT IN (SELECT profile FROM profiles)"
    )
    if orphans[0][0]:
        detail = f"{orphans[0][0]:,} profiles have events and no id"
        return Finding("profile keys", Health.BROKEN, detail, "`ethogram rebuild` stores them anew.")
    return Finding("profile keys", Health.OK, "every event belongs to a known profile")


def _run(ledger: Ledger, now: dt.datetime) -> Finding:
    run = ledger.unfinished_run()
    if run is None:
        return Finding("unfinished run", Health.OK, "none")
    health = Health.WARNING if now - run.started_at < _LONG_RUNNING else Health.BROKEN
    return Finding(
        "unfinished run",
        health,
        f"a run of {run.started_at:%Y-%m-%d %H:%M} UTC was cut off, or still goes on",
        "`ethogram run` finishes it.",
    )


def _space(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free
    if free < _LITTLE_SPACE:
        return Finding("disk space", Health.WARNING, f"{free / 1e9:.1f} GB are free", "Make room before the next load.")
    return Finding("disk space", Health.OK, f"{free / 1e9:.0f} GB are free")
