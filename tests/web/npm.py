"""Clients from npm, exact versions with checksums, installed once into the project's cache; skips aloud without npm."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parent / "clients"
_CACHE = Path(__file__).parents[2] / ".cache"


def clients() -> Path:
    """The folder `node_modules` with the clients of `clients/package.json`.

    The lock names no registry, so that it holds on every machine; npm checks each package against its checksum.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip(
            "no node and npm here: install them (Debian and Ubuntu: apt install nodejs npm) to test such clients"
        )
    lock = CLIENTS / "package-lock.json"
    folder = _CACHE / f"clients-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(CLIENTS / name, folder)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install the clients: {done.stderr.strip()[-300:]}")
        (folder / "installed").touch()
    return folder / "node_modules"
