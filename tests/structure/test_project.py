"""The project's own files: locked, reproducible, and speaking of the project alone."""

from __future__ import annotations

import csv
import hashlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from structure.imports import PROJECT

LOCKS = [PROJECT / "requirements.lock", PROJECT / "requirements-dev.lock"]


def _locked(path: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for match in re.finditer(r"^([a-z0-9-]+)==(\S+)", (PROJECT / path).read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(match[1], set()).add(match[2])
    return found


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_lock_files_name_no_index_and_hash_everything(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|--index|--extra-index|--find-links", text)
    packages = re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]
    assert packages
    assert all("--hash=sha256:" in package for package in packages)


def test_both_lock_files_choose_the_same_versions() -> None:
    run, develop = _locked("requirements.lock"), _locked("requirements-dev.lock")
    assert {name: versions for name, versions in run.items() if develop.get(name) != versions} == {}


def test_every_dependency_has_a_lower_bound_a_reason_and_a_locked_version() -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)
    develop = _locked("requirements-dev.lock")
    groups = project["dependency-groups"]
    optional = [each for extra in project["project"]["optional-dependencies"].values() for each in extra]
    for requirement in [*project["project"]["dependencies"], *optional, *groups["dev"], *groups["build"]]:
        assert re.split(r"[<>=\[]", requirement)[0] in develop
    for requirement in project["project"]["dependencies"]:
        assert ">=" in requirement
        assert re.search(rf'"{re.escape(requirement)}",\s+# \S', text), f"{requirement} needs its reason"


def test_example_files_are_those_of_the_manifest_and_small_enough() -> None:
    folder = PROJECT / "examples" / "data"
    with (folder / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["file"] for row in rows} == {path.name for path in folder.iterdir()} - {"MANIFEST.csv"}
    for row in rows:
        assert hashlib.sha256((folder / row["file"]).read_bytes()).hexdigest() == row["sha256"]
    assert sum(int(row["bytes"]) for row in rows) < 12_000_000


def test_ci_runs_the_command_that_everybody_runs() -> None:
    script = (PROJECT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make check" in script
    subprocess.run(["bash", "-n", str(PROJECT / ".ci" / "run")], check=True)
