"""Liquid rendered with little around it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ethogram.deliver.templates.compiling import HTML, TEXT, faults
from ethogram.deliver.templates.sandbox import Surroundings
from ethogram.model.template import Template

NOW = dt.datetime(2026, 3, 1, 9, 5, 7, tzinfo=dt.UTC)


def liquid(source: str, *, html: bool = False, around: Surroundings | None = None, **variables: Any) -> str:
    return (HTML if html else TEXT).read(source).rendered(variables, around or Surroundings(NOW))


def template(channel: str, **body: Any) -> Template:
    return Template.from_body("it", {"channel": channel, **body}, check=faults)
