"""Makes an embedded warehouse open again after a table between two steps was cut off.

Step of the path: store. Where room ends without a warning (a quota), the engine takes a file for written that is not.
Cut off parts are set aside at the next start, and `Warehouse.damage` names them; over a cut off description of a table
the engine does not start at all. Most descriptions are written while serving for tables between two steps, which hold
nothing that another evaluation would not find: those are removed. Ours are written once, and never removed.
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path


def forget_cut_off(directory: Path, kept: Container[str]) -> tuple[str, ...]:
    """Removes descriptions that are not whole, before the engine looks; the names of their tables.

    Args:
        kept: names of tables that are left as they are, so that the engine refuses them by name.
    """
    forgotten = []
    for description in sorted(directory.glob("metadata/*/*.sql")):
        if description.stem not in kept and b"ENGINE = " not in description.read_bytes():
            description.unlink()
            forgotten.append(description.stem)
    return tuple(forgotten)
