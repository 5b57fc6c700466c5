"""The engine's answer is the oracle's: for generated segments on generated histories at generated instants.

The strongest test there is. Each case asks one definition of the engine over everybody, over a scope, and of the
oracle; and checks that nothing changes before the instant at which the engine says something may.
`ETHOGRAM_SCENES` sets how many worlds are made (15 definitions each); `make fuzz` goes on until something differs.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ethogram.model.segment import Definition, Entity
from ethogram.segment.printer import to_text
from ethogram.store.warehouse import Warehouse
from oracle.changes import telling_instants
from oracle.definitions import Author
from oracle.engine import asked, directly, numbers_of
from oracle.evaluator import evaluate
from oracle.histories import Scene, scenes, with_definitions
from oracle.stored import store

SCENES = int(os.environ.get("ETHOGRAM_SCENES", "40"))
OVER_PROFILES, OVER_ACCOUNTS = 12, 3
# How far ahead of now changes are looked for, and at how many instants at most.
AHEAD = dt.timedelta(days=45)
MOST_INSTANTS = 12

CASES = settings(
    max_examples=SCENES,
    deadline=None,
    database=None,
    derandomize="ETHOGRAM_SEED" not in os.environ,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    with Warehouse("chdb://") as opened:
        yield opened


def written(scene: Scene, seed: int) -> tuple[Scene, list[list[Definition]]]:
    """The scene with a saved segment, and definitions over profiles and over accounts that speak of it."""
    choose = random.Random(repr((seed, scene.world.events))).choice
    saved = {"saved": Definition(Author(choose, scene).condition(depth=1))}
    scene = Scene(with_definitions(scene.world, saved), scene.now, scene.instants)
    groups = [(Entity.PROFILE, OVER_PROFILES), (Entity.ACCOUNT, OVER_ACCOUNTS)]
    return scene, [
        [Definition(Author(choose, scene, entity).condition(), entity) for _ in range(count)]
        for entity, count in groups
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
@CASES
@given(scene=scenes(), seed=st.integers(0, 2**32))
def test_engine_and_oracle_agree_on_everybody_on_scopes_and_until_due(
    warehouse: Warehouse, scene: Scene, seed: int
) -> None:
    scene, groups = written(scene, seed)
    chance = random.Random(seed)
    store(scene.world, warehouse, numbers_of(scene.world))
    for definitions in groups:
        # All in one plan: what they share is gathered once, and must still be each one's own.
        check(warehouse, scene, definitions, chance)
        # What is due is told for a plan as a whole; alone, a definition must not be looked at needlessly late.
        check(warehouse, scene, [chance.choice(definitions)], chance)


def check(warehouse: Warehouse, scene: Scene, definitions: list[Definition], chance: random.Random) -> None:
    told = f"as of {scene.now.isoformat()} in {scene.world.timezone}"
    expected = [evaluate(definition, scene.world, scene.now) for definition in definitions]
    members, due = asked(warehouse, scene.world, definitions, scene.now)
    for definition, found, wanted in zip(definitions, members, expected, strict=True):
        assert found == wanted, f"{to_text(definition)}\n{told}"
    scope = chance.sample(sorted(due), k=min(len(due), 2))
    if scope:
        scoped, scoped_due = asked(warehouse, scene.world, definitions, scene.now, scope)
        for definition, found, wanted in zip(definitions, scoped, expected, strict=True):
            assert found == wanted & set(scope), f"{to_text(definition)}\n{told}, scope {scope}"
        assert scoped_due == {id: due[id] for id in scope}, f"{told}, scope {scope}"
        if definitions[0].entity is Entity.PROFILE:
            direct, direct_due = directly(warehouse, scene.world, definitions, scene.now, scope)
            for definition, found, wanted in zip(definitions, direct, expected, strict=True):
                assert found == wanted & set(scope), f"{to_text(definition)}\n{told}, scope {scope}, directly"
            assert direct_due == scoped_due, f"{told}, scope {scope}, directly"
    for definition, wanted in zip(definitions, expected, strict=True):
        if any(word in repr(definition) for word in ("Top(", "Quintile(")):
            continue  # moves with everybody else's values, and is refreshed on schedule
        horizon = min(max(due.values(), default=scene.now), scene.now + AHEAD)
        instants = [at for at in telling_instants(definition, scene.world, scene.now, horizon) if at > scene.now]
        for at in sorted(chance.sample(instants, k=min(len(instants), MOST_INSTANTS))):
            later = evaluate(definition, scene.world, at)
            changed = {id for id in (later ^ wanted) & set(due) if at < due[id]}
            assert not changed, f"{to_text(definition)}\n{told}\n{sorted(changed)} changed by {at.isoformat()}"
