"""Counts of what a process did, in the text format that Prometheus reads.

Keeps numbers in memory; each process tells its own. Format: Prometheus exposition format, version 0.0.4.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_COUNTERS = {
    "ethogram_requests_total": ("Requests answered, by status.", "status"),
    "ethogram_events_total": ("Calls accepted, by call.", "call"),
    "ethogram_rejected_total": ("Calls and requests rejected, by reason.", "reason"),
    "ethogram_webhooks_total": ("Webhooks taken from providers, by source.", "source"),
    "ethogram_duplicates_total": ("Calls that had come before, by whether their content is the same.", "content"),
    "ethogram_faults_total": ("Requests that failed by a fault of the server's own, by its kind.", "kind"),
    "ethogram_warnings_total": ("Calls accepted although something about them is odd, by what.", "what"),
    "ethogram_moved_total": ("Rows that came to the warehouse, by what they are.", "what"),
    "ethogram_deliveries_total": ("Attempts to deliver, by what came of them: sent, failed or dead.", "outcome"),
    "ethogram_messages_total": ("Messages that came to a state, by which.", "state"),
    "ethogram_membership_changes_total": ("Profiles that entered or left a segment, by which of the two.", "change"),
}


class Metrics:
    """The numbers of one process."""

    def __init__(self) -> None:
        self._counts: dict[str, defaultdict[str, int]] = {name: defaultdict(int) for name in _COUNTERS}
        self._seconds = [0] * (len(_BOUNDS) + 1)
        self._seconds_sum = 0.0

    def count(self, name: str, label: str, by: int = 1) -> None:
        """Adds to a counter."""
        self._counts[name][label] += by

    def of(self, name: str, label: str) -> int:
        """What a counter stands at."""
        return self._counts[name][label]

    def observe(self, seconds: float) -> None:
        """Notes how long an accepted request took until it was on disk."""
        at = next((place for place, bound in enumerate(_BOUNDS) if seconds <= bound), len(_BOUNDS))
        self._seconds[at] += 1
        self._seconds_sum += seconds

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """Everything, as Prometheus reads it.

        Args:
            gauges: name → what it says, and its value at this instant.
        """
        lines: list[str] = []
        for name, (meaning, label) in _COUNTERS.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} counter"]
            lines += [f'{name}{{{label}="{_escaped(value)}"}} {n}' for value, n in sorted(self._counts[name].items())]
        name = "ethogram_accept_seconds"
        lines += [f"# HELP {name} From a request's body to its commit on disk.", f"# TYPE {name} histogram"]
        total = 0
        for bound, counted in zip((*map(str, _BOUNDS), "+Inf"), self._seconds, strict=True):
            total += counted
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        lines += [f"{name}_sum {self._seconds_sum:.6f}", f"{name}_count {total}"]
        for name, (meaning, held) in gauges.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge", f"{name} {held:g}"]
        return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
