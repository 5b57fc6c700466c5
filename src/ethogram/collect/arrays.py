"""Arrow's arrays and functions as this stage uses them.

Step of the path: collect. It reads and writes nothing.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute

# The published stubs know fewer kinds of arrays than the functions take and give: to the type checker both are open.
pc: Any = pyarrow.compute
Column: TypeAlias = Any  # a pyarrow.Array
# Row of a block -> the reason why it cannot be taken; the first reason stands.
Faults: TypeAlias = dict[int, str]


def rows_where(mask: Any) -> list[int]:
    """The rows at which a mask is true; null is not."""
    if isinstance(mask, pa.ChunkedArray):
        mask = mask.combine_chunks()
    return [int(row) for row in np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))]


def letters(column: Column) -> Any:
    """All bytes of a column of text, one after the other, as numbers."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not len(column):
        return np.empty(0, np.uint8)
    _, offsets, content = column.buffers()
    ends = np.frombuffer(offsets, np.int32, len(column) + 1, column.offset * 4)
    return np.empty(0, np.uint8) if content is None else np.frombuffer(content, np.uint8)[ends[0] : ends[-1]]
