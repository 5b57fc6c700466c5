"""The verb `providers`: who sends the messages of each channel, and whether they do. It opens the ledger only."""

from __future__ import annotations

import importlib

import click

from ethogram.cli.context import json_option, workspace_option
from ethogram.cli.definitions import (
    definitions,
    remove_verb,
    save_verb,
    show_verb,
    shown,
    versions_verb,
    workspace_path,
)
from ethogram.cli.exits import ExitCode
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output

_SAID = {
    "accepted": "took the message",
    "later": "does not take it now",
    "never": "does not take it",
    "misconfigured": "refuses us",
    "lost": "may have taken it: the connection ended before its answer",
}


@click.group(
    cls=Verbs,
    examples=(
        "ethogram providers save mail mail.yaml",
        "ethogram providers test mail me@shop.example",
        "ethogram providers list",
    ),
)
def providers() -> None:
    """Define who sends the messages of each channel, and try them out."""


@providers.command("list", examples=("ethogram providers list", "ethogram providers list --json"))
@json_option
@workspace_option
def list_(as_json: bool) -> None:
    """List the providers; of several of one channel, the one that was saved last sends."""
    with definitions() as opened:
        rows = tuple(map(shown, opened.listed("provider")))
    out = Output()
    if as_json:
        out.json(rows)
        return
    if not rows:
        out.note("there is no provider; `ethogram providers save NAME FILE` makes one")
    for each in rows:
        said = f"  {each.body.get('channel', '')} by {each.body.get('kind', '')}  version {each.version}"
        out.line((visible(each.name), "bold"), visible(said))


@providers.command(
    examples=(
        "ethogram providers test mail me@shop.example",
        "ethogram providers test texts +46701740605",
        "ethogram providers test team  # a chat needs no address",
    )
)
@click.argument("name")
@click.argument("to", default="")
@json_option
@workspace_option
def test(name: str, to: str, as_json: bool) -> None:
    """Send one real test message to an address, and show what the provider says to it.

    The address is an e-mail address, a number, a device's id, or a webhook's address, as the channel has them.
    """
    with importlib.import_module("ethogram.provider_trials").ProviderTrials(workspace_path()) as trials:
        trial = trials.send(name, to)
    out = Output()
    accepted = trial.outcome == "accepted"
    if as_json:
        out.json(trial)
    else:
        why = f": {visible(trial.reason)}" if trial.reason else ""
        out.item(out.mark(accepted), f"{visible(name)} {_SAID[trial.outcome]}{why}")
        if trial.provider_id:
            out.line(f"its id there: {visible(trial.provider_id)}", indent=2)
    if not accepted:
        raise click.exceptions.Exit(ExitCode.USER_ERROR)


@providers.command("new-keys", examples=("ethogram providers new-keys", "ethogram providers new-keys --json"))
@json_option
def new_keys(as_json: bool) -> None:
    """Make a pair of keys for web push; whoever changes them loses all subscriptions. Saves nothing."""
    keys = importlib.import_module("ethogram.provider_trials").new_keys()
    out = Output()
    if as_json:
        out.json(keys)
        return
    out.verbatim(f"private_key: {keys.private}")
    out.note("keep it secret, in the environment of the server; browsers are given this one by the server:")
    out.note(keys.public)


for _made in (save_verb, show_verb, versions_verb, remove_verb):
    providers.add_command(_made("provider", "mail"))
