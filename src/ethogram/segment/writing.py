"""What a tick has found is planned in the ledger together with the state that follows, and then written, each once.

Step of the path: segment. Reads and writes the ledger's live state; writes memberships, membership changes (warehouse)
and the feed (ledger). The rows carry the plan's number as deduplication token: killed anywhere, they are written once.
It evaluates nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ethogram.segment.sql import instant_of
from ethogram.store import changes as feed
from ethogram.store import settings
from ethogram.store.ledger import Ledger, next_revision
from ethogram.store.schema import INSTANT
from ethogram.store.warehouse import Warehouse, integers

STATE = "live"  # the ledger's setting
# A change: key, segment, whether it was entered, the version, the cause, and the profile's id.
Change = tuple[int, int, bool, int, str, str]
# A row of membership: key, segments, and when it is due (microseconds).
Row = tuple[int, list[int], int]


@dataclass(frozen=True, slots=True)
class State:
    """What is kept between ticks.

    Attributes:
        batch: everybody whom stored batches up to this one touched has been evaluated.
        moved: everybody whom moves of ids up to this one concerned has been evaluated.
        revision: the ledger's revision of the segments that were evaluated.
        plan: what a tick writes, until it is written.
        accounts: the ids of accounts that wait, each with the cause; the first `together` of them are looked at now.
        after: whoever of theirs has a key up to this one has been looked at.
    """

    batch: int = -1
    revision: int = -1
    moved: int = 0
    plan: dict[str, Any] | None = None
    accounts: list[list[str]] = field(default_factory=list)
    together: int = 0
    after: int = 0

    def plain(self) -> dict[str, Any]:
        """As it is kept; `asdict` would copy every number of a plan."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


class Writing:
    """Keeps the live state of one workspace, and writes what ticks have found.

    Args:
        at_point: called at each instant after which a killed process is found in another state.
        stored: called with the keys and instants (microseconds) of rows that were stored.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        ledger: Ledger,
        at_point: Callable[[str], None],
        stored: Callable[[Iterable[tuple[int, int]]], None],
    ) -> None:
        self._warehouse = warehouse
        self._ledger = ledger
        self._at_point = at_point
        self._stored = stored

    def state(self) -> State:
        """The state as it was kept last."""
        return State(**(self._ledger.setting(STATE) or {}))

    def keep(self, state: State) -> None:
        """Keeps a state."""
        self._ledger.set_setting(STATE, state.plain())

    def record(self, state: State, rows: list[Row], changes: list[Change], at: int) -> State:
        """The state that follows, kept, when what a tick has found at an instant is written."""
        if not rows and not changes:
            self.keep(state)
            return state
        with self._ledger.database.writing() as connection:
            revision = next_revision(connection, at)
            plan = {"at": at, "revision": revision, "rows": rows, "changes": changes}
            planned = replace(state, plan=plan)
            settings.keep(connection, STATE, planned.plain())
        self._at_point("planned")
        return self.finish(planned)

    def finish(self, state: State) -> State:
        """The state without its plan, when that is written; a plan that was written in part is written whole."""
        if state.plan is None:
            return state
        rows: list[Row] = state.plan["rows"]
        changes: list[Change] = state.plan["changes"]
        at, revision = state.plan["at"], state.plan["revision"]
        if changes:
            self._write_changes(changes, at, revision)
        self._at_point("changed")
        if rows:
            self._write_rows(rows, at, revision)
        self._at_point("kept")
        drafts = [
            feed.Draft(id_, segment, version, bool(entered), cause)
            for _, segment, entered, version, cause, id_ in changes
        ]
        done = replace(state, plan=None)
        with self._ledger.database.writing() as connection:
            feed.append(connection, drafts, instant_of(at))
            settings.keep(connection, STATE, done.plain())
        self._at_point("done")
        self._stored((key, due) for key, _, due in rows)
        return done

    def _write_changes(self, changes: list[Change], at: int, revision: int) -> None:
        keys, segments, entered, versions, causes, _ = zip(*changes, strict=True)
        known = sorted(set(causes))
        places = {cause: place for place, cause in enumerate(known, 1)}
        self._warehouse.command(
            f"""INSERT INTO membership_changes
                SELECT c.1, c.2, {{at:{INSTANT}}}, if(c.3 = 1, 'entered', 'left'), {{causes:Array(String)}}[c.5], c.4, 0
                FROM (SELECT arrayJoin(arrayZip({{keys:Array(UInt64)}}, {{segments:Array(UInt32)}},
                      {{entered:Array(UInt8)}}, {{versions:Array(UInt32)}}, {{places:Array(UInt8)}})) AS c)""",
            {
                "keys": integers(keys),
                "segments": integers(segments),
                "entered": integers(map(int, entered)),
                "versions": integers(versions),
                "places": integers(places[cause] for cause in causes),
                "causes": known,
                "at": instant_of(at),
            },
            token=f"live-{revision}-changes",
        )

    def _write_rows(self, rows: list[Row], at: int, revision: int) -> None:
        self._warehouse.command(
            f"""INSERT INTO memberships
                SELECT r.1, r.2, fromUnixTimestamp64Micro(r.3, 'UTC'), {{at:{INSTANT}}}, {{revision:UInt64}}
                FROM (SELECT arrayJoin(arrayZip({{keys:Array(UInt64)}}, {{segments:Array(Array(UInt32))}},
                      {{dues:Array(Int64)}})) AS r)""",
            {
                "keys": integers(row[0] for row in rows),
                "segments": integers(integers(row[1]) for row in rows),
                "dues": integers(row[2] for row in rows),
                "at": instant_of(at),
                "revision": revision,
            },
            token=f"live-{revision}-rows",
        )
