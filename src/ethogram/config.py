"""A workspace's settings: a TOML file in its directory, with environment variables over it.

Reads `ethogram.toml` and variables that start with `ETHOGRAM_`; writes the file when told to.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ethogram.errors import SettingError

FILE = "ethogram.toml"
# What a workspace takes for the present: the clock, or the newest event it holds (for historical data).
LIVE, LATEST = "live", "latest"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a workspace.

    Attributes:
        timezone: IANA name of the zone whose days, weeks and months calendar windows follow.
        now: `live` (the clock) or `latest` (the instant of the newest event, for historical data).
        ledger: SQLAlchemy URL of the ledger; empty is a SQLite file in the workspace.
        warehouse: address of the warehouse; empty is an embedded one in the workspace.
    """

    timezone: str = "UTC"
    now: str = LIVE
    ledger: str = ""
    warehouse: str = ""

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
            raise SettingError(
                f"`{self.timezone}` is no time zone",
                hint="Use an IANA name such as `Europe/Stockholm`, `America/New_York` or `UTC`.",
            ) from None
        if self.now not in (LIVE, LATEST):
            raise SettingError(
                f"`now` cannot be `{self.now}`",
                hint=f"Use `{LIVE}` (the clock) or `{LATEST}` (the instant of the newest event, for historical data).",
            )

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


NAMES = tuple(field.name for field in fields(Settings))


def read(directory: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of the workspace in a directory.

    Raises:
        SettingError: the directory is no workspace, or a setting has a value that does not fit.
    """
    file = directory / FILE
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingError(
            f"`{directory}` is not a workspace: it has no `{FILE}`",
            hint=f"Make one with `ethogram init {directory}`.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(
            f"`{file}` cannot be read: {error}", hint="Mend the file, or compare it with the docs."
        ) from error
    unknown = sorted(set(given) - set(NAMES))
    if unknown:
        raise SettingError(f"`{file}` has an unknown setting `{unknown[0]}`", hint=f"Known are: {', '.join(NAMES)}.")
    wrong = sorted(name for name, value in given.items() if not isinstance(value, str))
    if wrong:
        raise SettingError(f"setting `{wrong[0]}` in `{file}` must be a text", hint=f'Write `{wrong[0]} = "…"`.')
    environ = os.environ if environment is None else environment
    over = {name: environ[f"ETHOGRAM_{name.upper()}"] for name in NAMES if f"ETHOGRAM_{name.upper()}" in environ}
    return replace(Settings(), **{**given, **over})


def write(directory: Path, settings: Settings) -> None:
    """Writes the settings file, whole or not at all."""
    lines = [f"{name} = {_toml(getattr(settings, name))}" for name in NAMES if getattr(settings, name)]
    temporary = directory / f".{FILE}.new"
    temporary.write_text(
        "# A workspace of Ethogram. `ethogram config` shows and sets these.\n" + "\n".join(lines) + "\n", "utf-8"
    )
    temporary.replace(directory / FILE)


def _toml(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
