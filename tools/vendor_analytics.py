"""Fetches the files that the Segment HTML snippet loads, and writes them under `src/ethogram/web/static/vendor`.

The npm client brings `@segment/analytics-next` (MIT); the registry's own checksum is verified by it and kept in the
manifest beside the checksum of each file as written. `--check` compares files and manifest without any network.

    python tools/vendor_analytics.py 1.84.3     # fetch this version and write it
    python tools/vendor_analytics.py --check    # are the files those of the manifest?
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

PACKAGE = "@segment/analytics-next"
FOLDER = Path(__file__).parent.parent / "src" / "ethogram" / "web" / "static" / "vendor" / "analytics-next"
MANIFEST = FOLDER / "manifest.json"
LOADER = "analytics.min.js"

# Of the package's bundles those that our settings document can make the loader ask for: reading `ajs_…` from the page's
# address, and trackLink, trackForm. The others serve destinations in the browser, routing rules, plans, old videos.
BUNDLES = ("queryString", "auto-track")

# The loader finds its host by the address of its script tag, but looks for https only. This says it for http too, so
# that a page can be tried against a server on the same machine.
HOST = """\
/* @segment/analytics-next {version}, MIT: see LICENSE beside this file. The first statement is Ethogram's. */
(function(s){{if(!s)return;var a=window[s.getAttribute("data-global-segment-analytics-key")||"analytics"],\
m=/^(https?:\\/\\/.*)\\/analytics\\.js\\/v1\\//.exec(s.src);if(a&&m&&!a._cdn)a._cdn=m[1]}})(document.currentScript);
"""


def fetch(version: str) -> None:
    """Writes the files of one version, its licence and the manifest; files of another version go."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", f"{PACKAGE}@{version}", "--json", "--ignore-scripts", "--pack-destination", scratch]
        packed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)[0]
        with tarfile.open(Path(scratch) / packed["filename"]) as archive:
            contents = {
                member.name.removeprefix("package/"): file.read()
                for member in archive.getmembers()
                if (file := archive.extractfile(member)) is not None
            }
    found = json.loads(contents["package.json"])
    if found["license"] != "MIT":
        sys.exit(f"{PACKAGE} {version} is under {found['license']}, not MIT: decide anew whether it may be shipped")
    written = {LOADER: ("dist/umd/standalone.js", HOST.format(version=version).encode())}
    for bundle in BUNDLES:
        names = [name for name in contents if re.fullmatch(rf"dist/umd/{bundle}\.bundle\.\w+\.js", name)]
        if len(names) != 1:
            sys.exit(f"{PACKAGE} {version} has {len(names)} bundles called {bundle}, not one: see what replaced it")
        written[names[0].rpartition("/")[2]] = (names[0], b"")
    written["LICENSE"] = (next(name for name in contents if name.upper().startswith("LICENSE")), b"")

    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    files: dict[str, Any] = {}
    for name, (source, before) in sorted(written.items()):
        # The source maps are four times as large as the code and are not shipped, so nothing may point at them.
        content = before + re.sub(rb"\n//# sourceMappingURL=\S+\s*$", b"\n", contents[source])
        (FOLDER / name).write_bytes(content)
        files[name] = {"from": source, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    about = {"package": PACKAGE, "version": version, "licence": "MIT", "integrity": packed["integrity"], "files": files}
    MANIFEST.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def differences() -> list[str]:
    """Says which vendored files are not those of the manifest."""
    files = json.loads(MANIFEST.read_text(encoding="utf-8"))["files"]
    there = {path.name for path in FOLDER.iterdir()} - {MANIFEST.name}
    wrong = [f"{name} is missing" for name in sorted(files.keys() - there)]
    wrong += [f"{name} is not in the manifest" for name in sorted(there - files.keys())]
    for name in sorted(there & files.keys()):
        if hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() != files[name]["sha256"]:
            wrong.append(f"{name} has another checksum than the manifest says")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description="Vendors the files that the Segment HTML snippet loads.")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("version", nargs="?", help=f"the version of {PACKAGE} to fetch")
    wanted.add_argument("--check", action="store_true", help="compare the files with the manifest")
    given = parser.parse_args()
    if not given.check:
        fetch(given.version)
    if wrong := differences():
        sys.exit("\n".join(wrong))
    print(f"{len(json.loads(MANIFEST.read_text(encoding='utf-8'))['files'])} files as the manifest says")


if __name__ == "__main__":
    main()
