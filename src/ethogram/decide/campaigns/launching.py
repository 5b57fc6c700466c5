"""Launches: decides about a campaign's audience in portions, and puts what is wanted where eligibility judges it.

Step of the path: decide. Reads definitions and launches (ledger) and asks who is meant; writes, in one transaction for
each portion, the messages and how far the launch has come. People come in an order that is always the same, and the
audience is that of the launch's instant, so after a crash it goes on behind the last person who is decided about; and a
message's id says whom it is for, so nobody gets two.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ethogram.decide.campaigns.occurrences import instant_of
from ethogram.model.campaign import KIND, Audience, Campaign, SendAt, Variant
from ethogram.model.message import Maker, Origin, Wanted
from ethogram.store import campaigns, definitions
from ethogram.store.campaigns import CampaignState, Launch, LaunchState

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ethogram.store.database import Database

_PORTION = 2_000  # people who are decided about in one transaction
_PAGE = 50_000  # people whom the warehouse is asked for at once

# The next people whom a text describes at an instant: text, instant, after whom, how many.
Page = Callable[[str, dt.datetime, "str | None", int], Sequence[str]]
# Those of some people whom a text describes at an instant.
Among = Callable[[str, Sequence[str], dt.datetime], frozenset[str]]
# Some traits of people, by id.
Traits = Callable[[Sequence[str], Sequence[str], dt.datetime], Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a person was drawn for: a variant, or the holdout, who would have got it."""

    variant: Variant
    held_out: bool


Draw = Callable[[Campaign, str], Drawn]
# Judges and writes down what is wanted, in the caller's transaction; the flag says who is held out.
Put = Callable[["sa.Connection", Sequence[tuple[Wanted, bool]], Mapping[str, Mapping[str, Any]], dt.datetime], object]


@dataclass(frozen=True, slots=True)
class Asking:
    """How the launcher learns about people.

    Attributes:
        page: who is meant, over everybody.
        among: who of some is meant.
        traits: what is known of some.
        best_at: for people and an instant, when within the day after it each is best reached.
        needed: the traits that eligibility asks for, beside the time zone.
    """

    page: Page
    among: Among
    traits: Traits
    best_at: Callable[[Sequence[str], dt.datetime], Mapping[str, dt.datetime]]
    needed: Sequence[str] = ()


def text_of(audience: Audience) -> str:
    """The audience as a text of the segment language.

    >>> text_of(Audience(("vip", "new"), ("left",), "did(x)"))
    "(in_segment('vip') or in_segment('new')) and not in_segment('left') and (did(x))"
    """
    parts = []
    if audience.within:
        parts.append(f"({' or '.join(map(_in_segment, audience.within))})")
    parts += [f"not {_in_segment(name)}" for name in audience.without]
    if audience.where:
        parts.append(f"({audience.where})")
    return " and ".join(parts) or "count(any) >= 0"


def _in_segment(name: str) -> str:
    return "in_segment('" + name.replace("'", "''") + "')"


