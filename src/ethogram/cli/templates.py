"""The verb `templates`: what messages are made from. It opens the ledger only, so it works beside a server."""

from __future__ import annotations

import click

from ethogram.cli.definitions import add_all
from ethogram.cli.help import Verbs


@click.group(
    cls=Verbs,
    examples=(
        "ethogram templates save hello hello.yaml",
        "ethogram templates list",
        "ethogram templates show hello",
    ),
)
def templates() -> None:
    """Define what messages say, in Liquid and MJML."""


add_all(templates, "template", "hello")
