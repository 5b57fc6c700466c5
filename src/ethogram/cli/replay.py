"""The verb `replay`: a history, played to a running server as if it happened now."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import math
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from ethogram.cli import wording
from ethogram.cli.context import checked_timezone, found, json_option, pasted, workspace_option
from ethogram.cli.exits import ExitCode, StoppedError
from ethogram.cli.help import Verb
from ethogram.cli.hostile import visible
from ethogram.cli.load import settle, with_repeated_options
from ethogram.cli.output import Output, Part
from ethogram.cli.ready import pair
from ethogram.cli.remote import DEFAULT_URL, key_option, url_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ethogram.replaying import Played, Target
    from ethogram.runtime import LoadOptions

_SPEED = re.compile(r"(\d+(?:\.\d+)?)x?")
_FORMATS = ("csv", "jsonl", "parquet")


class _Speed(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases of click
    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        if value == "max":
            return math.inf
        matched = _SPEED.fullmatch(str(value).strip())
        if matched is None or not float(matched[1]):
            self.fail(f"`{value}` is no speed: write 1x, 60x, 0.5x or max.", param, ctx)
        return float(matched[1])


class _When(click.ParamType):  # type: ignore[type-arg]  # as above
    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.datetime:
        try:
            return dt.datetime.fromisoformat(str(value).strip())
        except ValueError:
            self.fail(f"`{value}` is neither a day (2026-01-31) nor an instant (2026-01-31T12:00).", param, ctx)


def _aware(at: dt.datetime | None, zone: ZoneInfo) -> dt.datetime | None:
    if at is None:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(dt.UTC)


class _Replay(Verb):
    """A verb whose `--map` and `--type` take several pairs in a row."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_repeated_options(args, ("--map", "-m", "--type")))


