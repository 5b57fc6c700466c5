"""Changes to a journey's draft as one makes them on the canvas: steps put into ways, changed, renamed, taken out.

Documents in, documents out; a draft may have faults before and after, which the reader of journeys finds. Pure. Ways
are written out in full before a change, so that none leads elsewhere because a step moved, and shortened after it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final

from ethogram.web.console.drawing import END, kind_of, name_of, steps_of, ways_of

_BEGUN: Final[dict[str, Any]] = {
    "message": {"channel": "email", "template": ""},
    "delay": "1 day",
    "wait": {"for": {"event": ""}, "at_most": "3 days"},
    "branch": [{"when": ""}],
    "split": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}],
    "update": {"set": {}},
    "add_to": "",
    "remove_from": "",
    "webhook": "",
    "go_to": END,
    "exit": "done",
}
_MOST: Final = 20  # cases of a branch, shares of a split, that a form can hold


def inserted(body: Mapping[str, Any], place: int, number: int, kind: str) -> tuple[dict[str, Any], int]:
    """The draft with a new step in a way, and the place of the new step.

    Args:
        place: of the step that the way comes from; -1 is the entry.
        number: of the way among those of the step.
    """
    steps = _explicit(body)
    if kind not in _BEGUN or not -1 <= place < len(steps):
        return dict(body), place
    names = {name_of(step) for step in steps}
    name = next(each for n in range(1, len(steps) + 2) if (each := kind if n == 1 else f"{kind}_{n}") not in names)
    step = {"name": name, kind: copy.deepcopy(_BEGUN[kind])}
    if place == -1:
        target = name_of(steps[0]) if steps else END
    else:
        ways = ways_of(steps[place], END)
        if number >= len(ways):
            return dict(body), place
        target = ways[number][2]
        _lead(steps[place], number, name)
    for index in range(len(ways_of(step, END))):
        _lead(step, index, target)
    steps.insert(place + 1, step)
    return _tidy(body, steps), place + 1


def removed(body: Mapping[str, Any], place: int) -> dict[str, Any]:
    """The draft without a step; who came to it goes on where its first way led."""
    steps = _explicit(body)
    if not 0 <= place < len(steps):
        return dict(body)
    gone = steps.pop(place)
    ways = ways_of(gone, END)
    target = ways[0][2] if ways else END
    _point(steps, name_of(gone), END if target == name_of(gone) else target)
    if place == 0:  # the first is where people begin
        steps.sort(key=lambda step: name_of(step) != target)
    return _tidy(body, steps)


def changed(body: Mapping[str, Any], place: int, values: Mapping[str, str]) -> dict[str, Any]:
    """The draft with what a form says of a step."""
    steps = _explicit(body)
    if not 0 <= place < len(steps):
        return dict(body)
    step = steps[place]
    for index in range(len(ways_of(step, END))):
        if values.get(f"way-{index}"):
            _lead(step, index, values[f"way-{index}"])
    name = values.get("step-name", "")
    if name and name != name_of(step):
        _point(steps, name_of(step), name)
        step["name"] = name
    _FILL.get(kind_of(step), _plain)(step, values)
    return _tidy(body, steps)


def entered(body: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The draft with what a form says of how people enter and leave."""
    made = dict(body)
    if values.get("description"):
        made = {"description": values["description"], **{k: v for k, v in made.items() if k != "description"}}
    else:
        made.pop("description", None)
    match values.get("entry-kind"):
        case "event":
            made["entry"] = {"event": _event(values, "entry")}
        case "entered" | "left" as kind:
            made["entry"] = {kind: values.get("entry-segment", "")}
        case "api":
            made["entry"] = {"api": True}
        case _:
            pass
    again = values.get("again", "")
    made.pop("again", None)
    if again:
        made["again"] = again
    kept = [each for each in _list(body.get("exits")) if not _simple(each)]
    for n in range(_MOST):
        if values.get(f"exit-{n}"):
            reason = values.get(f"exit-{n}-reason", "")
            kept.append({"event": values[f"exit-{n}"], **({"reason": reason} if reason else {})})
    made.pop("exits", None)
    if kept:
        made["exits"] = kept
    steps = made.pop("steps", [])
    return {**made, "steps": steps}


