"""Dry runs: what a campaign would send now, counted by what decides about it, with samples of what people would get.

Composition over the warehouse's process. Writes nothing and sends nothing; a coupon in a sample is a stand-in.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ethogram.clock import Clock
from ethogram.decide import standing
from ethogram.decide.campaigns.launching import text_of
from ethogram.deliver.templates.compiling import faults
from ethogram.deliver.templates.preview import Preview
from ethogram.engaging import Engaging
from ethogram.errors import UserError
from ethogram.model.campaign import KIND, Campaign, OnCall, OnEvent, OnItem
from ethogram.model.message import Eligible, HeldOut, Postponed, Refused, Wanted
from ethogram.model.template import Template
from ethogram.people import People
from ethogram.store import definitions
from ethogram.store.campaigns import Launch, LaunchState
from ethogram.store.definitions import Saved

__all__ = ["DryRun", "Preview", "Rehearsal", "Sample"]

_PAGE = 5_000
_LOOKED_AT = 1_000  # people for whom missing variables are looked for
_REASONS = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """What somebody would get."""

    profile_id: str
    variant: str
    preview: Preview


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a campaign would send.

    Attributes:
        as_of: the instant that it was asked about.
        audience: how many are meant.
        eligible: how many of them would get it, now or when quiet hours are over.
        postponed: how many of these would get it later.
        held_out: how many get nothing, for comparison.
        refused: how many get nothing, by the word for the reason.
        reasons: examples of whole reasons, by the word.
        variants: how many of the eligible get each variant.
        missing: variables that templates lack for some, with the share of a sample of the eligible.
        unrenderable: the share of the sample for whom nothing can be rendered.
        samples: what some would get.
    """

    campaign: str
    version: int
    as_of: dt.datetime
    audience: int
    eligible: int
    postponed: int
    held_out: int
    refused: dict[str, int]
    reasons: dict[str, str]
    variants: dict[str, int]
    missing: dict[str, float]
    unrenderable: float
    samples: tuple[Sample, ...]


@dataclass(slots=True)
class _Counted:
    """What was found so far."""

    audience: int = 0
    postponed: int = 0
    held_out: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    variants: Counter[str] = field(default_factory=Counter)
    some: list[Wanted] = field(default_factory=list)


class Rehearsal:
    """Dry runs of the campaigns of one workspace."""

    def __init__(self, path: Path, people: People, *, clock: Clock) -> None:
        self._path = path
        self._people = people
        self._clock = clock

    def dry_run(self, name: str, *, samples: int = 3) -> DryRun:
        """What a campaign would send if it were due now.

        Args:
            samples: how many rendered messages to show.

        Raises:
            UnknownNameError: there is no such campaign, or a template of it is not there.
            UserError: what starts the campaign names its people, so nobody is meant now.
        """
        with Engaging(self._path, self._people, clock=self._clock) as engaging:
            saved = definitions.get(engaging.database, KIND, name)
            campaign = Campaign.from_body(name, saved.body)
            if isinstance(campaign.when, OnCall | OnEvent | OnItem):
                raise UserError(
                    f"campaign `{name}` is sent when something happens, so nobody is meant before",
                    hint="`ethogram plan` counts its audience; a template's preview shows what somebody would get.",
                )
            now = self._clock.now()
            counted = self._count(engaging, campaign, saved, now)
            missing, unrenderable, shown = self._look(engaging, counted.some, now, samples)
        return DryRun(
            campaign=name,
            version=saved.version,
            as_of=now,
            audience=counted.audience,
            eligible=sum(counted.variants.values()),
            postponed=counted.postponed,
            held_out=counted.held_out,
            refused=dict(counted.refused.most_common()),
            reasons=counted.reasons,
            variants=dict(sorted(counted.variants.items())),
            missing=missing,
            unrenderable=unrenderable,
            samples=shown,
        )

    def preview(
        self, name: str, body: object, profile_id: str | None, *, data: Mapping[str, Any] | None = None
    ) -> Preview:
        """What somebody would get by a template that need not be saved; coupon codes are stand-ins.

        Args:
            profile_id: None is somebody without traits.
            data: what would start it.

        Raises:
            DefinitionError: the template cannot be used; with all its faults.
        """
        template = Template.from_body(name, body, check=faults)
        with Engaging(self._path, self._people, clock=self._clock) as engaging:
            return engaging.contents.preview(template, profile_id, self._clock.now(), data=data)

    def _count(self, engaging: Engaging, campaign: Campaign, saved: Saved, now: dt.datetime) -> _Counted:
        found = _Counted()
        launch = Launch(
            0, campaign.name, saved.version, "dry run", LaunchState.PLANNED, now, None, {}, None, "", 0, None, now, None
        )
        text, last = text_of(campaign.audience), None
        while ids := self._people.page(text, now, after=last, limit=_PAGE):
            last = ids[-1]
            found.audience += len(ids)
            wanted, traits = engaging.launching.wanted(campaign, launch, {id_: {} for id_ in ids}, now)
            asks = engaging.asks(wanted)
            with engaging.database.reading() as connection:
                judged = standing.judge(connection, asks, traits, engaging.rules(), engaging.zone, now)
            for each, verdict in judged.asked:
                match verdict:
                    case Refused(code, reason):
                        found.refused[code] += 1
                        if len(found.reasons) < _REASONS:
                            found.reasons.setdefault(code, reason)
                    case HeldOut():
                        found.held_out += 1
                    case Eligible() | Postponed():
                        found.postponed += isinstance(verdict, Postponed)
                        found.variants[each.origin.variant] += 1
                        if len(found.some) < _LOOKED_AT:
                            found.some.append(each)
        return found

    def _look(
        self, engaging: Engaging, some: list[Wanted], now: dt.datetime, samples: int
    ) -> tuple[dict[str, float], float, tuple[Sample, ...]]:
        """What templates lack for some, and what a few would get."""
        by_template: dict[str, list[Wanted]] = {}
        for each in some:
            by_template.setdefault(each.template, []).append(each)
        lacking: Counter[str] = Counter()
        refused = 0.0
        forms: dict[str, Template] = {}
        for name, wanted in by_template.items():
            saved = definitions.get(engaging.database, "template", name)
            forms[name] = Template.from_body(name, saved.body, version=saved.version)
            looked = engaging.contents.missing(forms[name], [each.profile_id for each in wanted], now)
            for variable, share in looked.variables.items():
                lacking[variable] += round(share * len(wanted))
            refused += looked.refused * len(wanted)
        shown = tuple(
            Sample(
                each.profile_id,
                each.origin.variant,
                engaging.contents.preview(forms[each.template], each.profile_id, now),
            )
            for each in some[:samples]
        )
        whole = max(len(some), 1)
        return {name: count / whole for name, count in lacking.most_common()}, refused / whole, shown
