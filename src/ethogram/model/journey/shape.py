"""The shape of a journey: which of its steps nobody reaches, and where people would go round without ever waiting.

Pure functions over steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ethogram.model.journey.parts import WAITING, Step, ways


def unreachable(steps: Sequence[Step]) -> list[str]:
    """The names of steps that no way leads to from the first one."""
    leads = {step.name: [target for _, target in ways(step)] for step in steps}
    seen: set[str] = set()
    todo = [steps[0].name] if steps else []
    while todo:
        name = todo.pop()
        if name not in seen and name in leads:
            seen.add(name)
            todo += [target for target in leads[name] if target is not None]
    return [step.name for step in steps if step.name not in seen]


def restless(steps: Sequence[Step]) -> list[tuple[str, ...]]:
    """Loops without a delay or a wait: the steps of each in order, from the first that the document names."""
    leads = {
        step.name: [target for _, target in ways(step) if target is not None]
        for step in steps
        if not isinstance(step, WAITING)
    }
    order = {step.name: index for index, step in enumerate(steps)}
    found: dict[frozenset[str], tuple[str, ...]] = {}
    done: set[str] = set()
    for start in leads:
        for loop in _loops(start, leads, done):
            first = loop.index(min(loop, key=order.__getitem__))
            found.setdefault(frozenset(loop), (*loop[first:], *loop[:first]))
    return list(found.values())


def _loops(start: str, leads: dict[str, list[str]], done: set[str]) -> Iterator[list[str]]:
    """Loops on the paths from a step that were not looked at yet; without recursion, as journeys may be long."""
    path: list[str] = []
    stack = [(start, iter(leads[start]))] if start not in done else []
    path += [name for name, _ in stack]
    while stack:
        name, targets = stack[-1]
        target = next(targets, None)
        if target is None:
            stack.pop()
            path.pop()
            done.add(name)
        elif target in path:
            yield path[path.index(target) :]
        elif target in leads and target not in done:
            stack.append((target, iter(leads[target])))
            path.append(target)
