"""What answers questions: the applications that a process with the warehouse has beside taking events.

Puts them together for `serving.py`. Where there is no warehouse, `elsewhere` answers at their addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethogram.web.access import Access
from ethogram.web.api.application import PREFIX, management
from ethogram.web.console.application import console
from ethogram.web.console.live import Live
from ethogram.web.console.rendering import PATH as CONSOLE
from ethogram.web.faults import Faults
from ethogram.web.read import PROFILES, SEGMENTS, Reading
from ethogram.web.stream import CHANGES, Stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethogram.clock import Clock
    from ethogram.collecting import Keys
    from ethogram.runtime import Workspace
    from ethogram.team import Team
    from ethogram.web.answers import Asgi
    from ethogram.web.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Asking:
    """The applications by their addresses, and how they end."""

    mounts: dict[str, Asgi]
    reading: Reading
    stream: Stream
    live: Live

    def end(self) -> None:
        """Ends the answers that have no end; called in the event loop."""
        self.stream.end()
        self.live.end()

    def close(self) -> None:
        """Ends their threads."""
        self.reading.close()


def asking(
    workspace: Workspace,
    keys: Keys,
    team: Team,
    *,
    clock: Clock,
    metrics: Metrics,
    given: Mapping[str, object] | None = None,
) -> Asking:
    """What answers questions about a workspace.

    Args:
        given: what further topics of the management API ask for, by name.
    """
    access = Access(keys, clock)
    reading = Reading(workspace, access)
    stream, live = Stream(workspace, access), Live(workspace.path)
    named = {"workspace": workspace, "keys": keys, "team": team, **(given or {})}
    faults = Faults(metrics)
    mounts: dict[str, Asgi] = {
        PREFIX: management(access, faults, named),
        CONSOLE: console(workspace, team, live, faults, named),
        PROFILES: reading,
        SEGMENTS: reading,
        CHANGES: stream,
    }
    return Asking(mounts, reading, stream, live)
