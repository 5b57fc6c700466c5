"""The command line: one verb for every step of the path.

Reads the arguments and what `runtime.Workspace` answers, writes text or JSON to standard output and messages to
standard error. Decides nothing itself: each verb is one call of the library. Start-up is kept light: the engine, Arrow
and the tables' renderer are imported when a verb needs them, never for `--help`.
"""

from __future__ import annotations

from ethogram.cli.app import app


def main() -> None:
    """Runs the command line with the process's arguments, and ends the process with its exit code."""
    app.main(prog_name="ethogram")


__all__ = ["app", "main"]
