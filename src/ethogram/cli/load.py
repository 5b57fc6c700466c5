"""`ethogram load`: files of events, profiles or accounts into the workspace.

Reads files, the guess of which column means what, and the answer to it; writes nothing but what the library accepts
batch by batch. Stopped at any moment, the same command goes on where it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ethogram.cli import wording
from ethogram.cli.context import checked_timezone, json_option, opened, pasted, workspace_option, zone_of
from ethogram.cli.exits import ExitCode, StoppedError
from ethogram.cli.help import Verb, Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Column, Output, Part
from ethogram.cli.people import is_terminal
from ethogram.cli.progress import Bar
from ethogram.cli.ready import pair
from ethogram.errors import InputError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from ethogram.model.results import LoadSummary
    from ethogram.runtime import LoadOptions, Workspace

Kind = Literal["events", "profiles", "accounts"]

_FORMATS = ("csv", "jsonl", "parquet")
_OLD_DAYS = 30
_DONE = {"load": "loaded", "replay": "played"}
_SHOWN_COLUMNS = 8
_NEEDED: dict[Kind, set[str]] = {
    "events": {"profile_id", "event", "timestamp"},
    "profiles": {"profile_id"},
    "accounts": {"account_id"},
}


class _Load(Verb):
    """A verb whose `--map` and `--type` take several pairs in a row, as in `--map profile_id=ID event=Kind`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_repeated_options(args, ("--map", "-m", "--type")))


def with_repeated_options(args: list[str], options: tuple[str, ...]) -> list[str]:
    """The arguments with the option repeated before each further `key=value` that follows one of its values.

    A file that exists under such a name stays a file.

    >>> with_repeated_options(["a.csv", "--map", "event=Kind", "timestamp=At"], ("--map",))
    ['a.csv', '--map', 'event=Kind', '--map', 'timestamp=At']
    """
    spelled: list[str] = []
    current: str | None = None
    value_next = False
    for arg in args:
        if arg in options:
            current, value_next = arg, True
        elif value_next:
            value_next = False
        elif current and "=" in arg and not arg.startswith("-") and not Path(arg).exists():
            spelled.append(current)
        else:
            current = None
        spelled.append(arg)
    return spelled


@click.group(
    cls=Verbs,
    examples=(
        "ethogram load events orders.csv",
        "ethogram load events 'logs/*.jsonl.gz' --yes",
        "ethogram load profiles people.parquet",
    ),
)
def load() -> None:
    """Load events, profiles or accounts from files.

    CSV, JSON lines (also Segment-spec exports) and Parquet, each plain, .gz or .zst; patterns such as 'logs/*.csv';
    `-` for standard input. Loading the same file twice adds nothing; a load that was stopped goes on when the same
    command is run again.
    """


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        (
            click.argument("sources", metavar="FILE...", nargs=-1, required=True),
            click.option(
                "--map",
                "-m",
                "mapping",
                multiple=True,
                metavar="KEY=COLUMN",
                help="Which column holds what; one or several pairs, repeatable. Keys: profile_id, event, timestamp, "
                "message_id, account_id.",
            ),
            click.option("--timezone", help="Time zone of timestamps that name none (IANA)."),
            click.option("--format", "format_", type=click.Choice(_FORMATS), help="The files' format, else by ending."),
            click.option(
                "--type",
                "types",
                multiple=True,
                metavar="COLUMN=TYPE",
                help="Read a column as text, number or boolean (ids with leading zeros: --type zip=text).",
            ),
            click.option(
                "--rejects",
                type=click.Path(path_type=Path, dir_okay=False, writable=True),
                help="Where to write rows that cannot be taken.",
            ),
            click.option("--again", is_flag=True, help="Load files that were loaded before once more."),
            click.option("--yes", "-y", is_flag=True, help="Take the guessed mapping without asking."),
            json_option,
            workspace_option,
        )
    ):
        command = option(command)
    return command


@load.command(
    cls=_Load,
    examples=(
        "ethogram load events orders.csv  # shows a guess and asks",
        "ethogram load events orders.csv --map profile_id=CustomerID timestamp=InvoiceDate --event purchase",
        "ethogram load events 'logs/*.jsonl.gz' --yes --rejects rejects.csv",
        "zcat events.csv.gz | ethogram load events - --format csv --yes",
    ),
)
@click.option("--event", metavar="NAME", help="Every row is this event (files without a column for it).")
@_options
def events(event: str | None, **given: Any) -> None:
    """Load events: who (profile_id), what (event), when (timestamp), and any further columns as properties.

    Exit code 3 when rows were rejected; the rest is loaded.
    """
    _load("events", event=event, **given)


