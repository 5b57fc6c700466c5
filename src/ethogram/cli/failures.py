"""What a failure looks like on the command line, and which exit code it ends with.

Reads an exception, writes a few quiet lines (or one line of JSON) to standard error. A traceback is shown only when
`ETHOGRAM_TRACEBACK=1` asks for it.
"""

from __future__ import annotations

import os
import sys
import traceback

import click

from ethogram.cli.exits import ExitCode, StoppedError
from ethogram.cli.hostile import visible, visible_lines
from ethogram.cli.plain import to_json
from ethogram.errors import (
    EthogramError,
    UserError,
    WarehouseDamagedError,
    WorkspaceBusyError,
)


def report(error: BaseException, *, as_json: bool) -> ExitCode:
    """Writes the failure to standard error and returns the exit code it means."""
    if os.environ.get("ETHOGRAM_TRACEBACK") == "1":
        traceback.print_exception(error)
    if isinstance(error, StoppedError):
        return _show("interrupted", str(error), None, {}, ExitCode.INTERRUPTED, as_json=as_json)
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return _show(
            "interrupted",
            "Stopped. The same command may be run again.",
            None,
            {},
            ExitCode.INTERRUPTED,
            as_json=as_json,
        )
    if isinstance(error, click.ClickException):
        return _usage(error, as_json=as_json)
    if isinstance(error, EthogramError):
        return _show(error.code, error.message, error.hint, error.fields, _code_of(error), as_json=as_json)
    if isinstance(error, OSError) and error.strerror:
        place = f"`{error.filename}`: " if error.filename is not None else ""
        hint = "Check the path, its permissions and the free space, and try again."
        return _show("system", f"{place}{error.strerror}", hint, {}, ExitCode.USER_ERROR, as_json=as_json)
    hint = "This is a fault in Ethogram. Set ETHOGRAM_TRACEBACK=1 and run it again to see where, and report it."
    message = f"something failed inside Ethogram: {type(error).__name__}: {error}"
    return _show("internal_error", message, hint, {}, ExitCode.INTERNAL, as_json=as_json)


def _code_of(error: EthogramError) -> ExitCode:
    if isinstance(error, WorkspaceBusyError):
        return ExitCode.BUSY
    if isinstance(error, WarehouseDamagedError):
        return ExitCode.DAMAGED
    return ExitCode.USER_ERROR if isinstance(error, UserError) else ExitCode.INTERNAL


def _usage(error: click.ClickException, *, as_json: bool) -> ExitCode:
    code = ExitCode.USAGE if isinstance(error, click.UsageError) else ExitCode.USER_ERROR
    hint = None
    if isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f"`{error.ctx.command_path} --help` shows how it is used."
    name = "usage" if code is ExitCode.USAGE else "user_error"
    return _show(name, error.format_message(), hint, {}, code, as_json=as_json)


def _show(
    code: str, message: str, hint: str | None, fields: dict[str, object], exit_code: ExitCode, *, as_json: bool
) -> ExitCode:
    if as_json:
        told = {"code": code, "message": message, "hint": hint, "exit_code": int(exit_code)}
        print(to_json({"error": {**fields, **told}}, indent=None), file=sys.stderr)
        return exit_code
    # click.echo drops the colours where standard error is no terminal.
    head = "" if exit_code is ExitCode.INTERRUPTED else click.style("error: ", fg="red", bold=True)
    click.echo(head + visible_lines(message), err=True)
    for line in visible_lines(hint).splitlines() if hint else ():
        click.echo(click.style("  " + visible(line), dim=True), err=True)
    return exit_code
