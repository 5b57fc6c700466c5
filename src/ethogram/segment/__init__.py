"""The segment stage: a language that says who is in a segment, and the engine that finds them."""

from __future__ import annotations
