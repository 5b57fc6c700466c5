"""A provider: who sends a channel's messages, and what it needs to be told.

Frozen values that are read from a document and written to one. A secret stands in the document itself or, better, is
named there and read from the environment (`password: {env: SMTP_PASSWORD}`); `describe` shows none. Whether a provider
takes the settings is known when something is sent.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ethogram.errors import SettingError
from ethogram.model.message import Channel
from ethogram.model.reading import Part, length_text, read

KIND = "provider"
_HIDDEN = "********"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.:-]{0,252}[A-Za-z0-9_])?")
_SECURITY_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_URGENCIES = ("very-low", "low", "normal", "high")
APNS_SERVERS = {
    "production": "https://api.push.apple.com",
    "sandbox": "https://api.sandbox.push.apple.com",
}
_FIREBASE = "https://fcm.googleapis.com"
_APART = frozenset({"name", "version", "settings"})


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, or the name of the environment's variable that holds it."""

    value: str = field(default="", repr=False)
    variable: str | None = None

    def reveal(self, environment: Mapping[str, str]) -> str:
        """The secret itself.

        Raises:
            SettingError: the environment does not have it.
        """
        if self.variable is None:
            return self.value
        found = environment.get(self.variable, "")
        if not found:
            raise SettingError(
                f"the environment has no `{self.variable}`, which a provider's settings name as a secret",
                hint=f"set `{self.variable}` where Ethogram runs, or name another variable",
            )
        return found

    def to_body(self) -> str | dict[str, str]:
        """The form that it has in a document."""
        return self.value if self.variable is None else {"env": self.variable}


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server that takes messages (RFC 5321, 6409).

    Attributes:
        sender: who writes unless a template says otherwise, such as `Shop <news@shop.example>`.
        security: `starttls`, `tls` from the first byte, or `none`, for servers that `allow_addresses` names.
        return_path: where bounces go; `{id}` in it is replaced by the message's id. None is the sender.
        domain: of the Message-ID; None is the sender's.
        hostname: that we greet with; None is the domain.
        ca_file: certificates to trust beside the system's, of a server within one's own network.
        connections: kept open, at most.
    """

    host: str
    sender: str
    security: str = "starttls"
    port: int = 587
    username: str | None = None
    password: Secret | None = None
    return_path: str | None = None
    domain: str | None = None
    hostname: str | None = None
    ca_file: str | None = None
    connections: int = 8


@dataclass(frozen=True, slots=True)
class Twilio:
    """Twilio, or who speaks its HTTP API, for text messages and WhatsApp.

    Attributes:
        sender: a number as E.164 or a name; not needed beside a messaging service.
        callback: where reports about messages are to be sent.
        region: the country of numbers that are written without one, such as `SE`.
    """

    account: str
    token: Secret
    sender: str | None = None
    messaging_service: str | None = None
    callback: str | None = None
    region: str | None = None
    url: str = "https://api.twilio.com"


@dataclass(frozen=True, slots=True)
class Fcm:
    """Firebase Cloud Messaging, its HTTP v1 API.

    Attributes:
        account: the service account's JSON file, whole.
    """

    account: Secret
    url: str = _FIREBASE


@dataclass(frozen=True, slots=True)
class Apns:
    """Apple's push notification service.

    Attributes:
        key: the .p8 file's text.
        topic: the app's bundle id.
        server: production, sandbox, or an address.
    """

    key: Secret
    key_id: str
    team_id: str
    topic: str
    server: str = "production"
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """Pushes to phones, by one of the two or both."""

    fcm: Fcm | None = None
    apns: Apns | None = None


@dataclass(frozen=True, slots=True)
class WebPush:
    """Pushes to browsers, signed with a key of our own (VAPID, RFC 8292).

    Attributes:
        private_key: as `ethogram.deliver.channels.webpush.new_keys` makes one; subscriptions are bound to it.
        contact: `mailto:` or `https:`, for the push service's operator.
        ttl: how long a push service keeps what it cannot hand over yet.
    """

    private_key: Secret
    contact: str
    ttl: dt.timedelta = dt.timedelta(days=1)
    urgency: str = "normal"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Requests to addresses that templates name, signed after Standard Webhooks.

    Attributes:
        secrets: each signs, so that receivers can be given a new one before the old one goes.
    """

    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True)
