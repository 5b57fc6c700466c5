"""What sets a segment's people apart from everybody: what they are, do and choose more often than others.

Step of the path: measure. Reads recorded membership and facts (warehouse); writes nothing. Two questions: what the
segment's people have, and how many of everybody have each of these. Where there are very many people, both look at a
part of them, chosen by key and so by nobody, and say so.

A difference is told only where chance makes it unlikely: a likelihood-ratio test of each 2 × 2 table (G, one degree of
freedom; Sokal and Rohlf, *Biometry*), or Fisher's exact one where few are expected, with the share of false ones among
those told held at 1 % over everything that was tested (Benjamini and Hochberg 1995). They are ordered by how much each
says about the segment: its share there times the logarithm of the ratio (the part of it in the Kullback–Leibler
divergence).
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ethogram.model.drafts import Distinction, Persona
from ethogram.store.schema import COUNTS, HERE, INSTANT
from ethogram.store.warehouse import Warehouse

_MOST_MEMBERS = 20_000  # whose facts are looked at; of more, a part
_MOST_PEOPLE = 100_000  # of everybody
_FEWEST = 5  # people who must have something before it is told
_MOST_TESTED = 1_000
_LONGEST = 80  # letters of a value
_FALSE = 0.01  # share of what is told that may be chance
_FEW = 10  # people expected, below which the exact test is made
_NOTHING = 1e-15
_LEAST_RATIO = 1.2
_MOST_TOLD = 40

Feature = tuple[str, str, str, str]  # kind, name, part of it, value as JSON


@dataclass(frozen=True, slots=True)
class Group:
    """Whose persona is asked for: a segment over profiles by its number."""

    name: str
    number: int
    speaks_of: frozenset[tuple[str, str]]  # kind and name of what its definition speaks of


def persona(warehouse: Warehouse, group: Group, now: dt.datetime) -> Persona:
    """The persona of a segment as it is recorded."""
    bound: dict[str, Any] = {"number": group.number, "now": now}
    size, population = warehouse.query(
        f"SELECT (SELECT count() FROM ({_members()})), (SELECT count() FROM ({_people()}))", bound
    )[0]
    share_in, share_all = max(1, -(-size // _MOST_MEMBERS)), max(1, -(-population // _MOST_PEOPLE))
    inside = f"{_members()} AND key % {share_in} = 0"
    looked_at = int(warehouse.query(f"SELECT count() FROM ({inside})", bound)[0][0])
    if looked_at < _FEWEST:
        return Persona(group.name, int(size), int(population), looked_at, 0, (), now)
    held = warehouse.query(
        f"SELECT kind, name, part, value, uniqExact(profile) AS people FROM ({_features(inside)}) "
        f"GROUP BY kind, name, part, value HAVING people >= {_FEWEST} "
        f"ORDER BY people DESC, kind, name, part, value LIMIT {_MOST_TESTED}",
        bound,
    )
    features: dict[Feature, int] = {(kind, name, part, value): int(n) for kind, name, part, value, n in held}
    compared, others, theirs = _others(warehouse, share_all, list(features), bound)
    found = _told(group, features, looked_at, theirs, compared, others)
    return Persona(group.name, int(size), int(population), looked_at, compared, tuple(found), now)


def _members() -> str:
    return "SELECT key FROM memberships FINAL WHERE has(segments, {number:UInt32})"


def _people(share: int = 1) -> str:
    part = f" WHERE profile % {share} = 0" if share > 1 else ""
    return f"SELECT profile FROM profiles{part} GROUP BY profile HAVING {HERE} AND min(known_at) <= {{now:{INSTANT}}}"


def _features(whom: str) -> str:
    """Everything that people have, once for each event or change: kind, name, part, value (as JSON) and profile.

    Args:
        whom: a statement with the keys of those who are looked at.
    """
    mine = f"profile IN ({whom}) AND {COUNTS} AND ts <= {{now:{INSTANT}}}"
    # Lists and objects are no values that one could compare; numbers are measures, not choices.
    short = f"(startsWith(value, '\"') AND length(value) <= {_LONGEST}) OR value IN ('true', 'false')"
    pairs = "JSONExtractKeysAndValuesRaw({}_text)"
    gone = "arrayMap(name -> (name, 'null'), unset)"
    return (
        f"SELECT 'event' AS kind, toString(event) AS name, '' AS part, '' AS value, profile FROM events WHERE {mine} "
        "UNION ALL "
        "SELECT 'property' AS kind, name, pair.1 AS part, pair.2 AS value, profile FROM "
        f"(SELECT toString(event) AS name, profile, arrayJoin({pairs.format('properties')}) AS pair FROM events "
        f"WHERE {mine}) WHERE {short} "
        "UNION ALL "
        # A trait is what it was set to last.
        "SELECT 'trait' AS kind, name, '' AS part, value, profile FROM "
        "(SELECT profile, pair.1 AS name, argMax(pair.2, (ts, traits_text)) AS value FROM "
        f"(SELECT profile, ts, traits_text, arrayJoin(arrayConcat({gone}, {pairs.format('traits')})) AS pair "
        f"FROM profile_traits WHERE {mine}) GROUP BY profile, name) WHERE {short}"
    )


def _others(
    warehouse: Warehouse, share: int, features: Sequence[Feature], bound: dict[str, Any]
) -> tuple[int, int, dict[Feature, tuple[int, int]]]:
    """How many of everybody are looked at; how many are no members; and, by feature, of both."""
    everybody = _people(share)
    compared, others = warehouse.query(
        f"SELECT count(), countIf(profile NOT IN ({_members()})) FROM ({everybody})", bound
    )[0]
    names = ("kinds", "names", "parts", "values")
    columns = {name: [feature[at] for feature in features] for at, name in enumerate(names)}
    wanted = "arrayZip({kinds:Array(String)}, {names:Array(String)}, {parts:Array(String)}, {values:Array(String)})"
    rows = warehouse.query(
        f"SELECT kind, name, part, value, uniqExact(profile), uniqExactIf(profile, profile NOT IN ({_members()})) "
        f"FROM ({_features(everybody)}) WHERE (kind, name, part, value) IN (SELECT arrayJoin({wanted})) "
        "GROUP BY kind, name, part, value",
        {**bound, **columns},
    )
    theirs = {(kind, name, part, value): (int(all_), int(other)) for kind, name, part, value, all_, other in rows}
    return int(compared), int(others), theirs


def _told(
    group: Group,
    features: dict[Feature, int],
    members: int,
    theirs: dict[Feature, tuple[int, int]],
    compared: int,
    others: int,
) -> list[Distinction]:
    tested: list[tuple[float, float, Distinction]] = []
    for feature, people in features.items():
        kind, name, part, value = feature
        everybody, other = theirs.get(feature, (0, 0))
        inside, overall = people / members, everybody / compared if compared else 0.0
        outside = other / others if others else 0.0
        chance = p_value(people, members, other, others)
        if inside <= outside:
            chance = 1.0  # less often than others: no mark of theirs
        ratio = inside / overall if overall > 0 else None
        defining = (kind, name) in group.speaks_of or (kind == "property" and ("event", name) in group.speaks_of)
        weight = inside * math.log(inside / max(outside, 0.5 / max(others, 1))) if inside > outside else 0.0
        told = Distinction(kind, name, part, readable(value), inside, overall, ratio, people, defining)
        tested.append((chance, weight, told))
    passed = benjamini_hochberg([chance for chance, _, _ in tested], _FALSE)
    kept = [
        (weight, each)
        for (chance, weight, each), good in zip(tested, passed, strict=True)
        if good and (each.ratio is None or each.ratio >= _LEAST_RATIO)
    ]
    kept.sort(key=lambda pair: (-pair[0], pair[1].kind, pair[1].name, pair[1].part, pair[1].value))
    return [each for _, each in kept[:_MOST_TOLD]]


def p_value(a: int, of_a: int, b: int, of_b: int) -> float:
    """How likely shares that differ so much are by chance, two-sided: `a` of `of_a` people, and `b` of `of_b`."""
    total, both = of_a + of_b, a + b
    if not of_a or not of_b or both in (0, total):
        return 1.0
    if min(both, total - both) * min(of_a, of_b) < _FEW * total:
        return exact_p_value(a, of_a, b, of_b)
    g = 0.0
    for seen, row, column in (
        (a, of_a, both), (of_a - a, of_a, total - both), (b, of_b, both), (of_b - b, of_b, total - both),
    ):  # fmt: skip
        if seen > 0:
            g += seen * math.log(seen * total / (row * column))
    # Of a chi-squared variable with one degree of freedom.
    return math.erfc(math.sqrt(max(g, 0.0)))


def exact_p_value(a: int, of_a: int, b: int, of_b: int) -> float:
    """The same for few people, where the test above is too sure: twice the smaller tail (Fisher's exact test)."""
    total, both = of_a + of_b, a + b

    def chance(k: int) -> float:
        return math.exp(_log_choose(of_a, k) + _log_choose(of_b, both - k) - _log_choose(total, both))

    low, high = max(0, both - of_b), min(of_a, both)
    up = a * total >= both * of_a
    tail = 0.0
    for k in range(a, high + 1) if up else range(a, low - 1, -1):
        term = chance(k)
        tail += term
        if term < tail * _NOTHING:
            break
    return min(1.0, 2 * tail)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def benjamini_hochberg(chances: Sequence[float], false: float) -> list[bool]:
    """Which of some tests pass when the share of false ones among them is held (Benjamini, Hochberg 1995)."""
    order = sorted(range(len(chances)), key=lambda at: chances[at])
    last = max((rank for rank, at in enumerate(order, 1) if chances[at] <= false * rank / len(chances)), default=0)
    passed = [False] * len(chances)
    for at in order[:last]:
        passed[at] = True
    return passed


def readable(value: str) -> str:
    """A value that is kept as JSON, as people read it."""
    if not value:
        return ""
    found = json.loads(value)
    return ("true" if found else "false") if isinstance(found, bool) else str(found)