@load.command(
    cls=_Load,
    examples=(
        "ethogram load profiles people.csv --map profile_id=CustomerID",
        "ethogram load profiles people.csv --type zip=text --yes",
    ),
)
@_options
def profiles(**given: Any) -> None:
    """Load traits of people: who (profile_id), optionally since when (timestamp), and any further columns as traits."""
    _load("profiles", event=None, **given)


@load.command(cls=_Load, examples=("ethogram load accounts companies.csv --map account_id=CompanyID",))
@_options
def accounts(**given: Any) -> None:
    """Load traits of accounts: which (account_id), and any further columns as traits.

    A person belongs to the account that their trait `account_id` names.
    """
    _load("accounts", event=None, **given)


def _load(
    kind: Kind,
    *,
    event: str | None,
    sources: tuple[str, ...],
    mapping: tuple[str, ...],
    timezone: str | None,
    format_: str | None,
    types: tuple[str, ...],
    rejects: Path | None,
    again: bool,
    yes: bool,
    as_json: bool,
) -> None:
    options: LoadOptions = {"again": again}
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
    if rejects is not None:
        options["rejects"] = rejects
    out = Output()
    with opened() as workspace:
        zone, verb = workspace.settings.timezone, ("load", kind)
        settle(workspace.guess_mapping, zone, out, kind, sources, options, yes=yes, verb=verb)
        load_files = {
            "events": workspace.load_events,
            "profiles": workspace.load_profiles,
            "accounts": workspace.load_accounts,
        }[kind]
        try:
            with Bar("loading") as bar:
                options["progress"] = lambda report: bar.update(report.rows, report.fraction)
                summary = load_files(list(sources), **options)
        except KeyboardInterrupt:
            raise StoppedError(
                "Stopped. What was accepted stays, nothing is half-done; the same command goes on where it was."
            ) from None
        if as_json:
            out.json(summary)
        else:
            show_summary(out, summary, kind, zone_of(workspace))
        _hint_at_the_past(workspace, out, summary)
    if summary.rejected:
        raise click.exceptions.Exit(ExitCode.REJECTS)


def settle(
    guess_mapping: Callable[..., Any],
    timezone: str,
    out: Output,
    kind: Kind,
    sources: Sequence[str],
    options: LoadOptions,
    *,
    yes: bool,
    verb: Sequence[str],
) -> None:
    """Puts the mapping and the time zone into the options: as given, or as guessed, shown and agreed to.

    Args:
        timezone: of timestamps that name none.
        verb: the words of the command line before the files.

    Raises:
        InputError: no column looks like one that must be there.
        UserError: there is something to agree to and nobody to ask, or the answer is no.
    """
    if sources[0] == "-":
        return  # standard input cannot be read twice; the load itself says what it needs to be told
    guess = guess_mapping(sources[0], kind, **options)
    needed = _NEEDED[kind] - ({"event"} if "event" in options else set())
    missing = sorted(needed - guess.mapping.keys())
    if missing:
        raise InputError(
            f"no column of `{sources[0]}` looks like {' or '.join(f'`{key}`' for key in missing)}",
            hint=f"Its columns are {', '.join(f'`{visible(name)}`' for name in guess.columns)}. "
            + " ".join(f"Add --map {key}=COLUMN." for key in missing)
            + (" Or name the event of all rows with --event NAME." if "event" in missing else ""),
        )
    undeclared = guess.naive_timestamps and "timezone" not in options
    guessed = undeclared or not needed <= (options.get("mapping") or {}).keys()
    options["mapping"] = dict(guess.mapping)
    if undeclared:
        options["timezone"] = timezone
    if not guessed:
        return
    out.note("reading ", (visible(sources[0]), "cyan"), " like this:")
    _show_mapping(out, guess.mapping, guess.columns, guess.first_rows)
    if event := options.get("event"):
        out.note("every row is the event ", (visible(event), "cyan"))
    if guess.naive_timestamps:
        whose = " (the workspace's zone; --timezone names another)" if undeclared else ""
        out.note("timestamps name no zone and are read as ", (options.get("timezone") or "UTC", "cyan"), whose)
    if yes:
        return
    command = _command(verb, sources, options)
    if not is_terminal():
        raise UserError(
            f"nothing was {_DONE[verb[0]]}: how to read `{sources[0]}` is a guess, and nobody is here to be asked",
            hint=f"If the guess above is right, type:\n{command}\nor add --yes to take any guess.",
        )
    if not click.confirm(f"{verb[0].capitalize()} it like this?", default=True, err=True):
        raise UserError(f"nothing was {_DONE[verb[0]]}", hint=f"Change what is wrong in:\n{command}")


