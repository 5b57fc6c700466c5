"""Asks the engine what the oracle was asked: every definition at an instant, over everybody or over a scope."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from ethogram.model.segment import Definition
from ethogram.segment.evaluate import Evaluator
from ethogram.segment.plan import Keys
from ethogram.segment.rewrites import expand
from ethogram.segment.scoped import Asked, Scoped
from ethogram.segment.sql import micros
from ethogram.store.warehouse import Warehouse

from .world import World

# Numbers for names that are recorded (static segments and changes).
Numbers = dict[str, int]


def numbers_of(world: World) -> Numbers:
    """A number for every segment name that occurs in the world."""
    names = {change.segment for change in world.membership_changes} | world.static_segments | set(world.definitions)
    return {name: number for number, name in enumerate(sorted(names), start=1)}


def asked(
    warehouse: Warehouse,
    world: World,
    definitions: Sequence[Definition],
    now: dt.datetime,
    scope: Sequence[str] | None = None,
) -> tuple[list[set[str]], dict[str, dt.datetime]]:
    """Members of each definition (all over the same entity), and for each id the instant at which it is due next.

    Args:
        scope: ids to look at; None is everybody.
    """
    evaluator = Evaluator(warehouse, world.zone)
    expanded = [expand(definition, world.definitions.get) for definition in definitions]
    prefix = "account:" if definitions[0].entity.value == "account" else ""
    within = None if scope is None else Keys(tuple(evaluator.keys([prefix + id for id in scope]).values()))
    plan, compiled = evaluator.plan(expanded, now, numbers=numbers_of(world), scope=within)
    query = plan.evaluation(dict(enumerate(compiled, start=1)))
    rows = warehouse.query(query.sql, query.parameters)
    members: list[set[str]] = [set() for _ in definitions]
    due: dict[str, dt.datetime] = {}
    for _, id, held, due_at in rows:
        due[id] = due_at
        assert micros(due_at) > micros(now)
        for number in held:
            members[number - 1].add(id)
    return members, due


def directly(
    warehouse: Warehouse,
    world: World,
    definitions: Sequence[Definition],
    now: dt.datetime,
    scope: Sequence[str],
) -> tuple[list[set[str]], dict[str, dt.datetime]]:
    """The same for a scope of profiles, as `Workspace.evaluate` and live membership ask."""
    evaluator = Evaluator(warehouse, world.zone)
    expanded = {
        number: expand(definition, world.definitions.get) for number, definition in enumerate(definitions, start=1)
    }
    keys = list(evaluator.keys(list(scope)).values())
    scoped, saved = Scoped(warehouse, evaluator), Asked(expanded, numbers_of(world))
    # From tick to tick what is compiled stays, and is moved to the next instant.
    scoped.compared(saved, now - dt.timedelta(days=33, hours=5), keys[:1], {})
    standings, _ = scoped.compared(saved, now, keys, {})
    members = [{standing.id for standing in standings if number in standing.segments} for number in expanded]
    return members, {standing.id: standing.due_at for standing in standings}
