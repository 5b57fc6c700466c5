"""The exit codes and what they mean.

Apart from `failures`, so that `--help` can list them without what it takes to report a failure.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes, as `ethogram --help` documents them."""

    OK = 0
    USER_ERROR = 1
    USAGE = 2
    REJECTS = 3
    BUSY = 4
    DAMAGED = 5
    DIFFERENT = 6
    INTERNAL = 70
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.USER_ERROR: "something to mend: an unknown name, an unreadable file, a segment that cannot be used",
    ExitCode.USAGE: "the command was typed wrongly",
    ExitCode.REJECTS: "loaded, but some rows were rejected",
    ExitCode.BUSY: "another process holds the workspace; try again",
    ExitCode.DAMAGED: "the warehouse is damaged; `ethogram rebuild` restores it",
    ExitCode.DIFFERENT: "`ethogram verify` found something recorded that is not what computing it anew gives",
    ExitCode.INTERNAL: "a failure inside Ethogram",
    ExitCode.INTERRUPTED: "stopped with Ctrl-C",
}


class StoppedError(Exception):
    """The person pressed Ctrl-C; the message says what stays and how to go on."""