def simple_exits(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The exits that a form can hold: an event, and the reason."""
    return [(each["event"], str(each.get("reason", ""))) for each in _list(body.get("exits")) if _simple(each)]


def _simple(each: Any) -> bool:
    return isinstance(each, Mapping) and isinstance(each.get("event"), str)


def _event(values: Mapping[str, str], prefix: str) -> Any:
    name, where = values.get(f"{prefix}-event", ""), values.get(f"{prefix}-where", "")
    return {"name": name, "where": where} if where else name


def _message(step: dict[str, Any], values: Mapping[str, str]) -> None:
    inner = dict(step["message"]) if isinstance(step["message"], Mapping) else {}
    inner |= {key: values[key] for key in ("channel", "template", "topic") if key in values}
    if not inner.get("topic"):
        inner.pop("topic", None)
    step["message"] = inner


def _wait(step: dict[str, Any], values: Mapping[str, str]) -> None:
    inner = dict(step["wait"]) if isinstance(step["wait"], Mapping) else {}
    if "wait-event" in values:
        inner["for"] = {"event": _event(values, "wait")}
    if values.get("at-most"):
        inner["at_most"] = values["at-most"]
    step["wait"] = inner


def _branch(step: dict[str, Any], values: Mapping[str, str]) -> None:
    cases = [dict(each) for each in _list(step["branch"]) if isinstance(each, Mapping)]
    for index, case in enumerate(cases):
        case["when"] = values.get(f"when-{index}", case.get("when", ""))
    if values.get("when-new"):
        cases.append({"when": values["when-new"], "next": str(step.get("otherwise", END))})
    step["branch"] = [case for case in cases if case["when"]] or cases[:1]


def _split(step: dict[str, Any], values: Mapping[str, str]) -> None:
    shares = [dict(each) for each in _list(step["split"]) if isinstance(each, Mapping)]
    if values.get("share-new-name"):
        shares.append({"next": shares[0].get("next", END) if shares else END})
    for index, share in enumerate(shares):
        key = "new" if "share" not in share else str(index)
        share["name"] = values.get(f"share-{key}-name", str(share.get("name", "")))
        if f"share-{key}" in values:
            share["share"] = _number(values[f"share-{key}"])
    step["split"] = [share for share in shares if share["name"]] or shares[:1]


def _update(step: dict[str, Any], values: Mapping[str, str]) -> None:
    inner = dict(step["update"]) if isinstance(step["update"], Mapping) else {}
    traits = dict(inner["set"]) if isinstance(inner.get("set"), Mapping) else {}
    for n, name in enumerate(list(traits)):
        if f"trait-{n}" in values and not values[f"trait-{n}"]:
            del traits[name]
        elif f"trait-{n}" in values and str(traits[name]) != values[f"trait-{n}"]:
            traits[name] = values[f"trait-{n}"]
    if values.get("trait-new-name"):
        traits[values["trait-new-name"]] = values.get("trait-new", "")
    step["update"] = {**inner, "set": traits}


def _plain(step: dict[str, Any], values: Mapping[str, str]) -> None:
    kind = kind_of(step)
    if kind and "value" in values and isinstance(step[kind], str):
        step[kind] = values["value"]


_FILL: Final[dict[str, Callable[[dict[str, Any], Mapping[str, str]], None]]] = {
    "message": _message,
    "wait": _wait,
    "branch": _branch,
    "split": _split,
    "update": _update,
    "go_to": lambda _step, _values: None,  # its way says it
}


def _number(text: str) -> Any:
    """Per cent as a share; what is no number is left for the check to refuse."""
    try:
        return round(float(text.rstrip("% ").replace(",", ".")) / 100, 6)
    except ValueError:
        return text


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


# --- ways -------------------------------------------------------------------------------------------------------------


def _explicit(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps, with every way written out."""
    steps = copy.deepcopy(steps_of(body))
    names = [*(name_of(step) for step in steps[1:]), END][: len(steps)]
    for step, after in zip(steps, names, strict=True):
        for index, (_name, _label, to) in enumerate(ways_of(step, after)):
            _lead(step, index, to)
    return steps


def _lead(step: dict[str, Any], number: int, to: str) -> None:
    """Lets a way of a step lead somewhere."""
    kind = kind_of(step)
    if kind in ("branch", "split"):
        parts = [each for each in _list(step[kind]) if isinstance(each, dict)]
        if number < len(parts):
            parts[number]["next"] = to
            step[kind] = parts
            return
    if kind == "go_to":
        step["go_to"] = to
    else:
        step["otherwise" if kind == "branch" or number == 1 else "next"] = to


def _point(steps: list[dict[str, Any]], before: str, after: str) -> None:
    """Lets all ways to a step lead to another."""
    for step in steps:
        for index, (_name, _label, to) in enumerate(ways_of(step, END)):
            if to == before:
                _lead(step, index, after)


def _tidy(body: Mapping[str, Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
    """The document, without ways that lead where they would anyway."""
    names = [*(name_of(step) for step in steps[1:]), END][: len(steps)]
    for step, after in zip(steps, names, strict=True):
        kind = kind_of(step)
        following = step.get("next", after)
        usual = following if kind == "delay" else after
        if step.get("otherwise") == usual:
            del step["otherwise"]
        if step.get("next") == after:
            del step["next"]
        if kind == "split":
            for share in _list(step["split"]):
                if isinstance(share, dict) and share.get("next") == after:
                    del share["next"]
    return {**{key: value for key, value in body.items() if key != "steps"}, "steps": steps}
