"""Seen: which messages of a load came before, so that only these few are looked up in the warehouse.

Step of the path: collect. Keeps a Bloom filter of fixed size in memory; says "maybe" of every message it was told of
and of few others. It decides nothing: who is told "maybe" asks the warehouse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ethogram.collect.arrays import Column, pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BITS = 27  # 16 MB: of new messages one in fifty is a "maybe" after ten million, one in four after fifty
_LONGEST = 64  # bytes of a text that count towards its fingerprint
_MASK = np.uint64((1 << _BITS) - 1)


def fingerprints(kind: str, rows: pa.Table) -> NDArray[np.uint64]:
    """A number for the person and message_id of each row: the same for the same, mostly another for others."""
    found = np.zeros(rows.num_rows, np.uint64)
    for name in ("account_id" if kind == "accounts" else "profile_id", "message_id"):
        _absorb(found, rows[name].combine_chunks())
    return found


def _absorb(found: NDArray[np.uint64], column: Column) -> None:
    """Mixes the texts of a column into the numbers, eight bytes of all rows at a time."""
    if not len(column):
        return
    _, bounds, content = column.buffers()
    ends = np.frombuffer(bounds, np.int32, len(column) + 1, column.offset * 4).astype(np.int64)
    begin, size = ends[:-1], ends[1:] - ends[:-1]
    padded = np.zeros(int(ends[-1]) + 8, np.uint8)
    if content is not None:
        padded[:-8] = np.frombuffer(content, np.uint8, int(ends[-1]))
    words: NDArray[np.uint64] = np.ndarray(len(padded) - 7, np.dtype("<u8"), padded, strides=(1,))
    found[:] = _mixed(found ^ size.astype(np.uint64))
    for at in range(0, min(int(size.max()), _LONGEST), 8):
        some = np.flatnonzero(size > at)
        beyond = np.maximum(8 - (size[some] - at), 0).astype(np.uint64) * np.uint64(8)
        found[some] = _mixed(found[some] ^ (words[begin[some] + at] << beyond))


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    numbers = (numbers ^ (numbers >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return (numbers ^ (numbers >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)


def first_of_each(kind: str, rows: pa.Table) -> pa.Table:
    """The rows without those whose person and message_id an earlier one has; rows without a message_id stay."""
    who = "account_id" if kind == "accounts" else "profile_id"
    identified = pc.not_equal(rows["message_id"], "")
    numbered = rows.select([who, "message_id"]).append_column("row", pa.array(range(rows.num_rows), pa.int64()))
    first = numbered.filter(identified).group_by([who, "message_id"], use_threads=False).aggregate([("row", "min")])
    keep = pc.or_(pc.invert(identified), pc.is_in(numbered["row"], value_set=first["row_min"].combine_chunks()))
    return rows.filter(keep)


class Seen:
    """The messages that it was told of."""

    def __init__(self) -> None:
        self._bits: NDArray[np.uint8] = np.zeros(1 << (_BITS - 3), np.uint8)

    def add(self, prints: NDArray[np.uint64]) -> None:
        """Remembers messages."""
        for place, bit in _places(prints):
            for each in range(8):
                # All of one bit at a time: a byte that is named twice gets the same both times.
                self._bits[place[bit == each]] |= np.uint8(1 << each)

    def maybe(self, prints: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which rows may have been added; false is certain."""
        found = np.ones(len(prints), np.bool_)
        for place, bit in _places(prints):
            found &= (self._bits[place] >> bit) & 1 != 0
        return found


def _places(prints: NDArray[np.uint64]) -> list[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Two bits for each print: a byte and which bit of it, from its lower and from its upper half."""
    slots = (prints & _MASK, (prints >> np.uint64(32)) & _MASK)
    return [((slot >> np.uint64(3)).astype(np.int64), (slot & np.uint64(7)).astype(np.uint8)) for slot in slots]
