"""What `make demo` runs: real data in, template segments out, and why one person is in one of them.

Makes `demo-workspace` from Online Retail (real, see `examples/README.md`), and `demo-workspace-generated` from the
generated shop, for the segments that need browsing, carts, trials and the like. Both stay; run again, nothing is
loaded twice. Every question that this file asks can be asked on the command line.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

import ethogram as eg
from ethogram import generated_shop
from ethogram.model.results import HistoryPoint, LoadSummary, ProfileView, RunReport

PROJECT = Path(__file__).parent.parent
DATA = PROJECT / "examples" / "data"
ZONE = "Europe/London"
# Segments that make a good example of one person, the first that has anybody in it.
TELLING = ("win-back-candidates", "lapsing-buyers", "repeat-buyers")
LONG = 230  # characters of a sentence that still fits a table
# What the tables show of what was saved; `ethogram segments` shows all of it.
SHOWN = {
    "real": (
        "one-time-buyers repeat-buyers first-time-buyers high-value-buyers lapsing-buyers lapsed-buyers"
        " win-back-candidates narrow-range-buyers rfm-champions rfm-loyal rfm-potential-loyalists rfm-new-customers"
        " rfm-promising rfm-need-attention rfm-about-to-sleep rfm-at-risk rfm-cant-lose rfm-hibernating rfm-lost"
        " status-defector"
    ),
    "generated": (
        "browse-heavy-not-buying viewed-product-not-bought cart-abandoned checkout-abandoned ready-to-buy deal-seekers"
        " onboarding-abandoned trial-ending free-to-paid-candidates super-users dormant-users feature-power-users"
        " engagement-rising engagement-falling streak-about-to-break email-responsive birthday-coming vips referrers"
        " promoters detractors stage-stuck-in-consideration upgrade-ready-accounts frequent-applicants"
    ),
}


class Stage:
    """Shows what is being done and how long it has taken, where somebody is watching."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, what: str) -> Progress:
        progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        progress.add_task(what, total=None)
        return progress


def real(console: Console, folder: Path) -> None:
    """Online Retail: loaded, segmented as of the end of the previous month and as of its last sale."""
    started = time.perf_counter()
    console.rule("[bold]Online Retail[/bold] · real sales of a British gift-ware shop, December 2010 to December 2011")
    with workspace_in(folder) as ws:
        with Stage(console)("loading 406,829 lines of orders"):
            told_loaded(console, ws.load_events(DATA / "online_retail.parquet", timezone=ZONE))
        apply(console, ws)
        report, before = run(console, ws)
        table(console, ws, report, before, SHOWN["real"].split(), "Segments")
        person(console, ws, report)
    console.print(f"[dim]{time.perf_counter() - started:.0f} seconds for all of the above.[/dim]\n")


def generated(console: Console, folder: Path) -> None:
    """The generated shop: the segments that need what no free data set shows."""
    console.rule("[bold]A generated shop[/bold] · invented people who browse, abandon carts, try, answer surveys")
    with workspace_in(folder) as ws:
        with Stage(console)("generating and loading about 200,000 events"), tempfile.TemporaryDirectory() as temporary:
            events, profiles, accounts = generated_shop.write(Path(temporary))
            told_loaded(console, ws.load_events(events))
            ws.load_profiles(profiles)
            ws.load_accounts(accounts)
        apply(console, ws)
        report, before = run(console, ws)
        table(console, ws, report, before, SHOWN["generated"].split(), "Segments of the generated shop")


def workspace_in(folder: Path) -> eg.Workspace:
    """The workspace there, made if there is none. `latest`: the present is the newest event, as the data is history."""
    if (folder / "ethogram.toml").exists():
        return eg.open(folder)
    return eg.init(folder, timezone=ZONE, now="latest")


def told_loaded(console: Console, summary: LoadSummary) -> None:
    if summary.already and not summary.accepted:
        console.print(f"{summary.already:,} events are there from an earlier run; loading a file again adds nothing.")
        return
    parts = [f"[bold]{summary.accepted:,}[/bold] events of [bold]{summary.profiles:,}[/bold] people"]
    if summary.first_at and summary.last_at:
        parts.append(f"from {summary.first_at:%-d %B %Y} to {summary.last_at:%-d %B %Y}")
    if summary.duplicates:
        parts.append(f"{summary.duplicates:,} exact repeats left out")
    if summary.rejected:
        parts.append(f"{summary.rejected:,} rejected, see {summary.rejects_file}")
    console.print("Loaded " + ", ".join(parts) + f", in {summary.seconds:.1f} s.")


def apply(console: Console, ws: eg.Workspace) -> None:
    """Saves the template segments that fit the workspace's events."""
    with Stage(console)("fitting the template segments to the events"):
        applied = ws.apply_ready()
    saved = [each.name for each in applied if each.segment is not None]
    refused = len(applied) - len(saved)
    console.print(
        f"[bold]{len(saved)}[/bold] of {len(applied)} template segments fit these events"
        + (f"; {refused} need events that were never received." if refused else ".")
    )


