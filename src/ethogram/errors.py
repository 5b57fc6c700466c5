"""Every error that Ethogram raises, in one tree.

    EthogramError
    ├── UserError                     safe to show; says what to change
    │   ├── SegmentError              a definition cannot be used
    │   │   └── SegmentSyntaxError    the text cannot be read; carries line, column and a caret
    │   ├── DefinitionError           a template, campaign, journey … cannot be used; carries all its faults
    │   ├── UnknownNameError          no such segment, profile, template …
    │   ├── InputError                a file, row or value cannot be taken
    │   ├── SettingError              a setting is missing or wrong
    │   └── WorkspaceBusyError        another process holds the workspace (retryable)
    └── InternalError                 not the user's doing
        ├── WarehouseError            the warehouse refused a statement
        │   └── WarehouseDamagedError parts are missing or broken
        └── LedgerError               the ledger refused a statement

Each class has a stable `code` for machines and carries its identifiers as fields. `hint` says what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class EthogramError(Exception):
    """Anything that Ethogram raises on purpose."""

    code = "error"
    retryable = False

    def __init__(self, message: str, *, hint: str | None = None, **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields = fields

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UserError(EthogramError):
    """Something the caller can mend; the message is safe to show."""

    code = "user_error"


class SegmentError(UserError):
    """A definition is readable but cannot be used (a cycle, a wrong type, an impossible window)."""

    code = "segment_invalid"


class SegmentSyntaxError(SegmentError):
    """A segment's text cannot be read.

    `line` and `column` count from 1; `str()` shows the line with a caret under the place.
    """

    code = "segment_syntax"

    def __init__(self, problem: str, *, text: str, line: int, column: int, hint: str | None = None) -> None:
        source = "".join(max(character, " ") for character in text.split("\n")[line - 1])
        start = max(0, column - 101)  # of a very long line, the part around the place
        shown, caret = source[start : start + 160], " " * (column - 1 - start)
        message = f"line {line}, column {column}: {problem}\n  {shown}\n  {caret}^"
        super().__init__(message, hint=hint, line=line, column=column)
        self.problem = problem
        self.line = line
        self.column = column


class DefinitionError(UserError):
    """A definition (of a template, a campaign, a journey …) cannot be used.

    `faults` are all of them, each as its place in the document and what is wrong there.
    """

    code = "definition_invalid"

    def __init__(self, what: str, faults: Sequence[tuple[str, str]], *, hint: str | None = None) -> None:
        told = "\n".join(f"  {place or 'the document'}: {wrong}" for place, wrong in faults)
        super().__init__(
            f"{what} has {len(faults)} {'fault' if len(faults) == 1 else 'faults'}:\n{told}",
            hint=hint,
            faults=[{"place": place, "wrong": wrong} for place, wrong in faults],
        )
        self.faults = tuple(faults)


class UnknownNameError(UserError):
    """There is nothing of that name."""

    code = "unknown_name"


class InputError(UserError):
    """A file, a row or a value cannot be taken as it is."""

    code = "input_invalid"


class SettingError(UserError):
    """A setting is missing or has a value that does not fit."""

    code = "setting_invalid"


class WorkspaceBusyError(UserError):
    """Another process holds the workspace."""

    code = "workspace_busy"
    retryable = True


class InternalError(EthogramError):
    """Something that is not the caller's doing."""

    code = "internal_error"


class WarehouseError(InternalError):
    """The warehouse refused a statement."""

    code = "warehouse_error"


class WarehouseDamagedError(WarehouseError):
    """Parts of the warehouse are detached or broken; `ethogram rebuild` restores them."""

    code = "warehouse_damaged"


class LedgerError(InternalError):
    """The ledger refused a statement."""

    code = "ledger_error"