@click.command(
    cls=_Replay,
    examples=(
        "ethogram replay orders.csv --speed 60x  # to the server of this workspace on port 8000",
        "ethogram replay orders.csv --speed max --url https://events.example.org --key wk_…",
        "ethogram replay orders.parquet --from 2011-11-01 --until 2011-11-08 --speed 3600x --yes",
    ),
)
@click.argument("sources", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--speed", type=_Speed(), default="1x", show_default=True, help="60x: an hour in a minute. max: as fast as it goes."
)
@url_option
@key_option
@click.option("--from", "since", type=_When(), metavar="WHEN", help="Begin with what happened then.")
@click.option("--until", type=_When(), metavar="WHEN", help="End before what happened then.")
@click.option(
    "--timestamps",
    type=click.Choice(("sent", "shifted", "kept")),
    default="sent",
    show_default=True,
    help="When an event says that it happened. sent: when it is sent, so that time itself is played faster. shifted: "
    "days stay days, and the last event is now. kept: as in the file.",
)
@click.option("--start", type=_When(), metavar="WHEN", help="The instant that playing began at, to go on with it.")
@click.option(
    "--label", default="", help="Play the same history once more under another name: its events are new ones."
)
@click.option(
    "--map", "-m", "mapping", multiple=True, metavar="KEY=COLUMN", help="Which column holds what; see `load`."
)
@click.option("--event", metavar="NAME", help="Every row is this event (files without a column for it).")
@click.option("--timezone", help="Time zone of timestamps that name none (IANA).")
@click.option("--format", "format_", type=click.Choice(_FORMATS), help="The files' format, else by ending.")
@click.option("--type", "types", multiple=True, metavar="COLUMN=TYPE", help="Read a column as this; see `load`.")
@click.option("--yes", "-y", is_flag=True, help="Take the guessed mapping without asking.")
@json_option
@workspace_option
def replay(
    *,
    sources: tuple[str, ...],
    speed: float,
    url: str | None,
    key: str | None,
    since: dt.datetime | None,
    until: dt.datetime | None,
    timestamps: str,
    start: dt.datetime | None,
    label: str,
    mapping: tuple[str, ...],
    event: str | None,
    timezone: str | None,
    format_: str | None,
    types: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Play a history to a running server as if it happened now.

    Takes the files that `ethogram load events` takes, and sends their events over HTTP in the order of their
    timestamps, at the pace at which they happened times the speed. Without --key it makes one in the workspace and
    revokes it at the end.

    An event has the same id every time, so a history that was stopped and is played again (with --start, to keep its
    pace) is stored once; --label plays it as a new one. Where the server asks to come back later, it waits.

    Exit code 3 when events were rejected; the rest is stored.
    """
    options: LoadOptions = {}
    if mapping:
        options["mapping"] = dict(pair(each, what="a mapping") for each in mapping)
    if types:
        options["types"] = dict(pair(each, what="a type") for each in types)
    if event is not None:
        options["event"] = event
    if timezone is not None:
        options["timezone"] = checked_timezone(timezone)
    if format_ is not None:
        options["format"] = format_
    out = Output()
    replaying = importlib.import_module("ethogram.replaying")  # `--help` starts no Arrow
    zone = _zone(needed=key is None and url is None)
    settle(replaying.guess_mapping, zone.key, out, "events", sources, options, yes=yes, verb=("replay",))
    clock = importlib.import_module("ethogram.clock").SystemClock()
    history = replaying.read_history(
        list(sources),
        known_at=clock.now(),
        since=_aware(since, zone),
        until=_aware(until, zone),
        label=label,
        **options,
    )
    for told in _told_before(history):
        out.note(("note: ", "dim"), told)
    with _target(url, key) as target:
        line = _Progress(zone)
        player = replaying.Player(
            history,
            target,
            speed=speed,
            stamps=replaying.Stamps(timestamps),
            started_at=_aware(start, zone),
            report=line.show,
        )
        try:
            played = player.play()
        except KeyboardInterrupt:
            line.end()
            again = pasted("--start", player.started_at.isoformat(timespec="seconds"))
            raise StoppedError(
                f"Stopped after {wording.counted(player.played.acknowledged, 'event')}. The same command goes on where "
                f"it was; with {again} it keeps its pace."
            ) from None
        line.end()
    if as_json:
        out.json({**_plain(played), "unreadable": len(history.rejected)})
    else:
        _show(out, played, len(history.rejected))
    if played.rejected or history.rejected:
        raise click.exceptions.Exit(ExitCode.REJECTS)


def _told_before(history: Any) -> Iterator[str]:
    if history.rejected:
        first = history.rejected[0]
        rows = wording.counted(len(history.rejected), "row")
        yield f"{rows} cannot be read; the first, line {first.line}: {visible(first.reason)}"
    if history.left_out:
        yield f"{wording.counted(history.left_out, 'row')} of traits of accounts are left out: nobody says them"


def _zone(*, needed: bool) -> ZoneInfo:
    """The workspace's zone; UTC where there is no workspace and none is needed."""
    from ethogram import config
    from ethogram.errors import UserError

    try:
        return config.read(found(click.get_current_context().find_object(str))).zone
    except UserError:
        if needed:
            raise
        return ZoneInfo("UTC")


@contextlib.contextmanager
def _target(url: str | None, key: str | None) -> Iterator[Target]:
    import os

    replaying = importlib.import_module("ethogram.replaying")
    address = url or DEFAULT_URL
    given = key or os.environ.get("ETHOGRAM_KEY")
    if given:
        yield replaying.Target(address, given)
        return
    path = found(click.get_current_context().find_object(str))
    with replaying.temporary_key(Path(path)) as made:
        yield replaying.Target(address, made, fresh=True)


class _Progress:
    """One line on standard error that is written over, where that is a terminal."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._shown = False

    def show(self, played: Played) -> None:
        """Says how far it is."""
        if not sys.stderr.isatty():
            return
        share = f"{100 * played.sent / played.calls:.0f} %" if played.calls else ""
        at = wording.instant(played.position, self._zone) if played.sent else "–"
        line = f"{share:>5}  {wording.number(played.sent)} events  {played.per_second:,.0f}/s  at {at}"
        if played.lag > 1:
            line += f"  {wording.length(played.lag)} late"
        if played.refused:
            line += f"  asked to wait {played.refused}×"
        sys.stderr.write("\r\x1b[K" + line)
        sys.stderr.flush()
        self._shown = True

    def end(self) -> None:
        """Clears the line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _plain(played: Played) -> dict[str, Any]:
    return {
        "calls": played.calls, "sent": played.sent, "acknowledged": played.acknowledged, "repeated": played.repeated,
        "rejected": played.rejected, "reasons": played.reasons, "asked_to_wait": played.refused,
        "not_answered": played.broken, "worst_lag": played.worst_lag, "seconds": played.seconds,
        "per_second": played.per_second,
    }  # fmt: skip


def _show(out: Output, played: Played, unreadable: int) -> None:
    facts: list[tuple[str, Part]] = [
        ("sent", f"{wording.counted(played.sent, 'event')} in {wording.length(played.seconds)}"),
        ("acknowledged", (f"{wording.number(played.acknowledged)}, {played.per_second:,.0f} a second", "green")),
    ]
    if played.repeated:
        facts.append(("there already", wording.number(played.repeated)))
    for code, count in played.rejected.items():
        facts.append(
            ("rejected", (f"{wording.number(count)} {visible(code)}: {visible(played.reasons[code])}", "yellow"))
        )
    if unreadable:
        facts.append(("not readable", (wording.counted(unreadable, "row"), "yellow")))
    if played.worst_lag > 1:
        facts.append(("at most behind", wording.length(played.worst_lag)))
    if played.refused or played.broken:
        facts.append(("asked to wait", f"{played.refused} times, not answered {played.broken} times"))
    out.facts(facts)
