"""How `--help` looks: sections, examples and exit codes, with colour on a terminal.

Written on click alone: a renderer of tables costs three times the 0.2 seconds that help may take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Formatter(click.HelpFormatter):
    """click's formatter with coloured heads and terms."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, click.style("Usage: ", bold=True) if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{click.style(heading + ':', bold=True)}\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl([(click.style(term, fg="cyan"), said) for term, said in rows], col_max, col_spacing)


class Context(click.Context):
    """click's context with our formatter."""

    formatter_class = Formatter


class Verb(click.Command):
    """One verb.

    Args:
        examples: command lines to show at the end of the help, each optionally followed by `  # what it does`.
    """

    context_class = Context

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        write_examples(self.examples, formatter)


class Verbs(click.Group):
    """A verb with verbs of its own (`ethogram segments list`)."""

    context_class = Context
    command_class = Verb

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        write_examples(self.examples, formatter)


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Writes the examples as lines to copy, comments dimmed."""
    if not examples:
        return
    with formatter.section("Examples"):
        for example in examples:
            line, mark, comment = example.partition("  # ")
            told = click.style(mark + comment, dim=True) if comment else ""
            formatter.write(f"{'':>{formatter.current_indent}}{line}{told}\n")