def _command(verb: Sequence[str], sources: Sequence[str], options: LoadOptions) -> str:
    """The command line that says everything that was guessed."""
    words = ["ethogram", *verb, *sources]
    for key, column in (options.get("mapping") or {}).items():
        words += ["--map", f"{key}={column}"]
    for name, held in (options.get("types") or {}).items():
        words += ["--type", f"{name}={held}"]
    said = {"--event": options.get("event"), "--timezone": options.get("timezone"), "--format": options.get("format")}
    for option, chosen in (*said.items(), ("--rejects", options.get("rejects"))):
        if chosen is not None:
            words += [option, str(chosen)]
    return pasted(*words, *(["--again"] if options.get("again") else []))


def _show_mapping(
    out: Output, mapping: Mapping[str, str], columns: Sequence[str], rows: Sequence[Mapping[str, object]]
) -> None:
    """Prints which column is taken for what, over the first rows; to standard error, as it is no answer."""
    by_column = {column: key for key, column in mapping.items()}
    names = list(dict.fromkeys([*by_column, *columns]))
    shown, rest = names[:_SHOWN_COLUMNS], names[_SHOWN_COLUMNS:]
    out.table(
        [Column(f"{visible(name)}\n→ {by_column.get(name, 'property')}", fold=True) for name in shown],
        [[_shown_value(row.get(name)) for name in shown] for row in rows[:3]],
        error=True,
    )
    if rest:
        listed = ", ".join(visible(name) for name in rest)
        out.note((f"and as properties: {wording.shortened(listed, 300)}", "dim"))


def _shown_value(held: object) -> str:
    return "" if held is None else wording.value(held, limit=30)


def show_summary(out: Output, summary: LoadSummary, kind: str, zone: ZoneInfo) -> None:
    """Prints what a load did."""
    facts: list[tuple[str, Part]] = [("accepted", (f"{wording.number(summary.accepted)} {kind}", "green"))]
    if summary.first_at is not None:
        facts.append(
            (
                "from",
                f"{wording.instant(summary.first_at, zone)} to {wording.instant(summary.last_at, zone)} {zone.key}",
            )
        )
    if summary.already:
        facts.append(("loaded before", wording.number(summary.already)))
    if summary.duplicates:
        facts.append(("duplicates", f"{wording.number(summary.duplicates)} left out"))
    if summary.rejected:
        where = f", written with their reasons to {visible(summary.rejects_file)}" if summary.rejects_file else ""
        facts.append(("rejected", (f"{wording.number(summary.rejected)}{where}", "yellow")))
    if summary.profiles:
        facts.append(("new profiles", wording.number(summary.profiles)))
    rows = summary.accepted + summary.rejected + summary.duplicates + summary.already
    rate = f", {wording.number(round(rows / summary.seconds))} rows/s" if summary.seconds > 1 else ""
    facts.append(("took", wording.length(summary.seconds) + rate))
    out.facts(facts)


def _hint_at_the_past(workspace: Workspace, out: Output, summary: LoadSummary) -> None:
    """Says how to ask about data that ended long ago, for which `in last 30 days` finds nobody."""
    if summary.last_at is None or workspace.settings.now != "live":
        return
    days = (workspace.now() - summary.last_at).days
    if days > _OLD_DAYS:
        out.note(
            ("hint: ", "yellow"),
            f"the newest of these is {wording.counted(days, 'day')} old: `in last 30 days` finds nobody",
        )
        out.note(("  ask about their own present  ", "dim"), "--as-of latest")
        out.note(("  or make it everybody's       ", "dim"), "ethogram config now latest")