def run(console: Console, ws: eg.Workspace) -> tuple[RunReport, dt.datetime]:
    """The report of the newest run, and the end of the month before, as of which an earlier run was made."""
    now = ws.now()
    month = now.astimezone(ZoneInfo(ZONE)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    before = month.astimezone(dt.UTC)
    with Stage(console)("finding everybody in every segment, twice"):
        if ws.status().last_run_at is None:
            ws.run(as_of=before)
        report = ws.run()
    console.print(
        f"{report.population:,} people in {len(report.segments)} segments, computed together"
        f" in [bold]{report.milliseconds / 1000:.1f} s[/bold] as of {now:%-d %B %Y, %H:%M} UTC.\n"
    )
    return report, before


def table(
    console: Console,
    ws: eg.Workspace,
    report: RunReport,
    before: dt.datetime,
    names: list[str],
    title: str = "Segments",
) -> None:
    grid = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    grid.add_column("segment", style="cyan", no_wrap=True)
    grid.add_column("who they are", overflow="fold")
    grid.add_column("people", justify="right")
    grid.add_column("share", justify="right")
    grid.add_column(f"since {before - dt.timedelta(days=1):%-d %b}", justify="right")
    sizes = {size.name: size for size in report.segments}
    shown = [sizes[name] for name in names if name in sizes]
    described = {segment.name: segment.description for segment in ws.segments.list()}
    for size in shown:
        # A sentence that takes six lines tells less than the template's own words; `ethogram explain` has the sentence.
        long = len(size.english) > LONG
        who = Text(described[size.name], style="italic") if long else Text(size.english)
        people = f"{size.size:,}" if size.size else "nobody"
        since = change(ws.history(size.name), before)
        grid.add_row(size.name, who, people, f"{size.share:.1%}", since)
    console.print(grid)
    console.print(
        f"[dim]{len(sizes) - len(shown)} more are saved: ethogram segments. In italics where the sentence is long;"
        " ethogram explain NAME shows it.[/dim]\n",
        highlight=False,
    )


def change(history: tuple[HistoryPoint, ...], before: dt.datetime) -> str:
    """How the size differs from that at the end of the month before."""
    then = [point.size for point in history if point.at == before]
    if not history or not then:
        return "–"
    difference = history[-1].size - then[-1]
    return f"{difference:+,}".replace("-", "−") if difference else "±0"


def person(console: Console, ws: eg.Workspace, report: RunReport) -> None:
    """One person's timeline, and why they are where they are."""
    sizes = {size.name: size.size for size in report.segments}
    segment = next((name for name in TELLING if sizes.get(name)), None)
    segment = segment or max((name for name in sizes if sizes[name]), key=lambda name: -sizes[name])
    profile_id = ws.members(segment, limit=1).column("profile_id")[0].as_py()
    view = ws.profile(profile_id, limit=500)
    console.print(f"[bold]Profile {profile_id}[/bold], {view.events_total:,} events, newest first:")
    console.print(timeline(view))
    console.print(Text("  in: " + ", ".join(since.name for since in view.segments)))
    why = ws.why(segment, profile_id)
    verdict = "is in" if why.member else "is not in"
    console.print(f"\n[bold]Why {profile_id} {verdict} {segment}[/bold]")
    console.print("  " + why.english, style="dim", highlight=False)
    for condition in why.conditions[1:] or why.conditions:
        mark = "[green]✓[/green]" if condition.holds else "[red]✗[/red]"
        value = f"  [dim]{condition.value}[/dim]" if condition.value else ""
        console.print(f"  {'  ' * condition.depth}{mark} ", Text(condition.english), value, sep="")
    if why.changes_at:
        console.print(f"  If nothing happens, this can change at {why.changes_at:%Y-%m-%d %H:%M} UTC.")
    console.print(f"[dim]  asked with: ethogram why {segment} {profile_id}[/dim]", highlight=False)


def timeline(view: ProfileView, orders: int = 5) -> Text:
    """The newest events, lines of one order together."""
    lines = []
    for (at, event), together in itertools.groupby(view.timeline, key=lambda each: (each.at, each.event)):
        rows = list(together)
        amount = sum(row.properties.get("amount", 0) for row in rows)
        what = ", ".join(str(row.properties.get("description", "")).strip().lower() for row in rows[:2])
        more = f" and {len(rows) - 2} more" if len(rows) > 2 else ""
        lines.append(f"  {at.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M}  {event:<9} £{amount:>9,.2f}  {what}{more}")
    return Text("\n".join(lines[:orders]), overflow="ellipsis", no_wrap=True)


def next_steps(console: Console, folder: Path) -> None:
    console.rule("[bold]What to type next[/bold]")
    console.print(
        "  . .venv/bin/activate                        [dim]puts `ethogram` on the path[/dim]\n"
        f"  export ETHOGRAM_WORKSPACE={folder.name}\n"
        "  ethogram events                             [dim]what is in the data[/dim]\n"
        '  ethogram preview "sum(purchase.amount in last 90 days) > 1000 and not did(return)"\n'
        '  ethogram save regulars "distinct(purchase.invoice_no in last 90 days) >= 3"\n'
        "  ethogram run\n"
        "  ethogram members regulars --limit 10\n\n"
        "Your own file: docs/tutorial.md, two minutes.",
        highlight=False,
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--folder", type=Path, default=Path.cwd(), help="where the workspaces are made")
    arguments.add_argument("--only", choices=("real", "generated"))
    given = arguments.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    match given.only:
        case "real":
            real(console, given.folder / "demo-workspace")
        case "generated":
            generated(console, given.folder / "demo-workspace-generated")
        case _:
            # One process for each: an embedded engine holds one workspace.
            for only in ("real", "generated"):
                command = [sys.executable, __file__, "--folder", str(given.folder), "--only", only]
                subprocess.run(command, check=True)  # noqa: S603  # this very file
            next_steps(console, given.folder / "demo-workspace")


if __name__ == "__main__":
    main()
