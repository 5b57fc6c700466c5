"""What campaigns and journeys did: outcomes by variant, and what they changed against those who were held out.

Composition over the warehouse: puts the definitions (ledger), the outcomes and the statistics together.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ethogram.collecting import open_ledger
from ethogram.decide.journeys.matching import fits
from ethogram.errors import UnknownNameError
from ethogram.measure.experiments import check_ratio, compare
from ethogram.measure.outcomes import HOLDOUT, About, VariantOutcome
from ethogram.model.campaign import Campaign, Conversion
from ethogram.model.experiment import Finding, Method, Metric, RatioCheck
from ethogram.model.journey.graph import Journey
from ethogram.model.journey.parts import EventSignal, Send, Split
from ethogram.model.journey.runs import EventHappened
from ethogram.model.message import Channel, Maker
from ethogram.runtime import Workspace
from ethogram.store import definitions, outbox_pauses

__all__ = ["Difference", "Report", "Reports"]


@dataclass(frozen=True, slots=True)
class Difference:
    """How one variant differs from what it is compared with.

    Attributes:
        control: `holdout`, or the first variant where nobody is held out.
        findings: what can be said, or why nothing can.
    """

    metric: Metric
    control: str
    treated: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class Report:
    """What a campaign, or one message of a journey, did.

    Attributes:
        step: of a journey; empty for a campaign and for a whole journey.
        channel: of the message; None where runs of a journey are counted.
        as_of: the instant that it was asked about.
        variants: what came of each, those who were held out last.
        ratio: whether people came into the variants and the holdout as meant; None where there is one arm only.
        differences: against the holdout; without one, between variants.
        paused: why its messages wait, such as that many complained.
    """

    name: str
    step: str
    channel: Channel | None
    as_of: dt.datetime
    method: Method
    conversion: str | None
    variants: tuple[VariantOutcome, ...]
    ratio: RatioCheck | None
    differences: tuple[Difference, ...]
    paused: str | None = None


class Reports:
    """Reports about a workspace's campaigns and journeys.

    Args:
        path: the workspace's directory.
    """

    def __init__(self, workspace: Workspace, path: Path) -> None:
        self._workspace = workspace
        self._path = path

    def campaign(self, name: str, *, method: Method = Method.FIXED) -> Report:
        """What a campaign did.

        Args:
            method: `sequential` for whoever looks while it goes on.

        Raises:
            UnknownNameError: there is no such campaign.
        """
        campaign = Campaign.from_body(name, self._body("campaign", name))
        shares = {each.name: each.share * (1 - campaign.holdout) for each in campaign.variants}
        about = About(Maker.CAMPAIGN, name, campaign.channel)
        return self._report(about, campaign.conversion, shares, campaign.holdout, method)

    def journey(self, name: str, step: str = "", *, method: Method = Method.FIXED) -> Report:
        """What a journey did, or one message of it, or the ways of one of its splits.

        Args:
            step: a message, with its own conversion; a split, whose ways are compared by the journey's goal; or
                nothing, which counts the goal for all who entered.

        Raises:
            UnknownNameError: there is no such journey, or it has no such message or split.
        """
        journey = Journey.from_body(name, self._body("journey", name))
        whole = {"": 1 - journey.holdout}
        if not step:
            return self._report(About(Maker.JOURNEY, name, None), journey.goal, whole, journey.holdout, method)
        found = next((each for each in journey.steps if each.name == step), None)
        if isinstance(found, Send):
            about = About(Maker.JOURNEY, name, found.channel, step)
            return self._report(about, found.conversion or journey.goal, whole, journey.holdout, method)
        if isinstance(found, Split):
            about = About(Maker.JOURNEY, name, None, step)
            shares = {each.name: each.share * (1 - journey.holdout) for each in found.shares}
            return self._report(about, journey.goal, shares, journey.holdout, method)
        counted = [each.name for each in journey.steps if isinstance(each, Send | Split)]
        raise UnknownNameError(
            f"journey `{name}` has no message or split `{step}`", hint=f"There are {', '.join(counted) or 'none'}."
        )

    def _body(self, kind: str, name: str) -> dict[str, Any]:
        ledger = open_ledger(self._path)
        try:
            return definitions.get(ledger.database, kind, name).body
        finally:
            ledger.close()

    def _paused(self, about: About) -> str | None:
        ledger = open_ledger(self._path)
        try:
            with ledger.database.reading() as connection:
                return outbox_pauses.reason_of(connection, about.maker, about.name)
        finally:
            ledger.close()

    def _report(
        self, about: About, conversion: Conversion | None, shares: Mapping[str, float], holdout: float, method: Method
    ) -> Report:
        now = self._workspace.now()
        zone = self._workspace.settings.zone

        def hoped(properties: Mapping[str, Any]) -> bool:
            if conversion is None or conversion.where is None:
                return True
            happened = EventHappened("", "", now, conversion.event, properties)
            return fits(EventSignal(conversion.event, conversion.where), happened, {}, zone)

        found = self._workspace.outcomes(about, conversion, fits=hoped)
        ratio = None
        planned = {**shares, **({HOLDOUT: holdout} if holdout else {})}
        meant = [(each.arm.people, planned[each.name]) for each in found if planned.get(each.name)]
        if len(meant) > 1:
            ratio = check_ratio([people for people, _ in meant], [share for _, share in meant])
        return Report(
            name=about.name,
            step=about.step,
            channel=about.channel,
            as_of=now,
            method=method,
            conversion=conversion.event if conversion is not None else None,
            variants=found,
            ratio=ratio,
            differences=_differences(found, conversion, method, ratio),
            paused=self._paused(about),
        )


def _differences(
    found: tuple[VariantOutcome, ...], conversion: Conversion | None, method: Method, ratio: RatioCheck | None
) -> tuple[Difference, ...]:
    if conversion is None or len(found) < 2:
        return ()
    control = next((each for each in found if each.name == HOLDOUT), found[0])
    treated = [each for each in found if each is not control]
    metrics = [Metric.CONVERSION, *([Metric.REVENUE] if conversion.revenue is not None else [])]
    return tuple(
        Difference(
            metric,
            control.name,
            each.name,
            compare(control.arm, each.arm, metric=metric, method=method, ratio=ratio, comparisons=len(treated)),
        )
        for metric in metrics
        for each in treated
    )
