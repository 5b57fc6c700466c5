"""Writes answers to standard output: tables, facts, indented lines, or JSON; and notes to standard error.

On a terminal there are colours and the terminal's width; elsewhere plain text, folded and never cut. Everything that
comes from data has passed `hostile.visible` or passes it here. The renderer is imported at the first use.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ethogram.cli.hostile import visible
from ethogram.cli.plain import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console, RenderableType
    from rich.text import Text

Part = str | tuple[str, str]  # text, or text with a style

_NEVER_FOLDED = 30  # cells up to this width stay on one line
_READABLE = 24  # a column of sentences narrower than this is no pleasure to read
_PIPE_WIDTH = 120  # wide enough for a sentence beside numbers, narrow enough for a page


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: its head, which side it leans to, its style, and whether it may be folded."""

    head: str
    justify: Literal["left", "right"] = "left"
    style: str = ""
    fold: bool = False


class Output:
    """Where a verb writes its answer."""

    def __init__(self) -> None:
        self._consoles: dict[bool, Console] = {}

    @property
    def ascii_only(self) -> bool:
        """Whether standard output can only show ASCII."""
        return not (getattr(sys.stdout, "encoding", None) or "ascii").lower().startswith("utf")

    def mark(self, holds: bool) -> Part:
        """A tick or a cross."""
        if self.ascii_only:
            return ("yes", "green") if holds else ("no ", "red")
        return ("✓", "green") if holds else ("✗", "red")

    def json(self, value: object) -> None:
        """Prints a value as JSON."""
        print(to_json(value))

    def blank(self) -> None:
        """Prints an empty line."""
        print()

    def line(self, *parts: Part, indent: int = 0) -> None:
        """Prints one paragraph; what does not fit goes on under its own beginning."""
        from rich.padding import Padding

        self._print(Padding(_assembled(parts), (0, 0, 0, indent)) if indent else _assembled(parts))

    def item(self, mark: Part, *parts: Part, indent: int = 0) -> None:
        """Prints a paragraph that hangs on a mark: what does not fit goes on beside the mark, not below it."""
        from rich.padding import Padding
        from rich.table import Table

        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(_assembled((mark,)), _assembled(parts))
        self._print(Padding(table, (0, 0, 0, indent)))

    def verbatim(self, text: str) -> None:
        """Prints text as it is, unfolded (SQL, a command to copy); the caller has made it harmless."""
        print(text)

    def facts(self, rows: Iterable[tuple[str, Part]]) -> None:
        """Prints names with values beside them; nothing where there are none."""
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", overflow="fold")
        table.add_column(overflow="fold")
        for name, part in rows:
            table.add_row(name, _assembled((part,)))
        if not table.rows:
            return
        self._print(table)

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[Part]], *, error: bool = False) -> None:
        """Prints a table, if it has rows; words stay whole where they can, and nothing is ever cut off.

        Args:
            error: to standard error, because it is no answer.
        """
        from rich import box
        from rich.table import Table

        held = [tuple(_assembled((part,)) for part in row) for row in rows]
        if not held:
            return
        columns, held = _stacked(columns, held, self._console(error=error).width)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
        for index, column in enumerate(columns):
            widest = _widest(column, index, held)
            table.add_column(
                column.head,
                justify=column.justify,
                style=column.style,
                overflow="fold",
                # A number or a name is only folded when it could not fit in any way.
                min_width=None if column.fold else min(widest, _NEVER_FOLDED),
            )
        for row in held:
            table.add_row(*row)
        self._print(table, error=error)

    def note(self, *parts: Part) -> None:
        """Prints a remark to standard error, so that it does not mix with the answer."""
        self._print(_assembled(parts), error=True)

    def warn(self, message: str, hint: str | None = None) -> None:
        """Prints a warning and what to do about it to standard error."""
        self.note(("warning: ", "yellow"), visible(message), *([("\n  " + visible(hint), "dim")] if hint else []))

    def _print(self, renderable: RenderableType, *, error: bool = False) -> None:
        target = self._console(error=error)
        if target.is_terminal:
            target.print(renderable)
            return
        with target.capture() as captured:
            target.print(renderable)
        # Files and diffs are nicer without the blanks that pad a table's last column.
        for line in captured.get().removesuffix("\n").split("\n"):
            print(line.rstrip(), file=sys.stderr if error else sys.stdout)

    def _console(self, *, error: bool) -> Console:
        if error not in self._consoles:
            self._consoles[error] = console(error=error)
        return self._consoles[error]


def _widest(column: Column, index: int, rows: Sequence[tuple[Text, ...]]) -> int:
    return max([len(column.head), *(row[index].cell_len for row in rows)])


def _stacked(
    columns: Sequence[Column], rows: list[tuple[Text, ...]], width: int
) -> tuple[Sequence[Column], list[tuple[Text, ...]]]:
    """The table as it is, or with its sentences below the first cell, where they would be squeezed into a sliver."""
    folded = [index for index, column in enumerate(columns) if column.fold]
    fixed = sum(
        min(_widest(columns[index], index, rows), _NEVER_FOLDED) for index in range(len(columns)) if index not in folded
    )
    left = width - fixed - 3 * (len(columns) - 1)
    if not folded or columns[0].fold or left >= _READABLE * len(folded):
        return columns, rows
    from rich.text import Text

    stacked = []
    for row in rows:
        first = row[0].copy()
        for index in folded:
            if row[index].plain:
                label = "\n" if index == folded[0] else f"\n{columns[index].head}: "
                first.append(Text(label + row[index].plain, style="not bold default"))
        stacked.append((first, *(cell for index, cell in enumerate(row) if index and index not in folded)))
    kept = [replace(columns[0], fold=True), *(column for column in columns[1:] if not column.fold)]
    return kept, stacked


def console(*, error: bool) -> Console:
    """A console on standard output or error that takes data literally: no markup, no emoji codes, no guessing."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    piped = not stream.isatty()
    width = _PIPE_WIDTH if piped and "COLUMNS" not in os.environ else None
    return Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=False, width=width)


def _assembled(parts: Iterable[Part]) -> Text:
    from rich.text import Text

    text = Text()
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        text.append(words, style=style or None)
    return text
