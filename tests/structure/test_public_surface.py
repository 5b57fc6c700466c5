"""What users may rely on, as a list: a name that comes or goes is a decision, not an accident."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys

import ethogram
from ethogram import errors
from structure.imports import SOURCE

WORKSPACE = {
    "active", "apply_ready", "backlog", "catalogue", "changes_after", "changes_kept", "close", "collect", "configure",
    "daily", "doctor", "evaluate", "event_counts", "explain", "find_people",
    "guess_mapping", "history",
    "keep_live", "look_up", "prune", "recorded_members",
    "load_accounts", "load_events", "load_profiles", "members", "now", "outcomes", "overlap", "preview", "profile",
    "ready", "rebuild",
    "run", "set_vocabulary", "status", "timeline", "traits", "verify", "vocabulary", "why",
}  # fmt: skip


def test_the_names_that_the_documentation_uses_are_exported() -> None:
    assert {"Workspace", "init", "members", "open", "parse", "count", "did", "prop", "sum", "trait"} <= set(
        ethogram.__all__
    )
    assert sorted(set(ethogram.__all__)) == sorted(ethogram.__all__)
    for name in ethogram.__all__:
        assert getattr(ethogram, name) is not None


def test_every_error_is_exported_by_the_package() -> None:
    tree = {name for name, member in vars(errors).items() if inspect.isclass(member) and issubclass(member, Exception)}
    assert tree <= set(ethogram.__all__) | set(dir(ethogram.errors))


def test_error_codes_are_stable_and_distinct() -> None:
    members = vars(errors).values()
    found = [member for member in members if inspect.isclass(member) and issubclass(member, errors.EthogramError)]
    assert sorted(member.code for member in found) == [
        "definition_invalid", "error", "input_invalid", "internal_error", "ledger_error", "segment_invalid",
        "segment_syntax", "setting_invalid", "unknown_name", "user_error", "warehouse_damaged",
        "warehouse_error", "workspace_busy",
    ]  # fmt: skip


def test_a_workspace_has_exactly_the_verbs_of_the_documentation() -> None:
    public = {name for name, value in vars(ethogram.Workspace).items() if not name.startswith("_") and callable(value)}
    assert public == WORKSPACE


def test_importing_the_package_starts_no_engine() -> None:
    code = "import ethogram, sys; print([name for name in ('chdb', 'pandas', 'sqlalchemy') if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
