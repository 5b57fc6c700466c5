"""A journey is read with all its faults at once, and written as it was read."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ethogram.errors import DefinitionError
from ethogram.model.journey.graph import Journey
from ethogram.model.journey.shape import restless

EVERYTHING = """
description: every part there is
entry: {date: {trait: renewal, before: 3 days, at: "08:30", every: year}}
where: plan = 'pro'
again: 4 weeks
overlapping: true
exits:
  - {event: {name: Bought, where: total > 5}, reason: bought}
  - {left: vip}
  - {when: did(Unsubscribed)}
limits: {steps: 50, runs_a_day: 2}
holdout: 0.1
salt: together
steps:
  - {name: pause, delay: 2 hours}
  - {name: morning, delay: {length: 1 day, until: "09:00", weekdays: [monday, friday]}}
  - {name: before, delay: {date: {trigger: starts_at, before: 2 hours}}, otherwise: end}
  - {name: wait, wait: {for: [{event: Clicked}, {entered: vip}], at_most: 3 days}, otherwise: lot}
  - {name: which, branch: [{when: plan = 'free', next: say}, {when: did(x), next: end}], otherwise: pause}
  - {name: lot, split: [{name: a, share: 0.25, next: say}, {name: b, share: 0.75}]}
  - {name: note, update: {set: {seen: true}, unset: [old]}}
  - {name: join, add_to: waiting}
  - {name: drop, remove_from: waiting}
  - {name: tell, webhook: hook}
  - name: say
    message:
      channel: email
      template: hello
      topic: news
      priority: 5
      transactional: true
      expires_after: 6 hours
      conversion: {event: Bought, within: 3 days, revenue: total}
  - {name: jump, go_to: last}
  - {name: last, exit: it is over}
"""


def test_every_part_is_written_as_it_was_read() -> None:
    body = yaml.safe_load(EVERYTHING)
    journey = Journey.from_body("all", body)
    assert journey.to_body() == body
    assert Journey.from_body("all", journey.to_body()) == journey


@pytest.mark.parametrize(
    ("steps", "faults"),
    [
        ("[]", {"steps"}),
        ("[{name: a, delay: 1 hour, next: nowhere}]", {"steps[0].next"}),
        ("[{name: a, delay: soon}]", {"steps[0].delay"}),
        ("[{name: a, delay: {}}]", {"steps[0].delay"}),
        ("[{name: a, exit: x}, {name: a, exit: y}]", {"steps[1].name"}),
        ("[{name: end, exit: x}]", {"steps[0].name"}),
        ("[{name: a, exit: x}, {name: b, exit: y}]", {"steps[1]"}),
        ("[{name: a, go_to: b}, {name: b, go_to: a}]", {"steps[0]"}),
        ("[{name: a, delay: 1 hour}, {name: b, go_to: a}]", set()),
        ("[{name: a, split: [{name: x, share: 0.5}, {name: y, share: 0.4}]}]", {"steps[0].split"}),
        ("[{name: a, split: [{name: x, share: 0.5}, {name: x, share: 0.5}]}]", {"steps[0].split"}),
        ("[{name: a, wait: {for: [], at_most: 1 day}}]", {"steps[0].wait.for"}),
        ("[{name: a, wait: {for: {event: x}, at_most: 1 second}}]", {"steps[0].wait.at_most"}),
        ("[{name: a, update: {}}]", {"steps[0].update"}),
        ("[{name: a, message: {channel: post, template: x, colour: red}}]",
         {"steps[0].message.channel", "steps[0].message.colour"}),
        ("[{name: a}]", {"steps[0]"}),
    ],
)  # fmt: skip
def test_what_is_wrong_with_steps_is_told_with_its_place(steps: str, faults: set[str]) -> None:
    body: dict[str, Any] = {"entry": {"api": True}, "steps": yaml.safe_load(steps)}
    if not faults:
        Journey.from_body("x", body)
        return
    with pytest.raises(DefinitionError) as raised:
        Journey.from_body("x", body)
    assert {place for place, _ in raised.value.faults} == faults


def test_loops_that_meet_are_found_once_each() -> None:
    text = """
      - {name: a, branch: [{when: x, next: b}, {when: y, next: c}], otherwise: end}
      - {name: b, go_to: a}
      - {name: c, go_to: a}
    """
    with pytest.raises(DefinitionError) as raised:
        Journey.from_body("x", {"entry": {"api": True}, "steps": yaml.safe_load(text)})
    assert sorted(told.split(": ")[1].split(";")[0] for _, told in raised.value.faults) == ["a → b → a", "a → c → a"]
    assert restless(()) == []
