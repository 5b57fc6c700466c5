"""Journeys on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ethogram.cli.exits import ExitCode

if TYPE_CHECKING:
    from cli.conftest import Ethogram

JOURNEY = """
entry: {event: purchase}
again: always
steps:
- {name: wait, delay: 1 day}
- {name: thanks, message: {channel: email, template: thanks}}
"""
TEMPLATE = "channel: email\nsubject: Thank you\ntext: For {{ trigger.Amount }}\n"


def answered(command: Ethogram, *args: str, **more: Any) -> str:
    result = command(*args, **more)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.usefixtures("shop")
def test_a_journey_is_saved_started_edited_and_stopped(command: Ethogram) -> None:
    refused = command("journeys", "save", "bought", "-", input=JOURNEY)
    assert (refused.exit_code, "there is no template `thanks`" in refused.stderr) == (ExitCode.USER_ERROR, True)
    answered(command, "templates", "save", "thanks", "-", input=TEMPLATE)
    assert "version 1" in answered(command, "journeys", "save", "bought", "-", input=JOURNEY)
    assert "draft" in answered(command, "journeys", "show", "bought")
    assert "active, entered in version 1" in answered(command, "journeys", "start", "bought")
    assert "nobody" in command("journeys", "runs", "bought").stderr
    told = json.loads(answered(command, "journeys", "report", "bought", "--json"))
    assert (told["name"], told["channel"], told["variants"]) == ("bought", None, [])
    assert "nothing was sent yet" in command("journeys", "report", "bought", "--step", "thanks").stderr
    refused = command("journeys", "report", "bought", "--step", "wait")
    assert (refused.exit_code, "no message or split `wait`" in refused.stderr) == (ExitCode.USER_ERROR, True)
    answered(command, "journeys", "save", "bought", "-", input=JOURNEY.replace("wait", "rest"))
    refused = command("journeys", "start", "bought", "--move", "wait=nowhere")
    assert (refused.exit_code, "has no step `nowhere`" in refused.stderr) == (ExitCode.USER_ERROR, True)
    assert "version 2" in answered(command, "journeys", "start", "bought", "--move", "wait=rest")
    assert ": a typo" in answered(command, "journeys", "stop", "bought", "--reason", "a typo")
    assert "active" in answered(command, "journeys", "resume", "bought")
    assert "closed" in answered(command, "journeys", "close", "bought")
    assert json.loads(answered(command, "journeys", "end-runs", "bought", "--json")) == {"ended": 0}
    assert command("journeys", "run", "run_none").exit_code == ExitCode.USER_ERROR
    assert command("templates", "remove", "thanks").exit_code == ExitCode.USER_ERROR  # it is used
    answered(command, "journeys", "remove", "bought")


@pytest.mark.usefixtures("shop")
def test_ready_journeys_are_listed_and_saved_in_the_words_of_the_workspace(command: Ethogram) -> None:
    names = [each["name"] for each in json.loads(answered(command, "journeys", "ready", "--json"))]
    assert {"abandoned_cart", "welcome_series", "birthday"} <= set(names)
    answered(command, "vocabulary", "set", "add_to_cart=basket", "checkout=pay", "purchase=purchase")
    saved = answered(command, "journeys", "ready", "abandoned_cart")
    assert "journey abandoned_cart  version 1" in saved
    assert "event: basket" in answered(command, "dump", "--kind", "journey")
    assert command("journeys", "ready", "nonesuch").exit_code == ExitCode.USER_ERROR


@pytest.mark.usefixtures("shop")
def test_what_a_ready_journey_speaks_of_must_be_known(command: Ethogram) -> None:
    refused = command("journeys", "ready", "subscription_renewal")
    assert refused.exit_code == ExitCode.USER_ERROR
    assert json.loads(answered(command, "journeys", "list", "--json")) == []


def test_files_may_hold_everything_at_once(shop: Path, command: Ethogram) -> None:
    indented = "".join(f"    {line}\n" for line in JOURNEY.strip().splitlines())
    template = "".join(f"    {line}\n" for line in TEMPLATE.strip().splitlines())
    text = (
        f"templates:\n  thanks:\n{template}journeys:\n  bought:\n{indented}topics:\n"
        "  news: {title: News, needs: double_opt_in, confirmation: thanks}\n"
        'caps:\n  calm: {most: 3, per: week}\nquiet_hours:\n  night: {from: "22:00", to: "08:00"}\n'
        "holdouts:\n  nobody: {share: 1%}\nsegments:\n  buyers: did(purchase)\n"
    )
    (shop / "all.yaml").write_text(text)
    done = json.loads(answered(command, "apply", "all.yaml", "--json"))
    assert [each["kind"] for each in done] == [
        "template", "topic", "cap", "quiet_hours", "holdout", "segment", "journey",
    ]  # fmt: skip
    assert {each["state"] for each in json.loads(answered(command, "apply", "all.yaml", "--json"))} == {"same"}
    (shop / "again.yaml").write_text(answered(command, "dump"))
    assert {each["state"] for each in json.loads(answered(command, "plan", "again.yaml", "--json"))} == {"same"}
    assert "News" in answered(command, "topics", "show", "news")
    assert "22:00" in answered(command, "quiet-hours", "show", "night")
