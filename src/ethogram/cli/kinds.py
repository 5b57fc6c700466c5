"""Verbs about definitions that have no others: `templates`, `topics`, `caps`, `quiet-hours`, `holdouts` and such.

They open the ledger only, so they work beside a server.
"""

from __future__ import annotations

from ethogram.cli.definitions import add_all, verb_of
from ethogram.cli.help import Verbs


def _verbs(kind: str, name: str, summary: str) -> Verbs:
    verb = verb_of(kind)
    examples = tuple(f"ethogram {verb} {said}" for said in (f"save {name} {name}.yaml", "list", f"show {name}"))
    group = Verbs(name=verb, help=summary, examples=examples)
    add_all(group, kind, name)
    return group


templates = _verbs("template", "hello", "Define what messages say, in Liquid and MJML.")
topics = _verbs("topic", "news", "Define what people may subscribe to.")
caps = _verbs("cap", "calm", "Define how many messages a person gets at most.")
quiet_hours = _verbs("quiet_hours", "night", "Define the hours in which nothing is sent.")
holdouts = _verbs("holdout", "nobody", "Define who gets no message at all, for comparison.")
explorations = _verbs("exploration", "weekly", "Keep questions about what people do, and pin them.")
