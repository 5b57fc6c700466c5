"""A plan: many conditions compiled together, and the one query that answers them for everybody or for a scope.

Step of the path: segment, language half. The query gathers each source once, grouped by the entity's key; joins what
was gathered onto the population; and evaluates every condition on that. A scope narrows the sources' rows and
changes nothing else, so both scopes have one meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from ethogram.model.segment import Condition, Entity, Operand, Selection
from ethogram.segment import values
from ethogram.segment.compiler import Compiled, Compiler, Context
from ethogram.segment.sources import Gathered, Registry, Source, Stream, select_list
from ethogram.segment.sql import Binder

_NEVER = "toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')"
# As `store/schema.py` says it: a group of rows of `profiles` is somebody; a row of facts counts.
_HERE = "max(gone) % 2 = 0"
_COUNTS = "profile NOT IN (SELECT profile FROM left_behind)"
# Which events wake a plan when every event does.
ANY = "any"
_CHANGES = Stream(Source.CHANGES)
_OF_ACCOUNT = (Source.ACCOUNT_EVENTS, Source.ACCOUNT_TRAITS)


@dataclass(frozen=True, slots=True)
class Query:
    """SQL and its bound values."""

    sql: str
    parameters: dict[str, object]


@dataclass(frozen=True, slots=True)
class Keys:
    """The scope of some given profiles (or accounts)."""

    keys: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """The scope of everybody whose key lies between two numbers, both included: keys are spread evenly."""

    low: int
    high: int


Scope: TypeAlias = "Keys | Share"


class Plan:
    """Conditions compiled together for one entity at one instant.

    Args:
        context: the instant, the zone, and what is known from outside.
        scope: whom to look at; None is everybody.
    """

    def __init__(self, context: Context, scope: Scope | None = None) -> None:
        self.context = context
        self._binder = Binder()
        self._registry = Registry(
            self._binder, by_event=not isinstance(scope, Keys) and context.entity is Entity.PROFILE
        )
        self._compiler = Compiler(self._registry, context)
        self._scope = self._bound(scope)
        self._now = self._binder.instant(context.frame.now_us)

    def _bound(self, scope: Scope | None) -> str:
        """The scope as SQL to be put behind the name of a key's column; empty for everybody."""
        match scope:
            case None:
                return ""
            case Keys(keys):
                return f" IN {self._binder.bind('Array(UInt64)', sorted(keys))}"
            case Share(low, high):
                return f" BETWEEN {self._binder.bind('UInt64', low)} AND {self._binder.bind('UInt64', high)}"
            case _:
                assert_never(scope)

    def add(self, condition: Condition) -> Compiled:
        """Compiles one more condition into the plan."""
        return self._compiler.compile(condition)

    def ranked(self, operand: Operand) -> str:
        """Nullable(Float64) by which `top` and `quintile` rank everybody."""
        return self._compiler.ranked(operand)

    def value(self, operand: Operand) -> str:
        """Nullable(String) of an operand, for people to read."""
        return self._compiler.value(operand)

    @property
    def wakes_on(self) -> tuple[str, ...]:
        """Names of the events that can change an answer; `('any',)` when every event can."""
        names: set[str] = set()
        for stream, gathered in self._registry.streams.items():
            if stream.source not in (Source.EVENTS, Source.ACCOUNT_EVENTS):
                continue
            if gathered.any_event:
                return (ANY,)
            names |= gathered.events
        return tuple(sorted(names))

    @property
    def looks_at_accounts(self) -> bool:
        """Whether an answer depends on more than one profile's own facts."""
        return self._is_account or any(stream.source in _OF_ACCOUNT for stream in self._registry.streams)

    # --- queries --------------------------------------------------------------------------------------------

    def evaluation(self, conditions: Mapping[int, Compiled], *, ahead: bool = True) -> Query:
        """One row per profile: key, id, the numbers of the segments that hold, and when it is due next.

        Args:
            ahead: due, too, when something that is stored already starts to count.
        """
        segments = ", ".join(f"if({c.holds}, toUInt32({number}), toUInt32(0))" for number, c in conditions.items())
        found = f"arrayFilter(n -> n > 0, [{segments}])" if conditions else "CAST([] AS Array(UInt32))"
        due = self.due(conditions.values(), ahead=ahead)
        return self.query(f"key, id, {found} AS segments, {due} AS due_at", with_future=ahead)

    def due(self, conditions: Iterable[Compiled], *, ahead: bool = True) -> str:
        """SQL of the earliest instant after now at which one of the conditions may change although nothing happens.

        Events and trait changes that lie in the future count from their instant on. Needs `with_future`.
        """
        dues = dict.fromkeys(due for condition in conditions for due in condition.dues if due != "NULL")
        found = ", ".join([_NEVER, *(["future_at"] if ahead else []), *dues])
        return f"assumeNotNull(arrayMin(arrayFilter(d -> ifNull(d > {self._now}, false), [{found}])))"

    def query(self, columns: str, *, with_future: bool = False) -> Query:
        """The plan's query over the chosen columns; `key`, `id` and everything compiled can be named."""
        rows = self._from(with_future=with_future)
        for layer in self._registry.layers():
            derived = ",\n".join(f"{sql} AS {alias}" for sql, alias in layer.items())
            rows = f"(\nSELECT *,\n{derived}\nFROM {rows}\n)"
        return Query(f"SELECT {columns}\nFROM {rows}", dict(self._binder.parameters))

    def evidence(self, selections: Iterable[Selection], key: int, limit: int) -> Query:
        """The newest events of one profile that any of the selections picks: instant, name, properties as JSON."""
        picked = " OR ".join(f"({self._compiler.measures.spelled(selection)})" for selection in selections)
        sql = (
            f"SELECT ts, event, toString(properties) FROM events WHERE profile = {self._binder.bind('UInt64', key)} "
            f"AND ts <= {self._now} AND ({picked}) ORDER BY ts DESC LIMIT {int(limit)}"
        )
        return Query(sql, dict(self._binder.parameters))

    # --- the parts of FROM ----------------------------------------------------------------------------------

    def _from(self, *, with_future: bool) -> str:
        joins = [f"(\n{self._population()}\n) AS population"]

        def join(sql: str, name: str, left: str = "population.key") -> None:
            joins.append(f"LEFT JOIN (\n{sql}\n) AS {name} ON {left} = {name}.{name}_key")

        looks = self._registry.looks()
        if any(source in _OF_ACCOUNT for source, _ in looks):
            join(self._accounts_of(), "member_of")
        for number, (source, gathered) in enumerate(looks):
            match source:
                case Source.EVENTS:
                    join(self._events(gathered, f"events_{number}"), f"events_{number}")
                case Source.TRAITS:
                    join(self._traits(gathered, "traits"), "traits_now")
                case Source.CHANGES:
                    join(self._changes(gathered), "changes_now")
                case Source.ACCOUNT_EVENTS:
                    join(self._account_events(gathered), "account_events", "member_of.account")
                case Source.ACCOUNT_TRAITS:
                    join(self._account_traits(gathered), "account_traits_now", "member_of.account")
                case _:
                    assert_never(source)
        if with_future:
            joins.append(self._future())
        return "\n".join(joins)

    @property
    def _is_account(self) -> bool:
        return self.context.entity is Entity.ACCOUNT

    def _population(self) -> str:
        if self._is_account:
            scope = f" WHERE account{self._scope}" if self._scope else ""
            # An account that only profiles speak of is known from the first time one did.
            named = values.generic(values.path("traits", "account_id"))
            return (
                "SELECT account AS key, any(account_id) AS id FROM (\n"
                "SELECT account, account_id, known_at FROM accounts\n"
                f"UNION ALL SELECT sipHash64(concat('account:', name)) AS account, name AS account_id, ts AS known_at "
                f"FROM (SELECT ts, ifNull({named}, '') AS name FROM profile_traits "
                f"WHERE isNotNull({named}) AND {_COUNTS})\n)"
                f"{scope} GROUP BY account HAVING min(known_at) <= {self._now}"
            )
        scope = f" WHERE profile{self._scope}" if self._scope else ""
        return (
            f"SELECT profile AS key, any(profile_id) AS id FROM profiles{scope} "
            f"GROUP BY profile HAVING min(known_at) <= {self._now} AND {_HERE}"
        )

    def _events(self, gathered: Gathered, name: str) -> str:
        if self._is_account:
            return self._by_account(gathered, f"{name}_key", self._scope)
        scope = f" AND profile{self._scope}" if self._scope else ""
        return (
            f"SELECT profile AS {name}_key,\n{_columns(gathered)}\nFROM (\nSELECT {_rows('profile', gathered)}\n"
            f"FROM events\nWHERE {self._narrowed(gathered)}{scope}\n)\nGROUP BY profile"
        )

    def _narrowed(self, gathered: Gathered) -> str:
        """The condition on rows of events without which no aggregate looks at them."""
        tests = [f"ts <= {self._now}"]
        if gathered.since is not None:
            tests.append(f"ts >= {self._binder.instant(gathered.since)}")
        if not gathered.any_event:
            names = sorted(gathered.events)
            if len(names) == 1:
                tests.append(f"event = {self._binder.text(names[0])}")
            else:
                tests.append(f"event IN {self._names(names)}")
        return " AND ".join(tests)

    def _names(self, names: Iterable[str]) -> str:
        return self._binder.bind("Array(String)", list(names))

    def _traits(self, gathered: Gathered, name: str) -> str:
        key = "account" if self._is_account else "profile"
        table = "account_traits" if self._is_account else "profile_traits"
        scope = f" AND {key}{self._scope}" if self._scope else ""
        return (
            f"SELECT {key} AS {name}_now_key,\n{_columns(gathered)}\nFROM {table}\n"
            f"WHERE ts <= {self._now}{scope}\nGROUP BY {key}"
        )

    def _changes(self, gathered: Gathered) -> str:
        scope = f" AND key{self._scope}" if self._scope else ""
        numbers = self._binder.bind("Array(UInt32)", sorted(gathered.segments))
        return (
            f"SELECT key AS changes_now_key,\n{_columns(gathered)}\nFROM (\n"
            f"SELECT key, segment, change, version, at AS ts FROM membership_changes\n"
            f"WHERE at <= {self._now} AND segment IN {numbers}{scope}\n)\nGROUP BY key"
        )

    # --- accounts -------------------------------------------------------------------------------------------

    def _account_map(self) -> str:
        """Which account each profile belongs to now: profile, account (key), account_id."""
        value = values.path("traits", "account_id")
        generic = values.generic(value)
        changed = f"({values.exists('traits', 'account_id')} OR has(unset, 'account_id'))"
        newest = f"maxArgMaxIf(tuple(isNotNull({generic}), ifNull({generic}, '')), ts, {changed})"
        return (
            f"SELECT profile, sipHash64(concat('account:', pair.2)) AS account, pair.2 AS account_id FROM (\n"
            f"SELECT profile, {newest} AS pair FROM profile_traits\n"
            f"WHERE ts <= {self._now} AND {_COUNTS} GROUP BY profile\n"
            f") WHERE pair.1"
        )

    def _accounts_of(self) -> str:
        return f"SELECT profile AS member_of_key, account FROM (\n{self._account_map()}\n)"

    def _account_scope(self) -> str:
        """The accounts of the profiles in scope, as SQL to be put behind the name of a key's column."""
        if not self._scope:
            return ""
        return f" IN (SELECT account FROM (\n{self._account_map()}\n) WHERE profile{self._scope})"

    def _account_events(self, gathered: Gathered) -> str:
        return self._by_account(gathered, "account_events_key", self._account_scope())

    def _by_account(self, gathered: Gathered, key: str, scope: str) -> str:
        within = f" WHERE account{scope}" if scope else ""
        members = f"SELECT profile AS member, account FROM (\n{self._account_map()}\n){within}"
        return (
            f"SELECT account AS {key},\n{_columns(gathered)}\n"
            f"FROM (\nSELECT {_rows('account', gathered)}\nFROM events\n"
            f"INNER JOIN (\n{members}\n) AS members ON events.profile = members.member\n"
            f"WHERE {self._narrowed(gathered)}\n)\nGROUP BY account"
        )

    def _account_traits(self, gathered: Gathered) -> str:
        scope = self._account_scope()
        within = f" AND account{scope}" if scope else ""
        return (
            f"SELECT account AS account_traits_now_key,\n{_columns(gathered)}\nFROM account_traits\n"
            f"WHERE ts <= {self._now}{within}\nGROUP BY account"
        )

    # --- what lies in the future ----------------------------------------------------------------------------

    def _future(self) -> str:
        """A join that adds `future_at`: the next instant at which something already stored starts to count."""
        sources = {stream.source for stream in self._registry.streams}
        after = f"WHERE ts > {self._now}"
        if self._is_account or Source.ACCOUNT_EVENTS in sources or Source.ACCOUNT_TRAITS in sources:
            # Whatever happens to a colleague may change the answer. Facts dated ahead are rare enough for one
            # instant for all.
            tables = ("events", "profile_traits", "account_traits")
            parts = [f"SELECT ts FROM {table} {after}" for table in tables]
            parts += [f"SELECT ts FROM ({part})" for part in self._future_changes()]
            return f"CROSS JOIN (SELECT min(ts) AS future_at FROM ({' UNION ALL '.join(parts)})) AS future"
        scope = f" AND profile{self._scope}" if self._scope else ""
        parts = self._future_changes()
        if Source.TRAITS in sources:
            parts.append(f"SELECT profile AS k, ts FROM profile_traits {after}{scope}")
        if Source.EVENTS in sources:
            named = "" if self.wakes_on == (ANY,) else f" AND event IN {self._names(self.wakes_on)}"
            parts.append(f"SELECT profile AS k, ts FROM events {after}{named}{scope}")
        if not parts:
            return f"CROSS JOIN (SELECT {_NEVER} AS future_at) AS future"
        inner = f"SELECT k AS future_key, min(ts) AS future_at FROM ({' UNION ALL '.join(parts)}) GROUP BY k"
        return f"LEFT JOIN (\n{inner}\n) AS future ON population.key = future.future_key"

    def _future_changes(self) -> list[str]:
        if _CHANGES not in self._registry.streams:
            return []
        scope = f" AND key{self._scope}" if self._scope else ""
        numbers = self._binder.bind("Array(UInt32)", sorted(self._registry.of(_CHANGES).segments))
        recorded = f"at > {self._now} AND segment IN {numbers}{scope}"
        return [f"SELECT key AS k, at AS ts FROM membership_changes WHERE {recorded}"]


def _columns(gathered: Gathered) -> str:
    return ",\n".join(select_list(gathered))


def _rows(key: str, gathered: Gathered) -> str:
    return ",\n".join([key, "ts", *(f"{sql} AS {alias}" for alias, sql in gathered.rows.items())])
