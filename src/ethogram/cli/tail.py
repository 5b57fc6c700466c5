"""The verb `tail`: events and membership changes as they come, one a line.

Reads the ledger, so it needs no key and works beside a running server; with `--url`, the stream of changes that a
server tells over HTTP. Names and values are whatever somebody sent: they pass `hostile.visible`.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import click

from ethogram.cli import wording
from ethogram.cli.context import found, json_option, workspace_option
from ethogram.cli.help import Verb
from ethogram.cli.hostile import visible
from ethogram.cli.plain import to_json
from ethogram.cli.remote import Remote, key_option, url_option
from ethogram.errors import UserError

if TYPE_CHECKING:
    from ethogram.following import Change, Happened

_POLL = 0.1  # seconds between looks at the ledger
_AGAIN = 2.0  # seconds before a server is asked again
_SILENT = 60.0  # seconds without a sign of life, after which a connection is taken for broken
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
        "ethogram tail --url https://events.example.org --key rk_…  # changes of a server elsewhere",
    ),
)
@click.option("--event", "events", multiple=True, metavar="NAME", help="Of events, only these; repeatable.")
@click.option("--profile", "profiles", multiple=True, metavar="ID", help="Only of these people; repeatable.")
@click.option("--segment", "segments", multiple=True, metavar="NAME", help="Of changes, only these; repeatable.")
@click.option("--changes-only", is_flag=True, help="No events.")
@click.option("--events-only", is_flag=True, help="No membership changes.")
@click.option("-n", "count", type=click.IntRange(0, 10_000), default=10, show_default=True, help="Begin with the last.")
@click.option("--no-follow", is_flag=True, help="Show the last ones and end.")
@url_option
@key_option
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
    url: str | None,
    key: str | None,
    as_json: bool,
) -> None:
    """Show events and membership changes as they come.

    Reads the workspace's ledger beside the running server, whatever process that is. With --url it shows the
    membership changes of a server elsewhere, from now on, with a key of scope read. Ends on Ctrl-C.

    With --json one object a line: `type` is event or change.
    """
    if changes_only and events_only:
        raise click.UsageError("--changes-only and --events-only exclude each other.")
    wanted = Wanted(events, profiles, segments, changes_only, events_only)
    lines = Lines(as_json=as_json, zone=ZoneInfo("UTC"))
    try:
        if url is None:
            _follow_ledger(wanted, lines, count=count, follow=not no_follow)
        elif events or events_only or no_follow:
            raise click.UsageError("A server tells changes as they come, no events: leave out what is about those.")
        else:
            _follow_server(Remote(url, key), wanted, lines)
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


def _follow_server(server: Remote, wanted: Wanted, lines: Lines) -> None:
    """Shows the changes of a server; when the connection breaks, it goes on where it was."""
    place = ""
    while True:
        query = urlencode([*(("segment", name) for name in wanted.segments), *([("after", place)] if place else [])])
        try:
            with server.asked("GET", f"/v1/changes?{query}", seconds=_SILENT) as answer:
                for number, kind, told in _events(answer):
                    place = number or place
                    if kind == "gap":
                        click.echo("some changes were missed: the server no longer keeps them", err=True)
                    elif kind == "change":
                        change = _change(place, told)
                        if _shown(change, wanted):
                            lines.show(change)
                            sys.stdout.flush()
        except (OSError, http.client.HTTPException):
            pass  # a server that restarts
        except UserError as error:
            # Only who has been heard is waited for.
            if not place or error.fields.get("status") is not None:
                raise
        threading.Event().wait(_AGAIN)


def _events(answer: http.client.HTTPResponse) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The events of a stream as id, name and data (WHATWG HTML, 9.2: server-sent events)."""
    held: dict[str, str] = {}
    while line := answer.readline():
        name, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
        if name:
            held[name] = value.removeprefix(" ")
        elif not line.strip():
            yield held.get("id", ""), held.get("event", ""), json.loads(held.get("data", "{}"))
            held = {}


def _change(number: str, told: dict[str, Any]) -> Change:
    from ethogram.following import Change  # as above

    entity = "account" if "account_id" in told else "profile"
    return Change(
        id=int(number),
        at=dt.datetime.fromisoformat(told["at"]),
        profile_id=told.get(f"{entity}_id", ""),
        segment=0,
        name=told["segment"],
        entity=entity,
        version=told["version"],
        entered=told["change"] == "entered",
        cause=told["cause"],
        count=told.get("count", 1),
    )


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
