"""The architecture as a test: who may import whom, that there is no cycle, and who may touch time and drivers."""

from __future__ import annotations

import ast
import sys

import pytest

from structure.imports import IMPORTS, MODULES, OWN, ROOT, TREES, Import

LEAVES = ("errors", "clock", "ids")

# Package (or module) -> which of our own it may import beside itself. What is not listed may import nothing.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "errors": (),
    "clock": (),
    "ids": (),
    "model": LEAVES,
    "config": ("errors",),
    "store": (*LEAVES, "model"),
    "collect": (*LEAVES, "model", "store"),
    "segment language": (*LEAVES, "model"),
    "segment running": (*LEAVES, "model", "store", "segment language"),
    "measure": (*LEAVES, "model", "store", "segment language"),
    # The composition root, in two parts: what a workspace has opened, and its definitions.
    "definitions": (*LEAVES, "model", "store", "segment language", "segment running", "measure", "runtime"),
    "drafting": (
        *LEAVES, "model", "store", "segment language", "segment running", "measure", "definitions", "runtime",
    ),
    "picturing": (*LEAVES, "model", "store", "segment language", "measure", "runtime"),
    "exploring": (*LEAVES, "model", "store", "segment language", "segment running", "measure"),
    "identities": (*LEAVES, "model", "store", "runtime"),
    "people": (*LEAVES, "model", "store", "segment language", "segment running", "measure", "identities"),
    # What people may ask for about themselves.
    "privacy": (*LEAVES, "model", "store"),
    "rights": (*LEAVES, "model", "store", "privacy", "runtime"),
    # Who somebody is, as a provider says.
    "single_sign_on": (*LEAVES, "config", "deliver"),
    "documents": LEAVES,
    # A made-up shop, for looking round.
    "generated_shop": (),
    # What campaigns send, in the warehouse's process; and what each message says.
    "engaging": (*LEAVES, "config", "model", "store", "collecting", "people", "composing", "decide", "deliver"),
    "engaged": (*LEAVES, "model", "store", "collecting", "runtime", "engaging", "providing", "sending", "deliver"),
    "providing": (*LEAVES, "model", "store", "deliver"),
    "composing": (*LEAVES, "config", "model", "store", "decide", "deliver"),
    # Writes messages and gives them to providers, in a process beside the one that has the warehouse.
    "hand": (*LEAVES, "config", "model", "store", "collecting", "composing", "providing", "deliver", "workers"),
    # Who may use the console: the ledger only.
    "team": (*LEAVES, "model", "store", "collecting"),
    "applying": (*LEAVES, "model", "documents", "engagement", "runtime", "decide", "segment language"),
    # Definitions of engagement, and campaigns by name: the ledger only, so they work beside a server.
    "engagement": (*LEAVES, "config", "model", "store", "collecting", "segment language", "decide", "deliver"),
    "campaigning": (*LEAVES, "config", "model", "store", "collecting", "decide"),
    "journeying": (*LEAVES, "model", "store", "collecting", "decide"),
    "reporting": (*LEAVES, "model", "store", "collecting", "runtime", "decide", "measure"),
    "rehearsing": (*LEAVES, "model", "store", "people", "engaging", "decide", "deliver"),
    "readying": (*LEAVES, "decide", "engagement", "runtime"),
    "decide": (*LEAVES, "model", "store", "segment language", "segment running", "documents"),
    "runtime": (
        *LEAVES, "config", "model", "store", "collect", "segment language", "segment running", "measure", "frames",
        "definitions", "drafting", "exploring", "identities", "people", "picturing", "rights",
    ),
    # One-off questions over data frames: composes a warehouse in memory as `runtime` composes one on disk.
    "frames": (
        *LEAVES, "config", "model", "store", "collect", "segment language", "segment running",
    ),
    "deliver": (*LEAVES, "model", "store"),
    # What sends; whoever has the warehouse hands in members and traits. And who says what is sent: the ledger only.
    "delivering": (*LEAVES, "config", "model", "store", "collecting", "deliver"),
    "recipients": (*LEAVES, "config", "model", "store", "collecting", "deliver"),
    # Catalogues and coupon codes from files, read as events are, kept in the ledger.
    "catalog_files": (*LEAVES, "model", "store", "collect"),
    "catalogs": (*LEAVES, "model", "store", "collecting", "catalog_files"),
    "coupons": (*LEAVES, "config", "store", "collecting", "catalog_files"),
    # What people chose to receive and where they can be reached, said on their behalf.
    "consenting": (*LEAVES, "config", "model", "store", "collecting", "catalog_files", "deliver"),
    "reaching": (*LEAVES, "model", "store", "collecting", "catalog_files"),
    # A test message by a provider, in an event loop of its own.
    "provider_trials": (*LEAVES, "config", "model", "store", "collecting", "deliver"),
    # What a collector needs: the ledger and the intake, no warehouse.
    "collecting": (*LEAVES, "config", "model", "store", "collect"),
    # What sends messages, and takes those who follow their links: the ledger only; the rest is handed in.
    "sending": (*LEAVES, "config", "model", "store", "collecting", "deliver"),
    "tracking": (*LEAVES, "config", "store", "collecting", "deliver"),
    # What visitors' pages ask for: the ledger only.
    "showing": (*LEAVES, "config", "model", "store", "collecting", "decide", "deliver"),
    "registering": (*LEAVES, "model", "store", "collecting", "deliver"),
    # What takes webhooks of providers: the ledger, and fetching from Amazon by the rules of what goes outward.
    "receiving": (*LEAVES, "config", "model", "store", "collect", "collecting", "deliver"),
    # What links in messages lead to: the ledger only.
    "subscribing": (*LEAVES, "config", "model", "store", "collecting", "deliver"),
    # What people answer to texts, and mail that comes back: the ledger only.
    "returning": (*LEAVES, "config", "model", "store", "collecting", "deliver"),
    # What follows along beside a server: the ledger, read only. What plays a history to one: files, and HTTP.
    "following": (*LEAVES, "config", "model", "store", "collecting"),
    "replaying": (*LEAVES, "config", "model", "collect", "collecting"),
    # A server: collectors, the mover and the web application in one process, or apart by role.
    "serving": (*LEAVES, "config", "collecting", "delivering", "recipients", "receiving", "runtime", "web", "workers",
        "subscribing", "tracking", "engaged", "team", "showing", "registering", "returning",
    ),
    "workers": LEAVES,
    "cli": (*LEAVES, "config", "model", "runtime", "collecting", "recipients", "receiving", "following", "replaying",
        "serving", "segment templates", "identities", "documents", "engagement", "campaigning", "journeying",
        "readying", "rehearsing", "reporting", "applying", "sending", "provider_trials", "team",
        "catalogs", "coupons", "consenting", "reaching", "exploring", "rights", ROOT,
    ),
    "web": (*LEAVES, "config", "model", "runtime", "collecting", "recipients", "receiving", "tracking",
        "segment templates", "drafting", "exploring", "picturing",
        "identities", "documents", "engagement", "engaging", "campaigning", "journeying", "readying", "rehearsing",
        "reporting", "applying", "subscribing", "sending", "showing", "registering", "provider_trials",
        "catalogs", "coupons", "consenting", "reaching", "team", "following",
        "returning", "rights", "generated_shop", "single_sign_on",
    ),
    "__main__": ("cli",),
    ROOT: (*LEAVES, "model", "config", "runtime", "frames", "segment language"),
}  # fmt: skip

