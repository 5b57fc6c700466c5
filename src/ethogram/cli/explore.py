"""Verbs about what people do: `explore trends`, `funnel`, `retention`, `paths`; `ask` answers a question kept."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ethogram.cli import wording
from ethogram.cli.context import AsOf, as_of_option, json_option, opened, resolved, workspace_option, zone_of
from ethogram.cli.definitions import definitions
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Column, Output

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ethogram.exploring import Answer, Exploration, Funnel, Paths, Retention, Trend, Unit

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_UNITS = ("hour", "day", "week", "month")
_SHOWN_UNITS = 12

explore = Verbs(
    name="explore",
    help="Count what people do: trends, funnels, retention and paths.",
    examples=(
        "ethogram explore trends purchase --unit week --compare",
        "ethogram explore funnel product_view cart_add purchase --within 14",
        "ethogram explore retention any",
    ),
)


def _shared(days: int) -> Callable[[Decorated], Decorated]:
    """The options of every question."""

    def with_options(command: Decorated) -> Decorated:
        for option in (
            workspace_option,
            json_option,
            as_of_option,
            click.option("--segment", default="", metavar="SEGMENT", help="Of these people only: a name, or a text."),
            click.option(
                "--days",
                type=click.IntRange(1, 3660),
                default=days,
                show_default=True,
                help="How many, today included.",
            ),
        ):
            command = option(command)
        return command

    return with_options


@explore.command(
    "trends",
    examples=(
        "ethogram explore trends purchase --property amount --by country",
        "ethogram explore trends 'purchase where amount > 100' --unit week --days 84 --compare",
    ),
)
@click.argument("event")
@click.option("--unit", type=click.Choice(_UNITS), default="day", show_default=True, help="How long a row is.")
@click.option("--property", "amount", default="", metavar="NAME", help="A number to be added up.")
@click.option("--by", default="", metavar="NAME", help="A property; its ten most frequent values stand apart.")
@click.option("--compare", is_flag=True, help="Beside the period before.")
@_shared(30)
def trends(event: str, as_of: AsOf, as_json: bool, **asked: Any) -> None:
    """Show how often something happens, and by how many people."""
    _answer("trends", as_of, as_json=as_json, event=event, **asked)


@explore.command("funnel", examples=("ethogram explore funnel product_view cart_add purchase --within 14",))
@click.argument("steps", nargs=-1, required=True, metavar="EVENT…")
@click.option("--within", type=click.IntRange(1, 3660), default=7, show_default=True, help="Days it may take.")
@click.option("--by", default="", metavar="NAME", help="A property of the first step; its values stand apart.")
@_shared(30)
def funnel(as_of: AsOf, as_json: bool, **asked: Any) -> None:
    """Show how many people do one thing after another."""
    _answer("funnels", as_of, as_json=as_json, **asked)


@explore.command(
    "retention",
    examples=("ethogram explore retention any", "ethogram explore retention sign_up --returning purchase --unit month"),
)
@click.argument("event")
@click.option("--returning", default="", metavar="EVENT", help="What coming back is; left out, the same.")
@click.option("--unit", type=click.Choice(_UNITS[1:]), default="week", show_default=True, help="How long a unit is.")
@_shared(90)
def retention(event: str, as_of: AsOf, as_json: bool, **asked: Any) -> None:
    """Show how many of those who began in a time come back in those after it."""
    _answer("retention", as_of, as_json=as_json, event=event, **asked)


@explore.command("paths", examples=("ethogram explore paths purchase --backwards", "ethogram explore paths cart_add"))
@click.argument("event")
@click.option("--backwards", is_flag=True, help="What came before it instead.")
@click.option("--length", type=click.IntRange(1, 5), default=3, show_default=True, help="Further events at most.")
@_shared(30)
def paths(event: str, as_of: AsOf, as_json: bool, **asked: Any) -> None:
    """Show what people do right after an event in a session, or before it."""
    _answer("paths", as_of, as_json=as_json, event=event, **asked)


@explore.command("ask", examples=("ethogram explore ask weekly", "ethogram explore ask weekly --json"))
@click.argument("name")
@as_of_option
@json_option
@workspace_option
def ask(name: str, as_of: AsOf, as_json: bool) -> None:
    """Answer a question that is kept; `ethogram explorations` keeps them."""
    model = importlib.import_module("ethogram.model.exploration")
    with definitions() as kept:
        asked = model.Exploration.from_body(name, kept.get(model.KIND, name).body)
    _show(asked, as_of, as_json=as_json)


def _answer(way: str, as_of: AsOf, *, as_json: bool, **asked: Any) -> None:
    model = importlib.import_module("ethogram.model.exploration")
    if "unit" in asked:
        asked["unit"] = model.Unit(asked["unit"])
    _show(model.Exploration(model.Way(way), **asked), as_of, as_json=as_json)


def _show(asked: Exploration, as_of: AsOf, *, as_json: bool) -> None:
    out = Output()
    with opened() as workspace:
        answer: Any = workspace.explore.ask(asked, resolved(as_of, workspace) or workspace.now())
        zone = zone_of(workspace)
    if as_json:
        out.json(answer)
        return
    show_answer(out, asked, answer, zone)


def show_answer(out: Output, asked: Exploration, answer: Answer, zone: ZoneInfo) -> None:
    """Prints an answer as tables."""
    shown: dict[str, Callable[..., None]] = {
        "trends": lambda: _show_trend(out, asked, _as(answer), zone),
        "funnels": lambda: _show_funnel(out, asked, _as(answer)),
        "retention": lambda: _show_retention(out, _as(answer)),
        "paths": lambda: _show_paths(out, _as(answer)),
    }
    shown[asked.way.value]()


def _as(answer: Any) -> Any:
    """The answer, of the kind that its question has."""
    return answer


def _show_trend(out: Output, asked: Exploration, found: Trend, zone: ZoneInfo) -> None:
    columns = [Column("when"), Column("events", "right"), Column("people", "right")]
    columns += [Column(head, "right") for head in ("sum", "mean", "median")] if asked.amount else []
    columns += [Column("before", "right")] if found.before is not None else []
    rows = []
    for at, point in enumerate(found.points):
        row = [_when(point.start, found.unit, zone), wording.number(point.events), wording.number(point.people)]
        if asked.amount:
            row += [_figure(each) for each in (point.sum, point.mean, point.median)]
        if found.before is not None:
            earlier = found.before.points
            row.append(wording.number(earlier[at].events) if at < len(earlier) else "")
        rows.append(row)
    out.table(columns, rows)
    told = f"{found.total.events:,} events of {found.total.people:,} people"
    if found.before is not None:
        then = found.before.total
        told += f"; {then.events:,} of {then.people:,} in the period before"
        told += f" ({(found.total.events - then.events) / then.events:+.1%})" if then.events else ""
    out.line(told)
    if found.series:
        out.blank()
        sizes = [(each.value, sum(point.events for point in each.points)) for each in found.series]
        out.table(
            [Column(visible(asked.by)), Column("events", "right")],
            [
                ["all others" if value is None else visible(value) or "(none)", wording.number(events)]
                for value, events in sizes
            ],
        )


def _show_funnel(out: Output, asked: Exploration, found: Funnel) -> None:
    for value, steps in ((None, found.steps), *((part.value, part.steps) for part in found.parts)):
        if value is not None:
            out.blank()
            out.line((f"{visible(asked.by)}: {visible(value) or '(none)'}", "bold"))
        out.table(
            [Column("step"), *(Column(head, "right") for head in ("people", "of all", "of before", "half within"))],
            [
                [
                    visible(step.event),
                    wording.number(step.people),
                    f"{step.share:.1%}",
                    f"{step.kept:.1%}" if at else "",
                    "" if step.median is None else str(dt.timedelta(seconds=round(step.median.total_seconds()))),
                ]
                for at, step in enumerate(steps)
            ],
        )


def _show_retention(out: Output, found: Retention) -> None:
    if not found.cohorts:
        out.line("Nobody began in this time.")
        return
    widest = min(len(found.cohorts[0].returned), _SHOWN_UNITS)
    out.table(
        [Column("began"), Column("people", "right"), *(Column(str(number), "right") for number in range(widest))],
        [
            [
                cohort.start.isoformat(),
                wording.number(cohort.people),
                *(f"{back / cohort.people:.0%}" for back in cohort.returned[:widest]),
                *[""] * (widest - len(cohort.returned)),
            ]
            for cohort in found.cohorts
        ],
    )
    if len(found.cohorts[0].returned) > widest:
        out.note(f"the first {widest} units are shown; --json has all")


def _show_paths(out: Output, found: Paths) -> None:
    if not found.paths:
        out.line("No session has this event.")
        return
    out.table(
        [Column("path", fold=True), Column("sessions", "right"), Column("people", "right")],
        [
            [" → ".join(map(visible, path.events)), wording.number(path.sessions), wording.number(path.people)]
            for path in found.paths
        ],
    )
    out.line(f"{found.sessions:,} sessions of {found.people:,} people have it")


def _when(start: dt.date, unit: Unit, zone: ZoneInfo) -> str:
    if isinstance(start, dt.datetime):
        return f"{start.astimezone(zone):%Y-%m-%d %H:%M}"
    return f"{start:%Y-%m}" if unit.value == "month" else start.isoformat()


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"
