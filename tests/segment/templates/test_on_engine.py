"""The engine finds for each template whom the built histories name, all templates in one evaluation."""

from __future__ import annotations

import pytest

from ethogram.model.segment import Entity
from ethogram.segment.parser import parse
from ethogram.segment.templates import Applied, Vocabulary, apply, template
from ethogram.store.warehouse import Warehouse
from oracle.engine import asked, numbers_of
from oracle.stored import store
from segment.templates.cases import CASES
from segment.templates.histories import HOSTILE, NOW, PLAIN, found, world
from segment.templates.test_membership import ACCOUNTS, OF_ACCOUNTS, RANKED, STAFF


def text(name: str, vocabulary: Vocabulary, **parameters: object) -> str:
    applied = apply(template(name), vocabulary, parameters)
    assert isinstance(applied, Applied), applied
    return applied.text


@pytest.mark.parametrize("vocabulary", [PLAIN, HOSTILE], ids=["plain names", "hostile names"])
def test_engine_finds_the_members_of_every_case(vocabulary: Vocabulary) -> None:
    people = {
        f"{number} {side} {position}": history
        for number, case in enumerate(CASES)
        for side, histories in (("in", case.members), ("out", case.others))
        for position, history in enumerate(histories)
    }
    everybody = world(people, vocabulary)
    definitions = [parse(text(case.template, vocabulary, **case.parameters)) for case in CASES]

    with Warehouse("chdb://") as warehouse:
        store(everybody, warehouse, numbers_of(everybody))
        members, _ = asked(warehouse, everybody, definitions, NOW)

    for number, case in enumerate(CASES):
        own = {person for person in members[number] if person.startswith(f"{number} ")}
        assert own == {f"{number} in {position}" for position in range(len(case.members))}, case.template


def test_engine_agrees_on_ranks_and_accounts() -> None:
    buyers = {
        f"{r}{f}{m}": f"purchase {100 - 10 * r} amount={m}, {f}*purchase 300 amount=0"
        for r in range(1, 6)
        for f, m in ((1, r), (3, 1 + r % 5), (5, 5))
    }
    shop = world(buyers | {"looker": "view 1"} | STAFF, PLAIN, ACCOUNTS)
    with Warehouse("chdb://") as warehouse:
        store(shop, warehouse, numbers_of(shop))
        for entity in Entity:
            texts = {name: parse(text(name, PLAIN)) for name in (*RANKED, *(name for name, _ in OF_ACCOUNTS))}
            names = [name for name, definition in texts.items() if definition.entity is entity]
            members, _ = asked(warehouse, shop, [texts[name] for name in names], NOW)
            assert dict(zip(names, members, strict=True)) == {name: found(name, shop) for name in names}
