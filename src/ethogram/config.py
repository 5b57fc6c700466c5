"""A workspace's settings: a TOML file in its directory, with environment variables over it.

Reads `ethogram.toml` and variables that start with `ETHOGRAM_`; writes the file when told to.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ethogram.errors import SettingError

FILE = "ethogram.toml"
# What a workspace takes for the present: the clock, or the newest event it holds (for historical data).
LIVE, LATEST = "live", "latest"
_PUBLIC_URL = re.compile(r"https?://[^\s/?#\"<>]+(/[^\s?#\"<>]*)?")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_PASSWORD = re.compile(r"(://[^:/@]*:)[^@]*@")
_SECRETS = ("visitor_secret", "oidc_secret")
_ROLES = ("viewer", "analyst", "marketer", "admin")
_SHORTEST_SECRET = 16
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a workspace.

    Attributes:
        timezone: IANA name of the zone whose days, weeks and months calendar windows follow.
        now: `live` (the clock) or `latest` (the instant of the newest event, for historical data).
        ledger: SQLAlchemy URL of the ledger; empty is a SQLite file in the workspace.
        warehouse: address of the warehouse; empty is an embedded one in the workspace.
        event_kilobytes: how much one event may hold that comes over HTTP, decompressed.
        batch_kilobytes: how much one request may hold.
        load_megabytes: how much a file may hold that is posted to be loaded.
        queued_messages: how many messages a collector lets wait for the disk before it asks senders to come later.
        queued_requests: how many requests it lets wait, likewise, so that none waits long.
        keep_days: how long the ledger keeps messages that the warehouse has.
        remember_days: how long a repeated `messageId` is recognised.
        allow_addresses: networks, separated by commas, that webhooks and syncs may send to although they are not
            public, and without encryption, such as `10.1.0.0/16, 127.0.0.1`.
        refresh_minutes: how old the cut-offs of relative conditions (`top 10 %`) may become while a server runs.
        undo_days: how long a merge or a split of profiles can be undone.
        public_url: where people reach this server, such as `https://news.shop.example`; links in messages lead there
            first, to be counted, and to unsubscribe. Empty: links lead where they say, and nobody can unsubscribe.
        language: of messages to people whose own is not known, such as `en` or `pt-BR`.
        currency: of amounts in messages that say none, such as `EUR`.
        visitor_secret: proves to `/v1/messages` and `/v1/devices` who somebody is: a page then gives, beside the
            `userId`, its HMAC-SHA256 under this secret, made by the site's own server. Empty: who knows an id is
            believed.
        oidc_issuer: the OpenID Connect provider by which the team may sign in beside passwords, written exactly as
            the provider writes it, such as `https://accounts.google.com`. It sends people back to
            `<public_url>/console/sign-in/returned`.
        oidc_client: the client id that the provider gave this server.
        oidc_secret: the client's secret; empty for a client without one.
        oidc_role: the role that somebody gets who signs in by the provider uninvited: `viewer`, `analyst`, `marketer`
            or `admin`. Empty: only users and those who were invited come in.
        oidc_domains: whose addresses get that role, separated by commas, such as `shop.example`.
    """

    timezone: str = "UTC"
    now: str = LIVE
    ledger: str = ""
    warehouse: str = ""
    event_kilobytes: int = 32
    batch_kilobytes: int = 500
    load_megabytes: int = 1_024
    queued_messages: int = 20_000
    queued_requests: int = 500
    keep_days: int = 30
    remember_days: int = 2
    allow_addresses: str = ""
    undo_days: int = 30
    refresh_minutes: int = 60
    public_url: str = ""
    language: str = "en"
    currency: str = ""
    visitor_secret: str = field(default="", repr=False)
    oidc_issuer: str = ""
    oidc_client: str = ""
    oidc_secret: str = field(default="", repr=False)
    oidc_role: str = ""
    oidc_domains: str = ""

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
        for network in filter(None, map(str.strip, self.allow_addresses.split(","))):
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise SettingError(
                    f"`{network}` in `allow_addresses` is no network",
                    hint="Use addresses or networks, separated by commas: `10.1.0.0/16, 127.0.0.1`.",
                ) from None
        if self.public_url and not _PUBLIC_URL.fullmatch(self.public_url):
            raise SettingError(
                f"`public_url` cannot be `{self.public_url}`",
                hint="Use an address such as `https://news.shop.example`.",
            )
        if not _LANGUAGE.fullmatch(self.language):
            raise SettingError(f"`language` cannot be `{self.language}`", hint="Use a tag such as `en` or `pt-BR`.")
        if self.currency and not _CURRENCY.fullmatch(self.currency):
            raise SettingError(f"`currency` cannot be `{self.currency}`", hint="Use three letters, such as `EUR`.")
        if self.visitor_secret and len(self.visitor_secret) < _SHORTEST_SECRET:
            raise SettingError("`visitor_secret` is too short", hint=f"Use {_SHORTEST_SECRET} characters or more.")
        if self.oidc_issuer and not _PUBLIC_URL.fullmatch(self.oidc_issuer):
            raise SettingError(
                f"`oidc_issuer` cannot be `{self.oidc_issuer}`", hint="Use an address such as `https://id.example`."
            )
        if self.oidc_role and self.oidc_role not in _ROLES:
            raise SettingError(f"`oidc_role` cannot be `{self.oidc_role}`", hint=f"Use one of {', '.join(_ROLES)}.")
        for name in NUMBERS:
            held = getattr(self, name)
            if not isinstance(held, int) or isinstance(held, bool) or held < 1:
                raise SettingError(f"`{name}` cannot be `{held}`", hint="It is a whole number, 1 or more.")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def shown(self) -> dict[str, str | int]:
        """The settings for anybody's eyes: passwords in addresses and secrets are left out."""
        held = {name: getattr(self, name) for name in NAMES}
        told = {name: _PASSWORD.sub(r"\1***@", text) if isinstance(text, str) else text for name, text in held.items()}
        return told | {name: "***" for name in _SECRETS if held[name]}


