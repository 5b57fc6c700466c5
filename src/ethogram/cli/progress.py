"""A progress bar with rows a second and time left, on standard error, when that is a terminal.

Reads what `load` and `rebuild` report while they work. Elsewhere than on a terminal it stays silent.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from ethogram.cli import wording
from ethogram.cli.output import console

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress, Task, TaskID


class Bar:
    """The bar; does nothing where nobody is watching."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._rows = 0

    def __enter__(self) -> Self:
        if not sys.stderr.isatty():
            return self
        from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
        from rich.text import Text

        bar = self

        class Rows(ProgressColumn):
            def render(self, task: Task) -> Text:
                rate = bar._rows / task.elapsed if task.elapsed else 0
                return Text(f"{wording.number(bar._rows)} rows, {wording.number(round(rate))} rows/s")

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            Rows(),
            TimeRemainingColumn(),
            console=console(error=True),
            transient=True,
        )
        self._progress.start()
        self._task = self._progress.add_task(self._what, total=None)
        return self

    def update(self, rows: int, fraction: float | None) -> None:
        """Shows how far the work is: rows done, and which part of the whole where that is known."""
        if self._progress is None or self._task is None:
            return
        self._rows = rows
        if fraction is None:
            self._progress.update(self._task)
        else:
            self._progress.update(self._task, total=1.0, completed=min(1.0, fraction))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
