"""The verb `verify`: recorded membership against everything computed anew, here or by a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from ethogram.cli import wording
from ethogram.cli.context import json_option, opened, workspace_option, zone_of
from ethogram.cli.exits import ExitCode
from ethogram.cli.help import Verb
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output
from ethogram.cli.reasons import show_why
from ethogram.cli.remote import Remote, key_option, url_option
from ethogram.errors import WorkspaceBusyError

if TYPE_CHECKING:
    from ethogram.model.results import ProfileView
    from ethogram.model.verification import Difference, Verification

_SHOWN_EVENTS = 10
_MINUTES = 60  # a server may take them to look at many millions


@click.command(
    cls=Verb,
    examples=(
        "ethogram verify",
        "ethogram verify --json --most 1000 > differences.json",
        "ethogram verify --url http://127.0.0.1:8000 --key mk_…  # beside a running server",
    ),
)
@click.option(
    "--most", type=click.IntRange(1, 100_000), default=20, show_default=True, help="How many people to tell about."
)
@url_option
@key_option
@json_option
@workspace_option
def verify(most: int, url: str | None, key: str | None, as_json: bool) -> None:
    """Compute everything anew and compare it with recorded membership.

    Compared are, for everybody and every segment: what the events say now, the recorded state, and what the recorded
    entries and exits add up to; and that nobody would be looked at too late. Each difference is told with the person's
    history. Events that still wait are evaluated first and are no difference.

    A running server holds the workspace: --url asks it to verify itself, with a key of scope manage.

    Ends with exit code 6 when something differs.
    """
    out = Output()
    zone = ZoneInfo("UTC")
    if url is not None:
        found = _asked(url, key, most)
    else:
        try:
            with opened() as workspace:
                zone = zone_of(workspace)
                found = workspace.verify(most=most)
        except WorkspaceBusyError as busy:
            raise WorkspaceBusyError(
                busy.message,
                hint="A running server verifies itself: `ethogram verify --url http://127.0.0.1:8000 --key …`, with a "
                "key of scope manage.",
                **busy.fields,
            ) from busy
    if as_json:
        out.json(found)
    else:
        show_verification(out, found, zone)
    if found.wrong:
        raise click.exceptions.Exit(ExitCode.DIFFERENT)


def _asked(url: str, key: str | None, most: int) -> Verification:
    import msgspec  # `--help` starts without it

    from ethogram.model.verification import Verification

    answer: Any = Remote(url, key).post("/api/verify", {"most": most}, seconds=_MINUTES * 60)
    return msgspec.convert(answer, Verification)


def show_verification(out: Output, found: Verification, zone: ZoneInfo) -> None:
    """Prints what was compared, and each difference with what explains it."""
    before = ""
    for difference in found.differences:
        if difference.profile_id != before:
            out.blank()
            out.line((visible(difference.profile_id) or "nobody by any id", "bold cyan"))
        before = difference.profile_id
        _show(out, difference, zone)
    if found.differences:
        out.blank()
    told = len({each.profile_id for each in found.differences})
    if found.wrong > told:
        out.line((f"… and {wording.counted(found.wrong - told, 'more person', 'more people')}", "dim"))
    who = wording.counted(found.people, "profile")
    if found.accounts:
        who += f" and {wording.counted(found.accounts, 'account')}"
    verdict = (
        (f"{wording.counted(found.wrong, 'person differs', 'people differ')}", "bold red")
        if found.wrong
        else ("all is equal", "bold green")
    )
    out.line(
        verdict,
        f": {who} × {wording.counted(found.segments, 'segment')} as of "
        f"{wording.instant(found.as_of, zone, seconds=True)} {zone.key}, in "
        f"{wording.length(found.milliseconds / 1000)}",
    )
    for note in found.notes:
        out.note(("note: ", "dim"), visible(note))


def _show(out: Output, difference: Difference, zone: ZoneInfo) -> None:
    out.line((visible(difference.problem), "red"), indent=2)
    for change in difference.changes:
        verb = "entered" if change.entered else "left"
        when = wording.instant(change.at, zone, seconds=True)
        out.line((f"{when}  {verb}, cause {visible(change.cause)}, version {change.version}", "dim"), indent=4)
    if difference.why is not None:
        out.blank()
        show_why(out, difference.why, zone)
    if difference.person is not None:
        _show_events(out, difference.person, zone)


def _show_events(out: Output, person: ProfileView, zone: ZoneInfo) -> None:
    shown = person.timeline[:_SHOWN_EVENTS]
    out.blank()
    out.line((f"{wording.counted(person.events_total, 'event')}, the newest:", "dim"), indent=4)
    for event in shown:
        when = wording.instant(event.at, zone, seconds=True)
        out.line((f"{when}  {visible(event.event)}  {wording.pairs(event.properties)}".rstrip(), "dim"), indent=4)
    if person.traits:
        out.line((f"traits: {wording.pairs(person.traits)}", "dim"), indent=4)
