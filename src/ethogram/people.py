"""Who a text describes, page by page or among given people, and what is known of them: what deciding asks.

A part of the composition root: `runtime.Workspace` hands over what it has opened. Reads the warehouse and definitions;
writes nothing. Every answer is for an instant, so the same question later has the same answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ethogram.errors import SegmentError
from ethogram.measure.interest import interested
from ethogram.measure.traits import traits_of
from ethogram.measure.usual_hours import everybodys_hour, next_at, usual_hours
from ethogram.model.item_signal import Seen
from ethogram.model.segment import Definition, Entity
from ethogram.segment.evaluate import Evaluator, Recorded
from ethogram.segment.saved import SavedSegments
from ethogram.segment.scoped import Scoped
from ethogram.store.warehouse import Warehouse

if TYPE_CHECKING:
    from ethogram.identities import Identities

# Conditions that are not saved are numbered from here, beyond the numbers of segments.
_BEYOND = 1 << 30


class People:
    """Answers about the people of a workspace.

    Args:
        evaluator: asks over everybody, in the zone that the workspace has now.
        scoped: asks about some.
        cutoffs: the values that cut off shares of everybody, as the last run or fill found them.
    """

    def __init__(
        self,
        *,
        warehouse: Warehouse,
        saved: SavedSegments,
        identities: Identities,
        evaluator: Callable[[], Evaluator],
        scoped: Callable[[], Scoped],
        cutoffs: Callable[[], Recorded],
    ) -> None:
        self._warehouse = warehouse
        self._saved = saved
        self._identities = identities
        self._evaluator = evaluator
        self._scoped = scoped
        self._cutoffs = cutoffs

    def page(self, text: str, at: dt.datetime, *, after: str | None, limit: int) -> list[str]:
        """The next ids of those whom a text describes at an instant, in an order that is always the same.

        Args:
            after: the last id of the page before; None begins.

        Raises:
            SegmentError: the text describes accounts, or cannot be used.
        """
        live = self._saved.live()
        definition = _over_profiles(self._saved.named(text))
        numbers = {name: segment.number for name, segment in live.items()}
        found = self._evaluator().members(
            self._saved.expanded(definition, live), at, numbers=numbers, limit=limit, after=after
        )
        return list(map(str, found.column(0).to_pylist()))

    def among(
        self, conditions: Sequence[str | Definition], ids: Collection[str], at: dt.datetime
    ) -> list[frozenset[str]]:
        """For each condition, those of the given people for whom it holds at an instant.

        Relative conditions compare with the cut-offs that the last run or fill found.

        Args:
            conditions: texts, or definitions.
            ids: people; ids that were joined to a person stand for that person, and come back as they were given.
        """
        if not ids or not conditions:
            return [frozenset() for _ in conditions]
        live = self._saved.live()
        people = self._identities.resolve(list(ids))
        definitions = {
            _BEYOND + index: self._saved.expanded(
                _over_profiles(self._saved.named(each) if isinstance(each, str) else each), live
            )
            for index, each in enumerate(conditions)
        }
        standings = self._scoped().standings(
            definitions,
            at,
            numbers={name: segment.number for name, segment in live.items()},
            keys=list(self._evaluator().keys(sorted(set(people.values()))).values()),
            recorded=self._cutoffs(),
        )
        held = {standing.id: frozenset(standing.segments) for standing in standings}
        return [
            frozenset(id_ for id_, person in people.items() if _BEYOND + index in held.get(person, ()))
            for index in range(len(conditions))
        ]

    def answers(
        self, conditions: Mapping[Definition, Sequence[str]], at: dt.datetime
    ) -> dict[Definition, frozenset[str]]:
        """Of whom conditions hold at an instant, each asked of some people; their rows are read once for all.

        Relative conditions compare with the cut-offs that the last run or fill found.
        """
        everybody = {id_ for ids in conditions.values() for id_ in ids}
        if not everybody:
            return dict.fromkeys(conditions, frozenset())
        live = self._saved.live()
        people = self._identities.resolve(sorted(everybody))
        keys = self._evaluator().keys(sorted(set(people.values())))
        only: dict[int, set[int]] = {}
        for index, ids in enumerate(conditions.values()):
            for id_ in ids:
                only.setdefault(keys[people[id_]], set()).add(_BEYOND + index)
        definitions = {
            _BEYOND + index: self._saved.expanded(_over_profiles(each), live) for index, each in enumerate(conditions)
        }
        standings = self._scoped().standings(
            definitions,
            at,
            numbers={name: segment.number for name, segment in live.items()},
            keys=list(keys.values()),
            recorded=self._cutoffs(),
            only=only,
        )
        held = {standing.id: frozenset(standing.segments) for standing in standings}
        return {
            condition: frozenset(id_ for id_ in ids if _BEYOND + index in held.get(people[id_], ()))
            for index, (condition, ids) in enumerate(conditions.items())
        }

    def traits(self, ids: Sequence[str], names: Collection[str], at: dt.datetime) -> Mapping[str, dict[str, Any]]:
        """Some traits of people as they were known at an instant; who has none of them is left out."""
        return traits_of(self._warehouse, ids, Entity.PROFILE, names, at)

    def known(self, ids: Sequence[str], at: dt.datetime) -> Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """All traits of people, and those of the accounts that they belong to, by the person's id."""
        traits = traits_of(self._warehouse, ids, Entity.PROFILE, None, at)
        belongs = {id_: str(found["account_id"]) for id_, found in traits.items() if found.get("account_id")}
        accounts = traits_of(self._warehouse, sorted(set(belongs.values())), Entity.ACCOUNT, None, at)
        return {id_: (found, accounts.get(belongs.get(id_, ""), {})) for id_, found in traits.items()}

    def best_at(self, ids: Sequence[str], at: dt.datetime) -> Mapping[str, dt.datetime]:
        """When within the day after an instant each person usually is active; everybody's hour for who did little."""
        zone = self._evaluator().zone
        people = self._identities.resolve(list(ids))
        own = usual_hours(self._warehouse, sorted(set(people.values())), zone, at)
        otherwise = everybodys_hour(self._warehouse, zone, at) if len(own) < len(set(people.values())) else None
        hours = {id_: own.get(person, otherwise) for id_, person in people.items()}
        instants = {hour: next_at(hour, zone, at) for hour in set(hours.values()) if hour is not None}
        return {id_: instants[hour] for id_, hour in hours.items() if hour is not None}

    def interested(self, seen: Seen, items: Collection[str], at: dt.datetime) -> list[tuple[str, str, dt.datetime]]:
        """Who did what ties people to items, up to an instant: profile id, item, and when they last did."""
        return interested(self._warehouse, seen.event, seen.property, items, at - seen.within, at)


def _over_profiles(definition: Definition) -> Definition:
    if definition.entity is not Entity.PROFILE:
        raise SegmentError(
            "messages are sent to people, and this describes accounts",
            hint="Write a condition over profiles; `account.…` looks at the account that a person belongs to.",
        )
    return definition
