"""A program: the same questions to one warehouse and to a cluster of two shards, in one process; prints both answers.

The engine's `Distributed` tables do their work here as on servers: a query is split, each shard answers from its own
rows, and the parts are merged. Only the network is missing: both shards are views over this process's tables, each with
the profiles (accounts) of every second key. Cluster and configuration belong to a process, so this is one of its own.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import sys
from pathlib import Path
from typing import Any

import clickhouse_connect

from ethogram.model.segment import Definition, Entity
from ethogram.segment.compiler import CutOff
from ethogram.segment.evaluate import Evaluator
from ethogram.segment.parser import parse
from ethogram.segment.templates import TEMPLATES, Applied, apply
from ethogram.store.connections import Connections
from ethogram.store.schema import TABLES
from ethogram.store.warehouse import Warehouse
from oracle.engine import asked, numbers_of
from oracle.stored import store
from oracle.world import MembershipChange, World
from segment.templates.cases import CASES
from segment.templates.histories import NOW, PLAIN, world
from segment.templates.test_membership import ACCOUNTS, STAFF

CONFIGURATION = """<clickhouse>
  <tcp_port>9000</tcp_port>
  <remote_servers><two>
    <shard><replica><host>localhost</host><port>9000</port></replica></shard>
    <shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
  </two></remote_servers>
</clickhouse>"""
EXAMPLES = (Path(__file__).parent / "golden" / "examples.txt").read_text(encoding="utf-8").splitlines()
SHARD_KEY = dict.fromkeys(TABLES, "profile") | {
    "accounts": "account", "account_traits": "account", "memberships": "key", "membership_changes": "key",
}  # fmt: skip
# Which segment was entered or left by every how manyth person, how many days ago.
_RECORDED = (("vip", 2, 2, True), ("unsubscribed", 3, 9, True), ("unsubscribed", 6, 1, False))


def everybody() -> World:
    """The histories that the templates are tried on, all in one world, with two recorded segments."""
    histories = [history for case in CASES for history in (*case.members, *case.others)]
    built = world({f"{n}: {history}": history for n, history in enumerate(histories)} | STAFF, PLAIN, ACCOUNTS)
    people = sorted({change.id for change in built.profile_changes})
    changes = [
        MembershipChange(name, person, NOW - dt.timedelta(days=days), entered)
        for name, every, days, entered in _RECORDED
        for person in people[::every]
    ]
    return World(
        built.events, built.profile_changes, built.account_changes, tuple(changes), frozenset({"vip", "unsubscribed"})
    )


def questions() -> dict[str, Definition]:
    """Every template as fitted to the plain vocabulary, and every example of the language."""
    applied = [apply(template, PLAIN, {}) for template in TEMPLATES]
    texts = {each.name: each.text for each in applied if isinstance(each, Applied)}
    return {name: parse(text) for name, text in (texts | {text: text for text in EXAMPLES}).items()}


def answers(warehouse: Warehouse, shop: World, chosen: dict[str, Definition]) -> dict[str, Any]:
    """Everything that is asked of either warehouse."""
    found: dict[str, Any] = {}
    for entity in Entity:
        names = [name for name, definition in chosen.items() if definition.entity is entity]
        definitions = [chosen[name] for name in names]
        members, due = asked(warehouse, shop, definitions, NOW)
        found |= {f"{name}, everybody": sorted(ids) for name, ids in zip(names, members, strict=True)}
        found[f"when each {entity.value} is due"] = {id_: at.isoformat() for id_, at in due.items()}
        few = sorted(due)[::3]
        scoped, _ = asked(warehouse, shop, definitions, NOW, few)
        found |= {f"{name}, a few": sorted(ids) for name, ids in zip(names, scoped, strict=True)}
    evaluator = Evaluator(warehouse, shop.zone)
    for name, definition in list(chosen.items())[::10]:
        counted = evaluator.count(definition, NOW, numbers=numbers_of(shop), sample=5)
        found[f"{name}, previewed"] = [counted.count, counted.population, counted.sample]
    page = evaluator.members(chosen["did(purchase)"], NOW, numbers=numbers_of(shop), limit=9)
    found["a page of members"] = page.column(0).to_pylist()
    return found


def alone(shards: list[Warehouse], whole: Warehouse, shop: World, chosen: dict[str, Definition]) -> list[Any]:
    """Members by question, from the whole and from each shard by itself given the whole's cut-offs.

    Questions that look at accounts are left out: a colleague may be on another shard.
    """
    own = {n: d for n, d in chosen.items() if d.entity is Entity.PROFILE and "account" not in repr(d).lower()}
    cutoffs: dict[CutOff, float | None] = {}
    found: list[dict[str, list[str]]] = []
    for warehouse in (whole, *shards):
        evaluator = Evaluator(warehouse, shop.zone)
        plan, compiled = evaluator.plan(list(own.values()), NOW, numbers=numbers_of(shop), cutoffs=cutoffs)
        query = plan.evaluation(dict(enumerate(compiled, start=1)))
        rows = warehouse.query(query.sql, query.parameters)
        found.append({name: sorted(row[1] for row in rows if n in row[2]) for n, name in enumerate(own, start=1)})
    return found


def main(folder: Path) -> None:
    configuration = folder / "cluster.xml"
    configuration.write_text(CONFIGURATION)
    clickhouse_connect.get_client = functools.partial(
        clickhouse_connect.get_client, chdb_options={"config-file": str(configuration)}
    )
    shop, chosen = everybody(), questions()
    with Warehouse(f"chdb://{folder / 'warehouse'}") as warehouse:
        store(shop, warehouse, numbers_of(shop))

        def within(database: str) -> Warehouse:
            """The same engine, seen from another database."""
            place = {"interface": "chdb", "path": str(folder / "warehouse"), "database": database}
            other = object.__new__(Warehouse)
            other._mutex, other._directory = warehouse._mutex, None
            other._client = warehouse._connect(**place)
            other._reading = Connections(lambda: warehouse._connect(**place), 1)
            return other

        for database in ("shard", "cluster", "first", "second"):
            warehouse.command(f"CREATE DATABASE {database}")
        for table, key in SHARD_KEY.items():
            rows = f"SELECT * FROM default.{table} WHERE {key} % 2 ="
            warehouse.command(f"CREATE VIEW shard.{table} AS {rows} shardNum() - 1")
            spread_over = f"Distributed('two', 'shard', '{table}', {key})"
            warehouse.command(f"CREATE TABLE cluster.{table} AS default.{table} ENGINE = {spread_over}")
            warehouse.command(f"CREATE VIEW first.{table} AS {rows} 0")
            warehouse.command(f"CREATE VIEW second.{table} AS {rows} 1")
        cluster = within("cluster")
        spread = {
            table: [row[1] for row in cluster.query(f"SELECT shardNum(), count() FROM {table} GROUP BY 1 ORDER BY 1")]
            for table in TABLES
        }
        json.dump(
            {
                "spread": spread,
                "whole": answers(warehouse, shop, chosen),
                "cluster": answers(cluster, shop, chosen),
                "alone": alone([within("first"), within("second")], warehouse, shop, chosen),
            },
            sys.stdout,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
