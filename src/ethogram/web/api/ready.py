"""Ready segments, and the vocabulary that fits them to a workspace: which event means what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Router, get, patch, post
from litestar.params import JSONBody

from ethogram.errors import UnknownNameError
from ethogram.runtime import AppliedTemplate
from ethogram.segment.templates import Template
from ethogram.web.api.given import READ, Named, Opened


@dataclass(frozen=True, slots=True)
class ParameterDescribed:
    """One knob of a template; without a default it must be given."""

    name: str
    kind: str
    default: Any
    description: str
    unit: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class TemplateDescribed:
    """A ready segment: its text, what it needs of the vocabulary, and its knobs."""

    name: str
    title: str
    description: str
    category: str
    tags: tuple[str, ...]
    text: str
    needs: tuple[str, ...]
    uses: tuple[str, ...]
    parameters: tuple[ParameterDescribed, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which templates to save; none named is all of them. `overrides`: template → parameter → value."""

    names: Annotated[list[str], msgspec.Meta(max_length=1_000)] | None = None
    overrides: dict[str, dict[str, str | float | bool | list[str] | None]] | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What fills a role: an event, a property or a trait; and for an event the condition that narrows it."""

    name: str | None
    why: str | None
    where: str | None


@get("/ready", opt=READ, sync_to_thread=True)
def list_ready(workspace: Opened) -> list[TemplateDescribed]:
    """The ready segments that come with Ethogram."""
    return [_described(each) for each in workspace.ready()]


@get("/ready/{name:str}", opt=READ, sync_to_thread=True)
def get_ready(workspace: Opened, name: Named) -> TemplateDescribed:
    """One ready segment."""
    for each in workspace.ready():
        if each.name == name:
            return _described(each)
    raise UnknownNameError(f"there is no template `{name}`", hint="`GET /api/ready` lists them.", name=name)


@post("/ready/apply", status_code=200, sync_to_thread=True)
def apply_ready(workspace: Opened, data: JSONBody[Chosen]) -> list[AppliedTemplate]:
    """Saves templates as segments under their own names; what does not fit is told with the reason."""
    overrides = {name: dict(values) for name, values in (data.overrides or {}).items()}
    return list(workspace.apply_ready(data.names, overrides=overrides))


@get("/vocabulary", opt=READ, sync_to_thread=True)
def get_vocabulary(workspace: Opened) -> dict[str, Meaning]:
    """Which events, properties and traits play which role: guessed, then as changed by hand."""
    return {role: Meaning(**held) for role, held in workspace.vocabulary().to_dict().items()}


@patch("/vocabulary", sync_to_thread=True)
def set_vocabulary(workspace: Opened, data: JSONBody[dict[str, str | None]]) -> dict[str, Meaning]:
    """Sets what fills some roles; null unsets one. `any` for an event means every event; `purchase.where` narrows."""
    changed = workspace.set_vocabulary(**data)
    return {role: Meaning(**held) for role, held in changed.to_dict().items()}


def _described(template: Template) -> TemplateDescribed:
    return TemplateDescribed(
        name=template.name,
        title=template.title,
        description=template.description,
        category=template.category,
        tags=template.tags,
        text=template.text,
        needs=template.needs,
        uses=template.uses,
        parameters=tuple(
            ParameterDescribed(
                name=each.name,
                kind=each.kind.value,
                default=each.default,
                description=each.description,
                unit=each.unit,
                low=each.low,
                high=each.high,
            )
            for each in template.parameters
        ),
    )


router = Router(
    "/",
    tags=["Ready segments"],
    route_handlers=[list_ready, get_ready, apply_ready, get_vocabulary, set_vocabulary],
)