class Launching:
    """Takes launches that are due step by step to their end.

    Args:
        zone: the workspace's, for people whose own is not known.
        portion: how many people are decided about in one transaction.
        at_point: called at each instant after which a killed process is found in another state.
    """

    def __init__(
        self,
        database: Database,
        zone: ZoneInfo,
        asking: Asking,
        draw: Draw,
        put: Put,
        *,
        portion: int = _PORTION,
        at_point: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._zone = zone
        self._asking = asking
        self._draw = draw
        self._put = put
        self._portion = portion
        self._at_point = at_point
        self._pages: dict[int, tuple[str, list[str]]] = {}  # by launch: people that come after the last decided one

    def step(self, now: dt.datetime) -> bool:
        """Decides about the next portion of every launch that is due; whether there was any."""
        with self._database.reading() as connection:
            due = campaigns.due(connection, now)
        self._pages = {launch.number: self._pages[launch.number] for launch in due if launch.number in self._pages}
        for launch in due:
            self._decide(launch, now)
        return bool(due)

    def _decide(self, launch: Launch, now: dt.datetime) -> None:
        with self._database.reading() as connection:
            saved = definitions.find(connection, KIND, launch.campaign, launch.version)
        assert saved is not None, "a version that was launched is kept"
        campaign = Campaign.from_body(launch.campaign, saved.body)
        if launch.recipients is None:
            ids = self._next(campaign, launch)
            people: dict[str, Mapping[str, Any]] = dict.fromkeys(ids, launch.data)
        else:
            people, ids = self._called(campaign, launch)
        wanted, traits = self.wanted(campaign, launch, people, launch.due_at)
        ended = not ids
        self._at_point("asked")
        with self._database.writing() as connection:
            if campaigns.progress(connection, launch.campaign).state is not CampaignState.ACTIVE:
                return  # stopped meanwhile
            values: dict[str, Any] = (
                {"state": LaunchState.DONE, "finished_at": now, "audience": launch.decided}
                if ended
                else {"state": LaunchState.DECIDING, "last": ids[-1], "decided": launch.decided + len(ids)}
            )
            if not campaigns.advance(connection, launch, **values):
                return  # somebody else has decided about them
            if wanted:
                self._put(connection, wanted, traits, now)
            self._at_point("keeping")
        self._at_point("kept")
        if ended:
            self._pages.pop(launch.number, None)

    def wanted(
        self, campaign: Campaign, launch: Launch, people: Mapping[str, Mapping[str, Any]], at: dt.datetime
    ) -> tuple[list[tuple[Wanted, bool]], Mapping[str, Mapping[str, Any]]]:
        """The messages that a campaign wants for people, and what is known of these.

        Args:
            people: with the data that each message carries.
            at: the launch's instant.
        """
        if not people:
            return [], {}
        ids = list(people)
        traits = self._asking.traits(ids, [*self._asking.needed, "timezone"], at)
        due = self._due(campaign, launch, ids, traits)
        found = []
        for id_, data in people.items():
            drawn = self._draw(campaign, id_)
            origin = Origin(
                Maker.CAMPAIGN, campaign.name, launch.version, launch.occurrence, variant=drawn.variant.name
            )
            due_at = due.get(id_, launch.due_at)
            message = Wanted(
                origin,
                id_,
                campaign.channel,
                drawn.variant.template,
                due_at,
                topic=campaign.topic,
                priority=campaign.priority,
                transactional=campaign.transactional,
                data=data,
                expires_at=due_at + campaign.expires_after,
                twice_rather_than_not=campaign.twice_rather_than_not,
            )
            found.append((message, drawn.held_out))
        return found, traits

    def _due(
        self, campaign: Campaign, launch: Launch, ids: Sequence[str], traits: Mapping[str, Mapping[str, Any]]
    ) -> Mapping[str, dt.datetime]:
        if launch.wall is not None:
            wall = dt.datetime.fromisoformat(launch.wall)
            return {id_: instant_of(wall, zone_of(traits.get(id_, {}), self._zone)) for id_ in ids}
        if campaign.send_at is SendAt.BEST:
            return self._asking.best_at(ids, launch.due_at)
        return {}

    def _next(self, campaign: Campaign, launch: Launch) -> list[str]:
        """The next people of the audience."""
        last, held = self._pages.get(launch.number, ("", []))
        if last != launch.last or not held:
            text = text_of(campaign.audience)
            held = list(self._asking.page(text, launch.due_at, launch.last or None, _PAGE))
        ids, rest = held[: self._portion], held[self._portion :]
        self._pages[launch.number] = (ids[-1] if ids else "", rest)
        return ids

    def _called(self, campaign: Campaign, launch: Launch) -> tuple[dict[str, Mapping[str, Any]], list[str]]:
        """The next recipients of a call: those who are in the audience with their data, and the ids of all."""
        assert launch.recipients is not None
        portion = launch.recipients[launch.decided : launch.decided + self._portion]
        ids = [str(each["profile_id"]) for each in portion]
        meant = self._asking.among(text_of(campaign.audience), ids, launch.due_at) if ids else frozenset()
        return {
            str(each["profile_id"]): {**launch.data, **each.get("data", {})}
            for each in portion
            if each["profile_id"] in meant
        }, ids


def zone_of(traits: Mapping[str, Any], otherwise: ZoneInfo) -> ZoneInfo:
    """A person's time zone; one that is not known, or that is none, is the workspace's."""
    name = traits.get("timezone")
    if not isinstance(name, str):
        return otherwise
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return otherwise
