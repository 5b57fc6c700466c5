"""Accounts beside their people: whose account something concerns, who belongs to it, and what it is in.

Step of the path: segment. Reads the warehouse; writes nothing. What a profile does may change what its account is in,
and what its colleagues are in where a segment looks at the account; `live.py` follows both up. An account is taken for
concerned whenever the profile ever named it: evaluating one too many is harmless.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ethogram.model.segment import Entity
from ethogram.segment.compiler import Context
from ethogram.segment.direct.conditions import Told
from ethogram.segment.evaluate import CUT_OFFS, KNOWN_ACCOUNTS, NAMED_ACCOUNT, Evaluator, Recorded
from ethogram.segment.plan import ANY, Keys, Plan
from ethogram.segment.saved import Live, SavedSegments
from ethogram.segment.scoped import Standing
from ethogram.segment.windows import Frame
from ethogram.store.ledger import Ledger
from ethogram.store.schema import account_key
from ethogram.store.warehouse import Warehouse

_ANY_DAY = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Looking:
    """Which segments look at accounts, and what wakes them.

    Attributes:
        accounts: there are segments over accounts.
        colleagues: there are segments over profiles that look at the account.
        events: the names of the events that wake one of these, or `any`.
    """

    accounts: bool
    colleagues: bool
    events: frozenset[str]

    def at(self, told: Told | None) -> bool:
        """Whether something new of a profile may change what others are in; None is that everything is new."""
        if not (self.accounts or self.colleagues):
            return False
        return told is None or told.traits or ANY in self.events or not self.events.isdisjoint(told.events)


class Colleagues:
    """Finds and evaluates accounts and those who belong to them."""

    def __init__(self, warehouse: Warehouse, ledger: Ledger, saved: SavedSegments, evaluator: Evaluator) -> None:
        self._warehouse = warehouse
        self._ledger = ledger
        self._saved = saved
        self._evaluator = evaluator
        self._looking: tuple[Live, Looking] | None = None

    def looking(self, live: Live) -> Looking:
        """Which of the segments look at accounts; found out once for the same segments."""
        if self._looking is None or self._looking[0] is not live:
            numbers = _numbers(live)
            accounts, colleagues, events = False, False, set[str]()
            for segment in live.values():
                definition = self._saved.definition(segment, live)
                plan = Plan(Context(Frame(_ANY_DAY, self._evaluator.zone), definition.entity, numbers))
                plan.add(definition.condition)
                if plan.looks_at_accounts:
                    accounts |= definition.entity is Entity.ACCOUNT
                    colleagues |= definition.entity is Entity.PROFILE
                    events.update(plan.wakes_on)
            self._looking = live, Looking(accounts, colleagues, frozenset(events))
        return self._looking[1]

    def accounts_of(self, profiles: Collection[int]) -> list[str]:
        """The ids of all accounts that the given profiles (keys) belong or ever belonged to."""
        rows = self._warehouse.query(
            f"SELECT DISTINCT {NAMED_ACCOUNT} FROM profile_traits WHERE profile IN {{keys:Array(UInt64)}} "
            f"AND isNotNull({NAMED_ACCOUNT})",
            {"keys": sorted(profiles)},
        )
        return sorted(str(row[0]) for row in rows)

    def keys(self, accounts: Sequence[str]) -> dict[int, str]:
        """The ids of accounts by key."""
        rows = self._warehouse.query(
            f"SELECT arrayMap(i -> {account_key('i')}, {{ids:Array(String)}})", {"ids": list(accounts)}
        )
        return dict(zip(map(int, rows[0][0]), accounts, strict=True))

    def members(self, accounts: Collection[int], after: int, limit: int) -> list[int]:
        """Keys of profiles that belong or ever belonged to one of the accounts (keys), in order, after a key."""
        rows = self._warehouse.query(
            "SELECT DISTINCT profile FROM profile_traits "
            f"WHERE profile > {{after:UInt64}} AND isNotNull({NAMED_ACCOUNT}) "
            f"AND {account_key(f'assumeNotNull({NAMED_ACCOUNT})')} IN {{accounts:Array(UInt64)}} "
            f"ORDER BY profile LIMIT {int(limit)}",
            {"after": after, "accounts": sorted(accounts)},
        )
        return [int(row[0]) for row in rows]

    def standings(self, keys: Sequence[int], live: Live, now: dt.datetime) -> list[Standing]:
        """What each given account that is known is in, and when it is due; one that is known later is due then."""
        chosen = {each.number: each for each in live.values() if each.entity == Entity.ACCOUNT.value}
        if not chosen or not keys:
            return []
        plan, compiled = self._evaluator.plan(
            [self._saved.definition(segment, live) for segment in chosen.values()],
            now,
            numbers=_numbers(live),
            scope=Keys(tuple(keys)),
            recorded=self._cutoffs(),
        )
        query = plan.evaluation(dict(zip(chosen, compiled, strict=True)))
        found = {
            int(key): Standing(int(key), id_, tuple(held), due_at)
            for key, id_, held, due_at in self._warehouse.query(query.sql, query.parameters)
        }
        rest = [key for key in keys if key not in found]
        return [*found.values(), *self._to_come(rest, now)]

    def _to_come(self, keys: Sequence[int], now: dt.datetime) -> list[Standing]:
        if not keys:
            return []
        rows = self._warehouse.query(
            f"SELECT account, any(account_id), min(known_at) AS at FROM ({KNOWN_ACCOUNTS}) "
            "WHERE account IN {keys:Array(UInt64)} GROUP BY account",
            {"keys": list(keys)},
        )
        return [Standing(int(key), id_, (), at) for key, id_, at in rows if at > now]

    def _cutoffs(self) -> Recorded:
        found: Mapping[str, float | None] = self._ledger.setting(CUT_OFFS) or {}
        prefix = f"{Entity.ACCOUNT.value}: "
        return {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}


def _numbers(live: Live) -> dict[str, int]:
    return {name: segment.number for name, segment in live.items()}
