"""Sources: providers whose webhooks are taken, their mappings, and what a mapping makes of a payload."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from ethogram.receiving import Trial, WebhookSource, WebhookSources
from ethogram.web.api.given import READ, Named, Opened

Name = Annotated[str, msgspec.Meta(max_length=63)]
Text = Annotated[str, msgspec.Meta(max_length=2_000)]
MappingText = Annotated[str, msgspec.Meta(max_length=100_000)]
Secrets = Annotated[list[Text], msgspec.Meta(max_length=5)]
Headers = dict[str, Text]


class TrustName(StrEnum):
    """How a request shows that it is the provider's."""

    STRIPE = "stripe"
    SHOPIFY = "shopify"
    ZENDESK = "zendesk"
    INTERCOM = "intercom"
    SENDGRID = "sendgrid"
    SNS = "sns"
    STANDARD = "standard"
    HMAC = "hmac"
    SALESFORCE = "salesforce"
    BASIC = "basic"
    TOKEN = "token"  # noqa: S105  # the name of a trust


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source; never its secrets.

    Attributes:
        path: where it takes webhooks.
        ready: the ready mapping's name; left out where the mapping is its own.
        secrets: how many are good.
    """

    name: str
    path: str
    ready: str | None
    mapping: dict[str, Any] | None
    trust: str
    secrets: int
    header: str | None
    sender: str | None
    enabled: bool
    created_at: dt.datetime
    changed_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SourceWanted:
    """A source to be made.

    Attributes:
        ready: the name of a ready mapping.
        mapping: an own one instead, as TOML or JSON.
        trust: left out, what the mapping says.
        secrets: what the provider signs with or sends; any of several is good.
        header: where the signature or the token is, for `hmac` and `token`.
        sender: whom the payload must name: the ARN of a topic, the id of an organisation.
    """

    name: Name
    ready: Name | None = None
    mapping: MappingText | None = None
    trust: TrustName | None = None
    secrets: Secrets | None = None
    header: Name | None = None
    sender: Text | None = None


@dataclass(frozen=True, slots=True)
class SourceMade:
    """A source, with the secret that was made for it if none was given: it is shown this once."""

    source: SourceView
    secret: str | None


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """What of a source shall be otherwise; what is left out stays. `secrets` are the only good ones from now on."""

    ready: Name | None = None
    mapping: MappingText | None = None
    secrets: Secrets | None = None
    header: Name | None = None
    sender: Text | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A payload to try: the body of a request as text, and its headers."""

    body: str
    headers: Headers | None = None


@dataclass(frozen=True, slots=True)
class MappingSample:
    """A payload to try with a mapping that no source has yet: a ready one by name, or an own one as TOML or JSON."""

    body: str
    ready: Name | None = None
    mapping: MappingText | None = None
    headers: Headers | None = None


@dataclass(frozen=True, slots=True)
class ReadyMapping:
    """A ready mapping as it is written."""

    name: str
    description: str
    text: str


@get("/sources", opt=READ, sync_to_thread=True)
def list_sources(workspace: Opened) -> list[SourceView]:
    """Every source, by name."""
    with WebhookSources(workspace.path) as opened:
        return [_view(source) for source in opened.listed()]


@post("/sources", sync_to_thread=True)
def add_source(workspace: Opened, data: JSONBody[SourceWanted]) -> SourceMade:
    """Makes a source; servers take its webhooks within seconds."""
    with WebhookSources(workspace.path) as opened:
        source, secret = opened.add(
            data.name,
            ready=data.ready,
            mapping=data.mapping,
            trust=data.trust.value if data.trust is not None else None,
            secrets=data.secrets or (),
            header=data.header,
            sender=data.sender,
        )
        return SourceMade(_view(source), secret)


@get("/sources/{name:str}", opt=READ, sync_to_thread=True)
def get_source(workspace: Opened, name: Named) -> SourceView:
    """A source."""
    with WebhookSources(workspace.path) as opened:
        return _view(opened.get(name))


@patch("/sources/{name:str}", sync_to_thread=True)
def change_source(workspace: Opened, name: Named, data: JSONBody[SourceChanged]) -> SourceView:
    """Changes a source; servers follow within seconds."""
    with WebhookSources(workspace.path) as opened:
        changed = opened.change(
            name,
            ready=data.ready,
            mapping=data.mapping,
            secrets=data.secrets,
            header=data.header,
            sender=data.sender,
            enabled=data.enabled,
        )
        return _view(changed)


@delete("/sources/{name:str}", status_code=204, sync_to_thread=True)
def remove_source(workspace: Opened, name: Named) -> None:
    """Removes a source; what it sent stays."""
    with WebhookSources(workspace.path) as opened:
        opened.remove(name)


@post("/sources/{name:str}/test", opt=READ, status_code=200, sync_to_thread=True)
def test_source(workspace: Opened, name: Named, data: JSONBody[Sample]) -> Trial:
    """The events that a payload would become; nothing is kept, and no signature is asked for."""
    with WebhookSources(workspace.path) as opened:
        return opened.test(name, _bytes(data.body), data.headers)


@get("/source-mappings", opt=READ, sync_to_thread=True)
def list_source_mappings() -> list[ReadyMapping]:
    """The ready mappings, as they are written."""
    told = WebhookSources.mappings()
    return [ReadyMapping(name, about, WebhookSources.mapping_text(name)) for name, about in told.items()]


@post("/source-mappings/test", opt=READ, status_code=200, sync_to_thread=True)
def test_source_mapping(workspace: Opened, data: JSONBody[MappingSample]) -> Trial:
    """The events that a payload would become by a mapping that no source has yet; nothing is kept."""
    with WebhookSources(workspace.path) as opened:
        return opened.test_mapping(_bytes(data.body), ready=data.ready, mapping=data.mapping, headers=data.headers)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _view(source: WebhookSource) -> SourceView:
    return SourceView(
        source.name, f"/v1/sources/{source.name}", source.ready, source.mapping, source.trust, len(source.secrets),
        source.header, source.sender, source.enabled, source.created_at, source.changed_at,
    )  # fmt: skip


router = Router(
    "/",
    tags=["Sources"],
    route_handlers=[
        list_sources, add_source, get_source, change_source, remove_source, test_source, list_source_mappings,
        test_source_mapping,
    ],
)  # fmt: skip
