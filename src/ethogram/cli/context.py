"""Finds and opens the workspace a command is about, and holds the options that verbs share.

Reads `--workspace`, `ETHOGRAM_WORKSPACE` and the directories upwards; opens through `runtime`. This is the only module
of the command line that imports `runtime`, and it does so when a workspace is opened: the engine and Arrow behind it
take longer to import than `--help` may take altogether.
"""

from __future__ import annotations

import datetime as dt
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import click

from ethogram.errors import InputError, SettingError, UserError, WarehouseDamagedError

if TYPE_CHECKING:
    from types import ModuleType

    from ethogram.runtime import Workspace

SETTINGS_FILE = "ethogram.toml"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Decorated = TypeVar("Decorated", bound=Callable[..., Any])
AsOf = dt.date | dt.datetime | str | None  # a day, an instant (perhaps naive), 'latest', or the present


def runtime() -> ModuleType:
    """The module that puts the parts together."""
    return importlib.import_module("ethogram.runtime")  # here for the reason given in the module's docstring


def tree_schema() -> dict[str, Any]:
    """The JSON Schema of a segment's tree: the language alone, so that no engine is started for it."""
    schema: dict[str, Any] = importlib.import_module("ethogram.segment.tree").json_schema()
    return schema


@contextmanager
def opened(*, even_damaged: bool = False) -> Iterator[Workspace]:
    """The workspace of this command, closed again at the end.

    Args:
        even_damaged: for verbs that look at damage or mend it; all others would answer from fewer rows.

    Raises:
        WarehouseDamagedError: parts of what was loaded are broken.
        UserError: there is no workspace.
        WorkspaceBusyError: another process holds it.
    """
    path = found(click.get_current_context().find_object(str))
    workspace: Workspace
    with runtime().Workspace(path, even_damaged=True) as workspace:
        if workspace.damage and not even_damaged:
            _refuse(workspace.damage)
        yield workspace


def _refuse(damage: tuple[str, ...]) -> None:
    told = "\n".join(f"  {each}" for each in damage)
    # A rebuild restores what was loaded; what a run computed, the next run computes again.
    if all("table `membership" in each for each in damage):
        click.echo(
            f"warning: recorded memberships are damaged; the next `ethogram run` computes them anew\n{told}", err=True
        )
        return
    raise WarehouseDamagedError(
        f"the warehouse is damaged, and answers would be wrong:\n{told}",
        hint="`ethogram rebuild` restores it from the accepted batches; `ethogram doctor` says more.",
    )


def found(given: str | None) -> Path:
    """The directory of the workspace meant.

    Args:
        given: what `--workspace` said, if anything.
    """
    named = given or os.environ.get("ETHOGRAM_WORKSPACE")
    if named:
        path = Path(named).expanduser()
        if (path / SETTINGS_FILE).is_file():
            return path
        raise UserError(
            f"`{path}` is not a workspace: it has no {SETTINGS_FILE}", hint=f"`ethogram init {path}` makes it one."
        )
    here = Path.cwd()
    for directory in (here, *here.parents):
        if (directory / SETTINGS_FILE).is_file():
            return directory
    raise UserError(
        f"there is no workspace here: neither `{here}` nor a directory above it has an {SETTINGS_FILE}",
        hint="`ethogram init` makes this directory one; `--workspace DIRECTORY` names another.",
    )


def zone_of(workspace: Workspace) -> ZoneInfo:
    """The workspace's time zone, in which instants are shown."""
    return ZoneInfo(workspace.settings.timezone)


def workspace_option(command: Decorated) -> Decorated:
    """Adds `--workspace`, which wins over the one before the verb."""

    def remember(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        if value:
            ctx.obj = value

    option = click.option(
        "--workspace",
        "-w",
        metavar="DIRECTORY",
        expose_value=False,
        callback=remember,
        help="The workspace (default: here, or the nearest directory above).",
    )
    return option(command)


def json_option(command: Decorated) -> Decorated:
    """Adds `--json`, passed on as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON; instants are ISO 8601 with zone.")(command)


def as_of_option(command: Decorated) -> Decorated:
    """Adds `--as-of`, passed on as `as_of` for `resolved`."""
    return click.option(
        "--as-of",
        type=_AsOf(),
        metavar="WHEN",
        help="An instant (2026-01-31T12:00), a day (2026-01-31: its end, in the workspace's zone), or `latest` (the "
        "newest event). Default: the workspace's now.",
    )(command)


def resolved(as_of: AsOf, workspace: Workspace) -> dt.datetime | None:
    """The instant that `--as-of` means in this workspace; None for its now.

    A day means its end, as it does in `between A and B`: everything that happened on that day counts.
    """
    if as_of is None:
        return None
    zone = zone_of(workspace)
    if isinstance(as_of, str):
        return workspace.now("latest")
    if isinstance(as_of, dt.datetime):
        return (as_of if as_of.tzinfo else as_of.replace(tzinfo=zone)).astimezone(dt.UTC)
    began = dt.datetime.combine(as_of, dt.time(), zone).astimezone(dt.UTC)
    ended = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time(), zone).astimezone(dt.UTC)
    now = workspace.now()
    # Of the day that is still going on, as much as there is: what lies ahead has not happened.
    return now if began <= now < ended else ended - dt.timedelta(microseconds=1)


class _AsOf(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases of click
    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> AsOf:
        text = str(value).strip()
        if text == "latest":
            return text
        try:
            day = _DAY.fullmatch(text)
            read = dt.date.fromisoformat(text) if day else dt.datetime.fromisoformat(text)
        except ValueError:
            read = None
        if read is None or not 1900 <= read.year < 2300:
            self.fail(
                f"`{value}` is neither a day (2026-01-31), nor an instant (2026-01-31T12:00 or …T12:00:00+01:00), "
                "nor `latest`.",
                param,
                ctx,
            )
        return read


def read_text(argument: str | None, file: Path | None, *, what: str = "a segment's text") -> str:
    """The text given as an argument, in a file, or on standard input (`-`).

    Raises:
        click.UsageError: none of them was given, or two.
        InputError: the file is not UTF-8 text.
    """
    if (argument is None) == (file is None):
        raise click.UsageError(f"Give {what} either as an argument (in quotes), or with -f FILE, or `-` to read it.")
    if argument is not None and argument != "-":
        return argument
    source = "standard input" if file is None or str(file) == "-" else str(file)
    try:
        raw = sys.stdin.buffer.read() if source == "standard input" else Path(source).read_bytes()
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"`{source}` is not UTF-8 text: byte {error.start + 1} cannot be read", hint="Save it as UTF-8."
        ) from None
    if not text.strip():
        raise InputError(f"`{source}` is empty", hint=f"Write {what} into it.")
    return text.strip()


def checked_timezone(name: str) -> str:
    """The name, if it is an IANA time zone.

    Raises:
        SettingError: it is not.
    """
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise SettingError(
            f"`{name}` is not a time zone", hint="Use an IANA name such as `Europe/Stockholm` or `UTC`."
        ) from None
    return name


def pasted(*words: str) -> str:
    """A command line to copy, each word quoted for the shell where it needs it."""
    import shlex  # 5 ms that help should not cost

    return " ".join(shlex.quote(word) for word in words)
