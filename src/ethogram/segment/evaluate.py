"""Runs plans: who is in which segment at an instant, over everybody or over a scope. Nothing is saved here.

Step of the path: segment. Reads the warehouse and saved definitions; writes nothing.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from ethogram.model.segment import Arithmetic, Definition, Entity, Operand, Quintile
from ethogram.segment import values
from ethogram.segment.compiler import Compiled, Context, CutOff
from ethogram.segment.plan import Plan, Scope, Share
from ethogram.segment.printer import operand_to_text
from ethogram.segment.sql import instant_of
from ethogram.segment.windows import Frame
from ethogram.store.ledger import Ledger
from ethogram.store.schema import account_key, profile_key
from ethogram.store.warehouse import Warehouse

CutOffs = dict[CutOff, float | None]
# Cut-offs by name, as they are kept between runs.
Recorded = Mapping[str, float | None]
# The ledger's settings with the cut-offs over everybody, and the instants that they were found at (microseconds).
CUT_OFFS, CUT_OFFS_AT = "cutoffs", "cutoffs_at"
# `top` of a quintile of a quintile …: each layer needs one pass over everybody.
_MOST_LAYERS = 8
# A person takes some ten kilobytes while a hundred segments are gathered.
_PEOPLE_AT_ONCE = 200_000
# For a hundred segments over such a part: groups fit into memory, so nothing is gained by visiting them in order.
OVER_MANY: dict[str, Any] = {"optimize_aggregation_in_order": 0}

# The account that a row of `profile_traits` names, as text.
NAMED_ACCOUNT = values.generic(values.path("traits", "account_id"))
# Every account with since when it is known; also those that only profiles speak of.
KNOWN_ACCOUNTS = (
    "SELECT account, account_id, known_at FROM accounts UNION ALL "
    f"SELECT {account_key('name')} AS account, name AS account_id, ts AS known_at FROM (SELECT ts, "
    f"ifNull({NAMED_ACCOUNT}, '') AS name FROM profile_traits WHERE isNotNull({NAMED_ACCOUNT}) "
    "AND profile NOT IN (SELECT profile FROM left_behind))"
)


@dataclass(frozen=True, slots=True)
class Found:
    """The cut-offs of one entity as they were found last, by name, and since when each is known."""

    values: Recorded
    at: Mapping[str, dt.datetime]

    def since(self, cuts: Iterable[CutOff]) -> dt.datetime | None:
        """The oldest instant that one of these was found at; None where none of them is known."""
        return min((self.at[name] for name in map(name_of, cuts) if name in self.at), default=None)


def found_cutoffs(ledger: Ledger, entity: Entity) -> Found:
    """The cut-offs over everybody that a run or a fill has found."""
    prefix = f"{entity.value}: "
    values: dict[str, float | None] = ledger.setting(CUT_OFFS) or {}
    at: dict[str, int] = ledger.setting(CUT_OFFS_AT) or {}
    return Found(
        {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)},
        {name.removeprefix(prefix): instant_of(us) for name, us in at.items() if name.startswith(prefix)},
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """How many people a definition holds for, with a sample of their ids."""

    count: int
    population: int
    sample: tuple[str, ...]
    milliseconds: float


class Evaluator:
    """Answers definitions from one warehouse, in one time zone.

    Definitions that come in are expanded already (`SavedSegments.expanded`).
    """

    def __init__(self, warehouse: Warehouse, zone: ZoneInfo) -> None:
        self._warehouse = warehouse
        self.zone = zone

    def plan(
        self,
        definitions: Sequence[Definition],
        now: dt.datetime,
        *,
        numbers: Mapping[str, int],
        scope: Scope | None = None,
        cutoffs: CutOffs | None = None,
        recorded: Recorded | None = None,
    ) -> tuple[Plan, list[Compiled]]:
        """One plan for definitions of one entity, with the cut-offs that its relative conditions need.

        Args:
            numbers: the numbers of saved segments by name.
            scope: whom to look at; None is everybody.
            cutoffs: cut-offs that are known already (and stay as they are); found ones are added.
            recorded: cut-offs as a run found them; only those that are not among them are looked for.
        """
        entity = definitions[0].entity if definitions else Entity.PROFILE
        known: CutOffs = cutoffs if cutoffs is not None else {}
        for _ in range(_MOST_LAYERS):
            context = Context(Frame(now, self.zone), entity, numbers, known)
            plan = Plan(context, scope)
            compiled = [plan.add(definition.condition) for definition in definitions]
            missing = [wanted for wanted in context.wanted if wanted not in known]
            if not missing:
                break
            remembered = {cut: recorded[name_of(cut)] for cut in missing if recorded and name_of(cut) in recorded}
            if remembered:
                known |= remembered
                continue
            # A quintile inside must be cut before what ranks by it.
            inner = [cut for cut in missing if not _has_quintile(cut[0])]
            known |= self._cut(inner or missing, context, known)
        return plan, compiled

    def _cut(self, wanted: list[CutOff], context: Context, known: CutOffs) -> CutOffs:
        """Values that cut off shares of everybody; None where nobody has a value."""
        plan = Plan(Context(context.frame, context.entity, context.numbers, known))
        operands = list(dict.fromkeys(operand for operand, _, _ in wanted))
        ranked = {operand: f"rank_{index}" for index, operand in enumerate(operands)}
        inner = plan.query(", ".join(f"{plan.ranked(operand)} AS {name}" for operand, name in ranked.items()))
        picks = []
        for operand, share, bottom in wanted:
            ordered = f"s{operands.index(operand)}"
            size = f"toInt64(length({ordered}))"
            # ceil(share × size) in whole numbers: 0.1 × 30 must be 3, not 4.
            place = f"intDiv({size} * {share.numerator} + {share.denominator - 1}, {share.denominator})"
            picks.append(f"if(empty({ordered}), NULL, {ordered}[{place if bottom else f'{size} - {place} + 1'}])")
        gathered = ", ".join(f"arraySort(groupArray({name})) AS s{i}" for i, name in enumerate(ranked.values()))
        sql = f"SELECT {', '.join(picks)} FROM (SELECT {gathered} FROM (\n{inner.sql}\n))"
        row = self._warehouse.query(sql, inner.parameters)[0]
        return dict(zip(wanted, row, strict=True))

    def shares(self, entity: Entity) -> list[Scope | None]:
        """Everybody in parts that are small enough to hold what a hundred segments gather.

        Measures of accounts are gathered anew for each part, and definitions over accounts are not parted.
        """
        people: int = self._warehouse.query("SELECT count() FROM profiles")[0][0]
        parts = -(-people // _PEOPLE_AT_ONCE)
        if parts < 2 or entity is Entity.ACCOUNT:
            return [None]
        edges = [2**64 * part // parts for part in range(parts + 1)]
        return [Share(low, high - 1) for low, high in pairwise(edges)]

    # --- answers --------------------------------------------------------------------------------------------

    def count(self, definition: Definition, now: dt.datetime, *, numbers: Mapping[str, int], sample: int) -> Counted:
        """Size and sample of one definition at an instant."""
        started = time.perf_counter()
        plan, (compiled,) = self.plan([definition], now, numbers=numbers)
        # The key is a hash of the id: the smallest keys are a sample that nobody chose.
        ids = f"arrayMap(p -> p.2, groupArraySortedIf({max(sample, 1)})((key, id), holds))"
        inner = plan.query(f"key, id, {compiled.holds} AS holds")
        rows = self._warehouse.query(f"SELECT countIf(holds), count(), {ids} FROM (\n{inner.sql}\n)", inner.parameters)
        count, population, ids_found = rows[0]
        elapsed = (time.perf_counter() - started) * 1000
        return Counted(count, population, tuple(ids_found[:sample]), elapsed)

    def rows_to_read(self, definition: Definition, now: dt.datetime, *, numbers: Mapping[str, int]) -> int:
        """About how many rows counting a definition would read; what it ranks by is read once more."""
        context = Context(Frame(now, self.zone), definition.entity, numbers, {})
        plan = Plan(context)
        compiled = plan.add(definition.condition)
        inner = plan.query(f"key, {compiled.holds} AS holds")
        rows = self._warehouse.query(f"EXPLAIN ESTIMATE SELECT countIf(holds) FROM (\n{inner.sql}\n)", inner.parameters)
        return sum(int(row[3]) for row in rows) * (2 if context.wanted else 1)

    def members(
        self,
        definition: Definition,
        now: dt.datetime,
        *,
        numbers: Mapping[str, int],
        limit: int | None = None,
        after: str | None = None,
    ) -> pa.Table:
        """Ids of everybody for whom the definition holds, in order of key.

        Args:
            after: begin after this id, for paging.

        Returns:
            One string column, `profile_id` (`account_id` for a definition over accounts).
        """
        plan, (compiled,) = self.plan([definition], now, numbers=numbers)
        inner = plan.query(f"key, id, {compiled.holds} AS holds")
        return self._warehouse.arrow(
            f"SELECT id AS {id_column(definition.entity)} FROM (\n{inner.sql}\n) "
            f"WHERE holds{page(after, definition.entity)} ORDER BY key{limited(limit)}",
            {**inner.parameters, **paging(after)},
        )

    def keys(self, ids: Sequence[str]) -> dict[str, int]:
        """The keys of profile ids, known or not."""
        rows = self._warehouse.query("SELECT arrayMap(i -> sipHash64(i), {ids:Array(String)})", {"ids": list(ids)})
        return dict(zip(ids, rows[0][0], strict=True))


def ids_of(warehouse: Warehouse, keys: Mapping[int, Entity]) -> dict[int, str]:
    """The ids behind keys; an empty one for a key that is no longer anybody's.

    Args:
        keys: with what each stands for.
    """
    found = dict.fromkeys(keys, "")
    for entity, table in ((Entity.PROFILE, "profiles"), (Entity.ACCOUNT, "accounts")):
        chosen = [key for key, each in keys.items() if each is entity]
        if chosen:
            rows = warehouse.query(
                f"SELECT {entity.value}, any({id_column(entity)}) FROM {table} "
                f"WHERE {entity.value} IN {{keys:Array(UInt64)}} GROUP BY {entity.value}",
                {"keys": chosen},
            )
            found |= {int(key): id_ for key, id_ in rows}
    return found


def name_of(cut: CutOff) -> str:
    """A text that stands for a cut-off, the same for the same meaning."""
    operand, share, bottom = cut
    return f"{'bottom' if bottom else 'top'} {share} of {operand_to_text(operand)}"


def _has_quintile(operand: Operand) -> bool:
    match operand:
        case Quintile():
            return True
        case Arithmetic(_, left, right):
            return _has_quintile(left) or _has_quintile(right)
        case _:
            return False


def id_column(entity: Entity) -> str:
    """The name of the id column of an entity."""
    return "account_id" if entity is Entity.ACCOUNT else "profile_id"


def page(after: str | None, entity: Entity) -> str:
    """Continues a `WHERE` so that rows begin after an id; they are in order of key, as the warehouse keeps them."""
    key = account_key if entity is Entity.ACCOUNT else profile_key
    return "" if after is None else f" AND key > {key('{after:String}')}"


def paging(after: str | None) -> dict[str, Any]:
    """What `page` binds."""
    return {} if after is None else {"after": after}


def limited(limit: int | None) -> str:
    """How many rows at most, in SQL."""
    return "" if limit is None else f" LIMIT {int(limit)}"
