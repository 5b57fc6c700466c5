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