NAMES = tuple(each.name for each in fields(Settings))
# Those that are whole numbers.
NUMBERS = tuple(each.name for each in fields(Settings) if isinstance(each.default, int))


def given(values: Mapping[str, Any]) -> Settings:
    """The settings with some of them given, each checked."""
    return Settings(**values)


def read(directory: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of the workspace in a directory.

    Raises:
        SettingError: the directory is no workspace, or a setting has a value that does not fit.
    """
    file = directory / FILE
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingError(
            f"`{directory}` is not a workspace: it has no `{FILE}`",
            hint=f"Make one with `ethogram init {directory}`.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(
            f"`{file}` cannot be read: {error}", hint="Mend the file, or compare it with the docs."
        ) from error
    unknown = sorted(set(found) - set(NAMES))
    if unknown:
        raise SettingError(f"`{file}` has an unknown setting `{unknown[0]}`", hint=f"Known are: {', '.join(NAMES)}.")
    wrong = sorted(name for name, value in found.items() if name not in NUMBERS and not isinstance(value, str))
    if wrong:
        raise SettingError(f"setting `{wrong[0]}` in `{file}` must be a text", hint=f'Write `{wrong[0]} = "…"`.')
    environ = os.environ if environment is None else environment
    over = {name: environ[f"ETHOGRAM_{name.upper()}"] for name in NAMES if f"ETHOGRAM_{name.upper()}" in environ}
    return replace(Settings(), **{**found, **{name: _read(name, text) for name, text in over.items()}})


def _read(name: str, text: str) -> str | int:
    """A setting from the environment; a number that is none is left for `Settings` to refuse."""
    return int(text) if name in NUMBERS and text.isdecimal() else text


def write(directory: Path, settings: Settings) -> None:
    """Writes the settings file, whole or not at all."""
    default = Settings()
    lines = [
        f"{name} = {_toml(getattr(settings, name))}"
        for name in NAMES
        if (getattr(settings, name) != getattr(default, name) if name in NUMBERS else getattr(settings, name))
    ]
    temporary = directory / f".{FILE}.new"
    temporary.write_text(
        "# A workspace of Ethogram. `ethogram config` shows and sets these.\n" + "\n".join(lines) + "\n", "utf-8"
    )
    temporary.replace(directory / FILE)


def _toml(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
