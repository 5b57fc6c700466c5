"""Experiments: what differs between arms, how certain that is, and whether people came into arms as meant."""

from __future__ import annotations

from ethogram.measure.experiments.comparing import compare
from ethogram.measure.experiments.ratio import check_ratio

__all__ = ["check_ratio", "compare"]
