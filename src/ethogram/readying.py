"""Ready journeys for a workspace: listed, and saved with their templates in the workspace's own words."""

from __future__ import annotations

from collections.abc import Sequence

from ethogram.decide.journeys import ready
from ethogram.decide.journeys.ready import Ready
from ethogram.engagement import Definitions, Saved
from ethogram.runtime import Workspace

__all__ = ["Ready", "listed", "save"]


def listed() -> tuple[Ready, ...]:
    """All ready journeys, by name."""
    return tuple(map(ready.ready, ready.names()))


def save(workspace: Workspace, definitions: Definitions, names: Sequence[str]) -> tuple[Saved, ...]:
    """The journeys of these names and their templates, saved and not started; all of them or none.

    Raises:
        UnknownNameError: there is no ready journey of a name.
        SettingError: the vocabulary does not name what one speaks of.
        DefinitionError: a segment or a topic that one refers to is missing.
    """
    vocabulary = workspace.vocabulary()
    filled = {name: ready.fill(ready.ready(name), vocabulary) for name in names}
    templates = {template: body for each in filled.values() for template, body in each.templates.items()}
    for name, each in filled.items():  # everything is checked before anything is saved
        definitions.checked("journey", name, each.body, beside={"template": set(templates)})
    made = [definitions.save("template", name, body) for name, body in templates.items()]
    return (*made, *(definitions.save("journey", name, each.body) for name, each in filled.items()))
