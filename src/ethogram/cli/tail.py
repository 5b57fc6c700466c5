"""The verb `tail`: events and membership changes as they come, one a line.

Reads the ledger, so it needs no key and works beside a running server. Names and values are whatever somebody sent:
they pass `hostile.visible`.
"""

from __future__ import annotations

import shutil
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from ethogram.cli import wording
from ethogram.cli.context import found, json_option, workspace_option
from ethogram.cli.help import Verb
from ethogram.cli.hostile import visible
from ethogram.cli.plain import to_json

if TYPE_CHECKING:
    import datetime as dt

    from ethogram.following import Change, Happened

_POLL = 0.1  # seconds between looks at the ledger
_WIDEST = 28  # of a column that grows with what it shows
_COLOURS = {"entered": "green", "left": "red", "event": "cyan"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is shown; an empty choice is everything."""

    events: tuple[str, ...]
    profiles: tuple[str, ...]
    segments: tuple[str, ...]
    changes_only: bool
    events_only: bool

    def event(self, happened: Happened) -> bool:
        """Whether an event is shown."""
        if self.changes_only or (self.events and happened.name not in self.events):
            return False
        return not self.profiles or bool({happened.profile_id, happened.sent_id} & set(self.profiles))

    def change(self, profile_id: str, segment: str) -> bool:
        """Whether a change is shown."""
        if self.events_only or (self.segments and segment not in self.segments):
            return False
        return not self.profiles or profile_id in self.profiles


@click.command(
    cls=Verb,
    examples=(
        "ethogram tail",
        "ethogram tail --event purchase --segment regulars",
        "ethogram tail --profile 17850 -n 50",
        "ethogram tail --json --changes-only | jq .segment",
    ),
)
@click.option("--event", "events", multiple=True, metavar="NAME", help="Of events, only these; repeatable.")
@click.option("--profile", "profiles", multiple=True, metavar="ID", help="Only of these people; repeatable.")
@click.option("--segment", "segments", multiple=True, metavar="NAME", help="Of changes, only these; repeatable.")
@click.option("--changes-only", is_flag=True, help="No events.")
@click.option("--events-only", is_flag=True, help="No membership changes.")
@click.option("-n", "count", type=click.IntRange(0, 10_000), default=10, show_default=True, help="Begin with the last.")
@click.option("--no-follow", is_flag=True, help="Show the last ones and end.")
@json_option
@workspace_option
def tail(
    *,
    events: tuple[str, ...],
    profiles: tuple[str, ...],
    segments: tuple[str, ...],
    changes_only: bool,
    events_only: bool,
    count: int,
    no_follow: bool,
    as_json: bool,
) -> None:
    """Show events and membership changes as they come.

    Reads the workspace's ledger beside the running server, whatever process that is. Ends on Ctrl-C.

    With --json one object a line: `type` is event or change.
    """
    if changes_only and events_only:
        raise click.UsageError("--changes-only and --events-only exclude each other.")
    wanted = Wanted(events, profiles, segments, changes_only, events_only)
    lines = Lines(as_json=as_json, zone=ZoneInfo("UTC"))
    try:
        _follow_ledger(wanted, lines, count=count, follow=not no_follow)
    except KeyboardInterrupt:
        return  # that is how one stops looking


def _follow_ledger(wanted: Wanted, lines: Lines, *, count: int, follow: bool) -> None:
    from ethogram import config
    from ethogram.following import Following  # `--help` starts no database

    path = found(click.get_current_context().find_object(str))
    lines.zone = config.read(path).zone
    with Following(path) as opened:
        # Filters come first: the last ten that are wanted, not those wanted of the last ten.
        last = [each for each in opened.latest(count * 100 if _narrow(wanted) else count) if _shown(each, wanted)]
        for each in last[-count:] if count else []:
            lines.show(each)
        sys.stdout.flush()
        waiting = threading.Event()
        while follow:
            came = opened.step()
            for each in came:
                if _shown(each, wanted):
                    lines.show(each)
            if came:
                sys.stdout.flush()
            else:
                waiting.wait(_POLL)


def _narrow(wanted: Wanted) -> bool:
    chosen = wanted.events or wanted.profiles or wanted.segments
    return bool(chosen) or wanted.changes_only or wanted.events_only


def _shown(each: Happened | Change, wanted: Wanted) -> bool:
    from ethogram.following import Happened  # `--help` starts no database

    if isinstance(each, Happened):
        return wanted.event(each)
    return wanted.change(each.profile_id, each.name)


@dataclass(slots=True)
class Lines:
    """Prints one line for each event and change; columns grow with what they show, up to a width."""

    as_json: bool
    zone: ZoneInfo
    _widths: list[int] = field(default_factory=lambda: [12, 12])

    def show(self, each: Happened | Change) -> None:
        """Prints a line."""
        from ethogram.following import Happened  # as above

        if self.as_json:
            print(to_json(_plain(each), indent=None))
        elif isinstance(each, Happened):
            self._line(each.received_at, "event", each.profile_id, each.name, wording.pairs(each.content))
        else:
            self._change(each)

    def _change(self, change: Change) -> None:
        kind = "entered" if change.entered else "left"
        if not change.profile_id:  # what an edit does to many at once
            people = wording.counted(change.count, "person", "people")
            self._line(change.at, kind, people, change.name, f"cause {change.cause}, version {change.version}")
            return
        account = "account, " if change.entity == "account" else ""
        self._line(change.at, kind, change.profile_id, change.name, f"{account}cause {change.cause}")

    def _line(self, at: dt.datetime, kind: str, who: str, what: str, more: str) -> None:
        when = at.astimezone(self.zone).strftime("%H:%M:%S.%f")[:-3]
        columns = [visible(who), visible(what)]
        for index, text in enumerate(columns):
            self._widths[index] = min(_WIDEST, max(self._widths[index], len(text)))
        who, what = (
            wording.shortened(text, _WIDEST).ljust(width) for text, width in zip(columns, self._widths, strict=True)
        )
        if not sys.stdout.isatty():
            print(f"{when}  {kind:<7}  {who}  {what}  {visible(more)}".rstrip())
            return
        room = shutil.get_terminal_size().columns - len(f"{when}  {kind:<7}  {who}  {what}  ")
        more = wording.shortened(visible(more), room) if room > 1 else ""
        colour = _COLOURS[kind]
        told = [click.style(when, dim=True), click.style(f"{kind:<7}", fg=colour), click.style(who, bold=True)]
        print("  ".join([*told, click.style(what, fg=colour), click.style(more, dim=True)]).rstrip())


def _plain(each: Happened | Change) -> dict[str, Any]:
    """The line as JSON says it."""
    from ethogram.following import Happened  # as above

    if isinstance(each, Happened):
        return {
            "type": "event", "received_at": each.received_at, "at": each.at, "profile_id": each.profile_id,
            "call": each.call, "event": each.name, "content": each.content, "message_id": each.message_id,
        }  # fmt: skip
    return {
        "type": "change", "id": each.id, "at": each.at, "profile_id": each.profile_id, "segment": each.name,
        "entered": each.entered, "cause": each.cause, "version": each.version, "entity": each.entity,
        "count": each.count,
    }  # fmt: skip