# The half of `segment` that runs plans and so may use the stores; every other module there is the language half.
RUNNING = {
    "run", "live", "history", "explain", "evaluate", "saved", "scoped", "verify", "why", "fill", "recording", "editing",
    "colleagues", "due", "touched", "reading", "writing",
}  # fmt: skip

# Third-party packages -> who may import them. The standard library is free, except time (below).
DRIVERS: dict[str, tuple[str, ...]] = {
    "chdb": ("store",),
    "clickhouse_connect": ("store",),
    "sqlalchemy": ("store",),
    "alembic": ("store",),
    "pg8000": ("store",),
    "sqlite3": ("store",),
    "pyarrow": ("store", "collect", "segment running", "measure", "deliver", "runtime", "frames", "cli", "web", ROOT),
    "numpy": ("collect", "segment running"),
    "pandas": ("frames",),
    "polars": ("frames",),
    "msgspec": (
        "store",
        "privacy",
        "collect",
        "segment language",
        "segment running",
        "measure",
        "deliver",
        "cli",
        "runtime",
        "web",
    ),
    "aiohttp": ("deliver", "single_sign_on"),
    "yarl": ("deliver",),  # aiohttp's addresses, so that what is checked is what is connected to
    "liquid": ("deliver",),
    "argon2": ("team",),
    "jinja2": ("web",),
    "markupsafe": ("web",),  # of jinja2: text that is escaped already
    "babel": ("deliver", "web"),  # amounts and months of a language; the template language brings it along
    "mjml": ("deliver",),
    "scipy": ("measure",),
    "css_inline": ("deliver",),
    "aiosmtplib": ("deliver",),
    "email_validator": ("deliver",),
    "phonenumbers": ("deliver",),
    "py_vapid": ("deliver",),
    "pywebpush": ("deliver",),
    "jwt": ("deliver", "single_sign_on"),
    "httpcore2": ("deliver",),  # HTTP/2, with a say in what is connected to
    "apprise": ("deliver",),  # an extra, loaded when a channel needs it
    "cronsim": ("deliver", "decide"),
    "yaml": ("documents",),
    "idna": ("model",),  # domains of addresses in one form
    "cryptography": ("collect", "deliver"),  # signatures with public keys, loaded when a source has one
    "uvicorn": ("web",),
    "httptools": ("web",),
    "litestar": ("web",),
    "holidays": ("segment language", "model"),
    "click": ("cli",),
    "rich": ("cli",),
}

