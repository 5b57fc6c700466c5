"""Verbs that keep a workspace well: `status`, `doctor`, `rebuild`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ethogram.cli import wording
from ethogram.cli.context import json_option, opened, workspace_option, zone_of
from ethogram.cli.exits import ExitCode, StoppedError
from ethogram.cli.help import Verb
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output, Part
from ethogram.cli.progress import Bar
from ethogram.model.results import Health

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ethogram.model.results import Finding, Status

_STYLES = {Health.OK: "green", Health.WARNING: "yellow", Health.BROKEN: "bold red"}


@click.command(cls=Verb, examples=("ethogram status", "ethogram status --json"))
@json_option
@workspace_option
def status(as_json: bool) -> None:
    """Show the workspace at a glance."""
    out = Output()
    with opened(even_damaged=True) as workspace:
        found = workspace.status()
        for each in workspace.damage:
            out.warn(f"damaged: {each}", "`ethogram rebuild` restores what was loaded.")
        if as_json:
            out.json(found)
        else:
            show_status(out, found, zone_of(workspace))


def show_status(out: Output, found: Status, zone: ZoneInfo) -> None:
    """Prints the workspace at a glance."""
    facts: list[tuple[str, Part]] = [
        ("workspace", (visible(found.path), "cyan")),
        ("time zone", found.timezone),
        ("now", wording.instant(found.now, zone)),
        ("events", wording.number(found.events)),
    ]
    if found.first_at is not None:
        facts.append(
            ("", (f"{wording.instant(found.first_at, zone)} to {wording.instant(found.last_at, zone)}", "dim"))
        )
    facts += [
        ("profiles", wording.number(found.profiles)),
        ("accounts", wording.number(found.accounts)),
        ("segments", wording.number(found.segments)),
        ("last run", "never" if found.last_run_at is None else wording.instant(found.last_run_at, zone)),
        ("on disk", wording.size(found.bytes_on_disk)),
    ]
    if found.waiting_batches:
        facts.append(
            ("waiting", (f"{wording.counted(found.waiting_batches, 'accepted batch', 'accepted batches')}", "yellow"))
        )
    out.facts(facts)


@click.command(cls=Verb, examples=("ethogram doctor", "ethogram doctor --json"))
@json_option
@workspace_option
def doctor(as_json: bool) -> None:
    """Check the workspace and say what is wrong.

    Ends with exit code 5 when something is broken.
    """
    out = Output()
    with opened(even_damaged=True) as workspace:
        findings = workspace.doctor()
    if as_json:
        out.json(findings)
    else:
        show_findings(out, findings)
    if any(finding.health is Health.BROKEN for finding in findings):
        raise click.exceptions.Exit(ExitCode.DAMAGED)


def show_findings(out: Output, findings: tuple[Finding, ...]) -> None:
    """Prints what was looked at, each with its state."""
    out.facts(
        [
            (visible(finding.check), (f"{finding.health.value}: {visible(finding.detail)}", _STYLES[finding.health]))
            for finding in findings
        ]
    )
    for finding in findings:
        if finding.hint:
            out.note((f"{visible(finding.check)}: ", "bold"), visible(finding.hint))


@click.command(cls=Verb, examples=("ethogram rebuild",))
@json_option
@workspace_option
def rebuild(as_json: bool) -> None:
    """Rebuild the warehouse from the accepted batches.

    Everything that was ever accepted is stored again, in order; saved segments are kept.
    """
    out = Output()
    with opened(even_damaged=True) as workspace:
        try:
            with Bar("rebuilding") as bar:
                report = workspace.rebuild(
                    progress=lambda done: bar.update(
                        done.rows, done.rows / done.rows_total if done.rows_total else None
                    )
                )
        except KeyboardInterrupt:
            raise StoppedError("Stopped. No accepted batch is lost; run `ethogram rebuild` again to go on.") from None
    if as_json:
        out.json(report)
    else:
        out.line(
            f"rebuilt from {wording.counted(report.batches, 'accepted batch', 'accepted batches')}: "
            f"{wording.counted(report.rows, 'row')}"
        )
