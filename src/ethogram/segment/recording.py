"""What runs and fills record in common: entries and exits taken back and counted, and told to the feed once each.

Step of the path: segment. Reads membership changes (warehouse); writes the feed of changes (ledger), page by page, each
with how far it came. Which changes there are is decided by `run.py` and `fill.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ethogram.model.segment import Entity
from ethogram.segment.evaluate import ids_of
from ethogram.store import changes, settings
from ethogram.store.ledger import Ledger, Run
from ethogram.store.warehouse import Warehouse

_TOLD = "told"  # the setting with how far the feed has the changes of a run
_PAGE = 5_000  # changes appended to the feed at once


class Recording:
    """The changes of runs and fills of one workspace."""

    def __init__(self, warehouse: Warehouse, ledger: Ledger) -> None:
        self._warehouse = warehouse
        self._ledger = ledger

    def take_back(self, run: Run) -> None:
        """Removes what a first attempt, cut off half-way, had recorded: it is written whole after that."""
        written = self._warehouse.query(
            "SELECT count() FROM membership_changes WHERE run = {run:UInt64}", {"run": run.id}
        )
        if written[0][0]:
            self._warehouse.command(
                "ALTER TABLE membership_changes DELETE WHERE run = {run:UInt64}", {"run": run.id}, mutations_sync=1
            )

    def counted(self, run: Run) -> dict[tuple[int, str], int]:
        """How many entered and left, by segment and `entered` or `left`."""
        rows = self._warehouse.query(
            "SELECT segment, toString(change), count() FROM membership_changes WHERE run = {run:UInt64} "
            "GROUP BY segment, change",
            {"run": run.id},
        )
        return {(int(number), change): int(count) for number, change, count in rows}

    def tell(self, run: Run, entities: Mapping[int, Entity], announced: Collection[int] = ()) -> None:
        """Appends the changes to the feed, each page with how far it came.

        Args:
            entities: what each segment is over, by number.
            announced: segments whose entries and exits by an edit are told one by one; of others they are told in sum,
                because whoever follows the feed acts on what people do.
        """
        told = self._ledger.setting(_TOLD) or {}
        one_by_one = "(cause != 'definition' OR has({announced:Array(UInt32)}, segment))"
        bound = {"run": run.id, "announced": sorted(announced)}
        if told.get("run") == run.id:
            place = (int(told["key"]), int(told["segment"]))
        else:
            drafts = [
                changes.Draft("", number, version, change == "entered", "definition", count)
                for number, version, change, count in self._warehouse.query(
                    "SELECT segment, version, toString(change), count() FROM membership_changes "
                    f"WHERE run = {{run:UInt64}} AND NOT {one_by_one} GROUP BY segment, version, change "
                    "ORDER BY segment, change",
                    bound,
                )
            ]
            place = (0, 0)
            self._append(run, drafts, place)
        while True:
            rows = self._warehouse.query(
                "SELECT key, segment, version, toString(change), cause FROM membership_changes "
                f"WHERE run = {{run:UInt64}} AND {one_by_one} "
                "AND (key, segment) > ({key:UInt64}, {segment:UInt32}) "
                f"ORDER BY key, segment LIMIT {_PAGE}",
                {**bound, "key": place[0], "segment": place[1]},
            )
            if not rows:
                return
            ids = ids_of(self._warehouse, {int(key): entities[segment] for key, segment, *_ in rows})
            place = (int(rows[-1][0]), int(rows[-1][1]))
            drafts = [
                changes.Draft(ids[int(key)], segment, version, change == "entered", cause)
                for key, segment, version, change, cause in rows
            ]
            self._append(run, drafts, place)

    def _append(self, run: Run, drafts: list[changes.Draft], place: tuple[int, int]) -> None:
        with self._ledger.database.writing() as connection:
            changes.append(connection, drafts, run.as_of)
            # A key is too long for JSON's numbers.
            settings.keep(connection, _TOLD, {"run": run.id, "key": str(place[0]), "segment": place[1]})
