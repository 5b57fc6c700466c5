"""The verb `serve`: a server that takes events from the SDKs that people have."""

from __future__ import annotations

import importlib

import click

from ethogram.cli.context import found, workspace_option
from ethogram.cli.help import Verb
from ethogram.cli.output import Output


@click.command(
    cls=Verb,
    examples=(
        "ethogram serve",
        "ethogram serve --host 0.0.0.0 --port 8080",
        "ethogram serve --role collect --port 8001  # beside another process",
    ),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 is any free one.")
@click.option(
    "--role",
    type=click.Choice(("all", "collect", "work")),
    default="all",
    show_default=True,
    help="all: take events and move them to the warehouse. collect: only take them; any number of these beside the one "
    "that owns the warehouse. work: only move them.",
)
@click.option(
    "--senders",
    default=0,
    show_default=True,
    type=click.IntRange(0, 64),
    help="Processes that write messages and give them to providers, for campaigns to many people; 0 does both in this "
    "one.",
)
@workspace_option
def serve(host: str, port: int, role: str, senders: int) -> None:
    """Take events over HTTP, as the Segment tracking spec sends them.

    Answers 200 when a request is on disk. `ethogram keys add` makes the key that senders need. Ends on Ctrl-C or
    SIGTERM, after the requests that it has are answered.
    """
    path = found(click.get_current_context().find_object(str))
    serving = importlib.import_module("ethogram.serving")  # `--help` starts no engine
    out = Output()

    def welcome(link: str) -> None:
        out.line("to become the console's first user, open this link (it works once, within a day):")
        click.echo(f"  {link}")  # in one piece, however narrow the terminal

    serving.serve(
        path,
        host=host,
        port=port,
        role=serving.Role(role),
        senders=senders,
        announce=lambda address: out.line("listening at ", (address, "cyan"), f" (role {role})"),
        welcome=welcome,
    )