class Apprise:
    """A team's chat and alert services, each by Apprise's address of it, which has its secret in it."""

    urls: tuple[Secret, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """Nobody: what would be sent is kept.

    Attributes:
        path: of a file that a line of JSON is added to for each message; None keeps them in memory.
    """

    path: str | None = None


Settings: TypeAlias = Smtp | Twilio | Push | WebPush | Webhook | Apprise | Recording


@dataclass(frozen=True, slots=True)
class Provider:
    """Who sends a channel's messages.

    Attributes:
        at_once: how many messages may be under way.
        per_second: how many messages are begun in a second, at most; None is as fast as it goes.
        timeout: after which a provider that has not answered counts as silent.
        version: of the definition; 0 until it is saved.
    """

    name: str
    channel: Channel
    settings: Settings
    at_once: int = 32
    per_second: float | None = None
    timeout: dt.timedelta = dt.timedelta(seconds=20)
    version: int = field(default=0, compare=False)

    @classmethod
    def from_body(cls, name: str, body: object, *, version: int = 0) -> Provider:
        """The provider that a document describes.

        Raises:
            DefinitionError: with all faults of the document.
        """
        return read(f"provider `{name}`", body, lambda top: _provider(name, top, version))

    def to_body(self) -> dict[str, Any]:
        """The document, with the secrets that stand in it: for the ledger, not for anybody's eyes."""
        kind = next(kind for kind, (made, _) in _KINDS.items() if made is type(self.settings))
        body: dict[str, Any] = {"channel": self.channel.value, "kind": kind}
        body |= _fields(self.settings) | _fields(self, leave_out=_APART | {"channel"})
        return body

    def describe(self) -> dict[str, Any]:
        """The document without the secrets that stand in it, for pages, logs and answers."""
        hidden: dict[str, Any] = _hidden(self.to_body(), self)
        return hidden

    @property
    def public_settings(self) -> dict[str, Any]:
        """The settings of the provider alone, without secrets."""
        return {name: value for name, value in self.describe().items() if name not in {"channel", "kind"}}


# --- writing ------------------------------------------------------------------------------------------------------


def _fields(value: Any, *, leave_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What differs from the defaults."""
    body = {}
    for each in dataclasses.fields(value):
        found = getattr(value, each.name)
        if each.name not in leave_out and found != each.default:
            body[each.name] = _written(found)
    return body


def _written(value: Any) -> Any:
    match value:
        case Secret():
            return value.to_body()
        case dt.timedelta():
            return length_text(value)
        case tuple():
            return [_written(each) for each in value]
        case _ if dataclasses.is_dataclass(value):
            return _fields(value)
        case _:
            return value


def _hidden(body: dict[str, Any], value: Any) -> dict[str, Any]:
    """A body where every secret's own text is replaced."""
    holders = (value, value.settings) if isinstance(value, Provider) else (value,)
    shown = dict(body)
    for holder in holders:
        for each in dataclasses.fields(holder):
            found = getattr(holder, each.name)
            if each.name not in shown:
                continue
            if isinstance(found, Secret):
                shown[each.name] = _masked(found)
            elif isinstance(found, tuple) and any(isinstance(one, Secret) for one in found):
                shown[each.name] = [_masked(one) for one in found]
            elif isinstance(found, (Fcm, Apns)):
                shown[each.name] = _hidden(shown[each.name], found)
    return shown


def _masked(secret: Secret) -> str | dict[str, str]:
    return _HIDDEN if secret.variable is None else {"env": secret.variable}


# --- reading ------------------------------------------------------------------------------------------------------


def _provider(name: str, top: Part, version: int) -> Provider:
    channel = Channel(top.text("channel", one_of=[each.value for each in Channel if each != Channel.INAPP]))
    kinds = [kind for kind, (_, channels) in _KINDS.items() if channel in channels]
    kind = top.text("kind", kinds[0], one_of=kinds)
    made = _READERS[kind](top)
    if isinstance(made, Smtp) and made.security == "none" and made.password is not None:
        top.wrong("security", "cannot be `none` with a password, which would travel readably; use starttls or tls")
    return Provider(
        name=name,
        channel=channel,
        settings=made,
        at_once=top.whole("at_once", 32, least=1, most=1000),
        per_second=top.number("per_second", None, least=0.001, most=100_000),
        timeout=top.length("timeout", dt.timedelta(seconds=20), least=dt.timedelta(seconds=1)),
        version=version,
    )


def _secret(part: Part, name: str, default: Any = ...) -> Any:
    found = part.value(name) if default is ... else part.value(name, default)
    return _secret_of(found, lambda told: part.wrong(name, told)) if found is not None else default


def _secret_of(found: object, wrong: Callable[[str], None]) -> Secret:
    if isinstance(found, str) and found.strip() and found != _HIDDEN:
        return Secret(found)
    if isinstance(found, Mapping) and set(found) == {"env"} and _VARIABLE.fullmatch(str(found["env"])):
        return Secret(variable=str(found["env"]))
    wrong("must be a text, or the variable that holds it, such as `{env: SMTP_PASSWORD}`")
    return Secret()


def _secrets(part: Part, name: str, default: Any = ...) -> tuple[Secret, ...]:
    found = part.value(name) if default is ... else part.value(name, default)
    listed = [found] if isinstance(found, (str, Mapping)) else found
    if not isinstance(listed, (list, tuple)):
        if listed is not None:
            part.wrong(name, "must be a list of secrets")
        return ()
    return tuple(
        _secret_of(each, lambda told, index=index: part.wrong(f"{name}[{index}]", told))  # type: ignore[misc]
        for index, each in enumerate(listed)
    )


def _smtp(part: Part) -> Smtp:
    security = part.text("security", "starttls", one_of=list(_SECURITY_PORTS))
    host = part.text("host", longest=253)
    if host and not _HOST.fullmatch(host):
        part.wrong("host", f"cannot be `{host}`; it is a name such as `smtp.example.com`, or an address")
    sender = part.text("sender", longest=500)
    if sender and "@" not in sender:
        part.wrong("sender", "must have an address, such as `Shop <news@shop.example>`")
    made = Smtp(
        host=host,
        sender=sender,
        security=security,
        port=part.whole("port", _SECURITY_PORTS.get(security, 587), least=1, most=65_535),
        username=part.text("username", None, longest=500),
        password=_secret(part, "password", None),
        return_path=part.text("return_path", None, longest=300),
        domain=part.text("domain", None, longest=253),
        hostname=part.text("hostname", None, longest=253),
        ca_file=part.text("ca_file", None),
        connections=part.whole("connections", 8, least=1, most=200),
    )
    if (made.username is None) != (made.password is None):
        part.wrong("password", "a user name and a password go together; give both or none")
    for name in ("domain", "hostname"):
        found = getattr(made, name)
        if found is not None and not _HOST.fullmatch(found):
            part.wrong(name, f"cannot be `{found}`; it is a name such as `shop.example`")
    if made.return_path is not None and not re.fullmatch(r"[!-;=?-~]+@[A-Za-z0-9.-]+", made.return_path):
        part.wrong("return_path", "must be an address in ASCII, such as `bounces+{id}@shop.example`")
    return made


def _url(part: Part, name: str, default: Any) -> Any:
    found = part.text(name, default, longest=2000)
    if isinstance(found, str) and not re.fullmatch(r"https?://[!-~]+", found):
        part.wrong(name, "must be an address that begins with https:// (or http://)")
    return found.rstrip("/") if isinstance(found, str) and name != "callback" else found


def _twilio(part: Part) -> Twilio:
    made = Twilio(
        account=part.text("account", longest=100),
        token=_secret(part, "token"),
        sender=part.text("sender", None, longest=50),
        messaging_service=part.text("messaging_service", None, longest=100),
        callback=_url(part, "callback", None),
        region=part.text("region", None, longest=2),
        url=_url(part, "url", "https://api.twilio.com"),
    )
    if made.account and not re.fullmatch(r"[A-Za-z0-9_-]+", made.account):
        part.wrong("account", "must be an account's id, of letters and digits")
    if (made.sender is None) == (made.messaging_service is None):
        part.wrong(None, "needs exactly one of sender, messaging_service")
    if made.region is not None and not re.fullmatch(r"[A-Z]{2}", made.region):
        part.wrong("region", "must be a country's two letters, such as `SE`")
    return made


def _push(part: Part) -> Push:
    fcm, apns = part.maybe("fcm"), part.maybe("apns")
    if fcm is None and apns is None:
        part.wrong(None, "needs fcm, apns, or both")
    return Push(
        fcm=Fcm(account=_secret(fcm, "account"), url=_url(fcm, "url", _FIREBASE)) if fcm is not None else None,
        apns=_apns(apns) if apns is not None else None,
    )


def _apns(part: Part) -> Apns:
    server = part.text("server", "production", longest=2000)
    if server not in APNS_SERVERS and not server.startswith("https://"):
        part.wrong("server", "must be production, sandbox, or an address that begins with https://")
    return Apns(
        key=_secret(part, "key"),
        key_id=part.text("key_id", longest=100),
        team_id=part.text("team_id", longest=100),
        topic=part.text("topic", longest=200),
        server=server,
        ca_file=part.text("ca_file", None),
    )


def _webpush(part: Part) -> WebPush:
    contact = part.text("contact", longest=500)
    if contact and not re.fullmatch(r"(mailto:[!-~]+@[!-~]+|https://[!-~]+)", contact):
        part.wrong("contact", "must be such as `mailto:web@shop.example` or `https://shop.example`")
    return WebPush(
        private_key=_secret(part, "private_key"),
        contact=contact,
        ttl=part.length("ttl", dt.timedelta(days=1)),
        urgency=part.text("urgency", "normal", one_of=_URGENCIES),
    )


def _apprise(part: Part) -> Apprise:
    urls = _secrets(part, "urls")
    if "urls" in part and not urls:
        part.wrong("urls", "is empty; give one address at least, such as `slack://…`")
    return Apprise(urls)


_MESSAGES = frozenset(Channel) - {Channel.INAPP}
_KINDS: dict[str, tuple[type[Settings], frozenset[Channel]]] = {
    "smtp": (Smtp, frozenset({Channel.EMAIL})),
    "twilio": (Twilio, frozenset({Channel.SMS, Channel.WHATSAPP})),
    "push": (Push, frozenset({Channel.PUSH})),
    "webpush": (WebPush, frozenset({Channel.WEBPUSH})),
    "webhook": (Webhook, frozenset({Channel.WEBHOOK})),
    "apprise": (Apprise, frozenset({Channel.CHAT})),
    "recording": (Recording, _MESSAGES),
}
_READERS: dict[str, Callable[[Part], Settings]] = {
    "smtp": _smtp,
    "twilio": _twilio,
    "push": _push,
    "webpush": _webpush,
    "webhook": lambda part: Webhook(_secrets(part, "secrets", ())),
    "apprise": _apprise,
    "recording": lambda part: Recording(part.text("path", None, longest=4000)),
}
