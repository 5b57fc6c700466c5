"""What answers questions: the applications that a process with the warehouse has beside taking events.

Puts them together for `serving.py`. Where there is no warehouse, `elsewhere` answers at their addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ethogram.web.access import Access
from ethogram.web.api.application import PREFIX, management
from ethogram.web.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethogram.clock import Clock
    from ethogram.collecting import Keys
    from ethogram.runtime import Workspace
    from ethogram.web.answers import Asgi
    from ethogram.web.metrics import Metrics


def applications(
    workspace: Workspace, keys: Keys, *, clock: Clock, metrics: Metrics, given: Mapping[str, object] | None = None
) -> dict[str, Asgi]:
    """The applications by their addresses.

    Args:
        given: what further topics of the management API ask for, by name.
    """
    access = Access(keys, clock)
    faults = Faults(metrics)
    return {
        PREFIX: management(access, faults, {"workspace": workspace, "keys": keys, **(given or {})}),
    }