# Modules whose functions may import our own late, each with its reason.
LAZY: dict[str, str] = {
    "ethogram.serving": "a collector starts without the framework of what it does not answer",
    ROOT: "`import ethogram` and `ethogram --help` start no engine",
    "ethogram.cli": "a verb's module is imported when it is named",
}

FORBIDDEN_NAMES = {"utils", "helpers", "misc", "common", "base", "core", "manager", "types", "constants"}


def part_of(module: str) -> str:
    """The row of the table that a module belongs to."""
    parts = module.split(".")
    if len(parts) == 1:
        return ROOT
    if parts[1] != "segment":
        return parts[1]
    return "segment running" if len(parts) > 2 and parts[2] in RUNNING else "segment language"


def _allowed(found: Import) -> bool:
    importer, imported = part_of(found.importer), part_of(found.imported)
    allowed = MAY_IMPORT.get(importer, ())
    if "segment templates" in allowed and found.imported.startswith(f"{ROOT}.segment.templates"):
        return True
    return imported == importer or imported in allowed


def test_each_package_imports_only_what_the_architecture_lets_it() -> None:
    broken = [str(found) for found in OWN if not _allowed(found)]
    assert not broken, "\n".join(broken)


def test_every_package_has_a_row_in_the_table() -> None:
    assert {part_of(module) for module in MODULES} <= set(MAY_IMPORT)


def test_there_is_no_import_cycle() -> None:
    # Importing `a.b.c` runs a and a.b as well, but those hold names only; what counts is the module itself.
    edges: dict[str, set[str]] = {module: set() for module in MODULES}
    for found in OWN:
        if not found.lazy and not found.for_types and found.imported in MODULES:
            edges[found.importer].add(found.imported)
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for imported in sorted(edges[module]):
                walk(imported, (*path, module))
            done.add(module)

    for module in edges:
        walk(module, ())


def test_own_modules_are_imported_late_only_where_a_reason_is_noted() -> None:
    late = [
        str(found) for found in OWN if found.lazy and found.importer not in LAZY and part_of(found.importer) != "cli"
    ]
    assert not late, "\n".join(late)


def test_drivers_and_frameworks_stay_in_their_packages() -> None:
    broken = []
    for found in IMPORTS:
        if found.package in DRIVERS and not found.for_types:
            if part_of(found.importer) not in DRIVERS[found.package]:
                broken.append(str(found))
        elif found.package != ROOT and found.package not in sys.stdlib_module_names and found.package not in DRIVERS:
            broken.append(f"{found}, which the table does not know")
    assert not broken, "\n".join(broken)


# Reading the present, by any of its names. Measuring how long something took is no reading of the present.
CLOCKS = {
    ("time", "time"), ("time", "time_ns"), ("time", "localtime"), ("time", "gmtime"), ("datetime", "now"),
    ("datetime", "today"), ("datetime", "utcnow"), ("date", "today"), ("dt", "now"), ("Timestamp", "now"),
}  # fmt: skip


def test_only_the_clock_reads_the_time() -> None:
    readers = []
    for module, tree in TREES.items():
        if module == "ethogram.clock":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value).split(".")[-1]
                if (owner, node.func.attr) in CLOCKS:
                    readers.append(f"{module}:{node.lineno} calls {ast.unparse(node.func)}")
            if isinstance(node, ast.ImportFrom) and node.module == "time":
                readers.extend(
                    f"{module}:{node.lineno} imports time.{alias.name}"
                    for alias in node.names
                    if ("time", alias.name) in CLOCKS
                )
    assert not readers, "\n".join(readers)


def test_sql_does_not_read_the_time_either() -> None:
    words = ("now()", "now64(", "today()", "yesterday()", "CURRENT_TIMESTAMP", "current_timestamp")
    readers = [
        f"{module}:{node.lineno} has `{word}`"
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and module.startswith("ethogram.segment")
        for word in words
        if word in node.value and not _is_docstring(node, tree)
    ]
    assert not readers, "\n".join(readers)


def _is_docstring(constant: ast.Constant, tree: ast.Module) -> bool:
    return any(isinstance(node, ast.Expr) and node.value is constant for node in ast.walk(tree))


@pytest.mark.parametrize("module", MODULES)
def test_no_module_has_a_name_that_says_nothing(module: str) -> None:
    assert not FORBIDDEN_NAMES & set(module.split("."))


@pytest.mark.parametrize("module", [module for module in MODULES if "migrations.versions" not in module])
def test_every_module_opens_with_what_it_does(module: str) -> None:
    tree = TREES[module]
    if tree.body:
        assert ast.get_docstring(tree), (
            f"{module} needs a module docstring: its step of the path, what it reads and writes"
        )


def test_no_package_is_missing_its_init_file() -> None:
    folders = {path.parent for path in MODULES.values()}
    missing = [str(folder) for folder in folders if not (folder / "__init__.py").exists() and folder.name != "versions"]
    assert not missing
