"""Reports of campaigns and journeys as people read them: outcomes by variant, and lifts with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ethogram.cli.hostile import visible
from ethogram.cli.output import Column, Output
from ethogram.cli.plain import to_plain

if TYPE_CHECKING:
    from ethogram.reporting import Report


def show_report(out: Output, told: Report) -> None:
    """Prints what came of each variant, and what can be said about the difference."""
    if told.paused is not None:
        out.warn(f"its messages wait: {visible(told.paused)}")
    if not told.variants:
        out.note("nothing was sent yet")
    names = ("entered", "exited", "delivered", "opened", "clicked", "unsubscribed", "bounced", "complained")
    did = [name for name in names if any(name in each.did for each in told.variants)]
    columns = [Column("variant"), Column("people", "right"), *(Column(name, "right") for name in did)]
    columns += [Column("converted", "right"), Column("revenue", "right"), Column("last touch", "right")]
    out.table(
        columns,
        [
            [
                visible(each.name) or "everybody",
                f"{each.arm.people:,}",
                *(f"{each.did.get(name, 0):,}" for name in did),
                f"{each.arm.converted:,}",
                f"{each.arm.total:,.2f}",
                f"{each.last_touch:,}",
            ]
            for each in told.variants
        ],
    )
    if told.ratio is not None and not told.ratio.sound:
        out.warn(f"people did not come into the variants as they were meant to (p = {told.ratio.p_value:.2g})")
    for each in told.differences:
        against = f"{visible(each.treated) or 'everybody'} against {visible(each.control)}, {each.metric.value}: "
        reason = getattr(each.finding, "reason", None)
        if reason is not None:
            out.line(against + f"inconclusive: {visible(reason)}")
            continue
        found = to_plain(each.finding)
        sure = (
            f"chance to win {found['chance_to_win']:.1%}"
            if found["chance_to_win"] is not None
            else f"p = {found['p_value']:.3g}"
        )
        out.line(
            against + f"lift {found['lift']:+.1%}, between {found['low']:+.1%} and {found['high']:+.1%} "
            f"({found['level']:.0%}), {sure}"
        )
