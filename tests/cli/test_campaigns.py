"""Campaigns and files of definitions on the command line."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ethogram.cli.exits import ExitCode
from ethogram.collecting import open_ledger
from ethogram.store import definitions

if TYPE_CHECKING:
    from cli.conftest import Ethogram

HELLO = {"channel": "email", "subject": "Hi", "text": "Hi {{ first_name | default: 'you' }}"}
CALLED = "channel: email\ntemplate: hello\nwhen: {api: true}\n"
FILE = f"""
segments:
  buyers: did(purchase)
campaigns:
  shipped:
    {CALLED.replace(chr(10), chr(10) + "    ")}
"""


@pytest.fixture
def at(shop: Path) -> Path:
    ledger = open_ledger(shop)
    with ledger.database.writing() as connection:
        definitions.save(connection, "template", "hello", HELLO, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    ledger.close()
    (shop / "file.yaml").write_text(FILE)
    return shop


def answered(command: Ethogram, *args: str, **more: Any) -> str:
    result = command(*args, **more)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.usefixtures("at")
def test_files_are_planned_applied_and_printed_again(command: Ethogram) -> None:
    planned = answered(command, "plan", "file.yaml")
    assert "segment buyers" in planned
    assert "2 people" in planned
    assert "+  buyers: did(purchase)" in planned
    assert json.loads(answered(command, "segments", "--json")) == []
    assert "campaign shipped  new version 1" in answered(command, "apply", "file.yaml")
    again = json.loads(answered(command, "apply", "file.yaml", "--json"))
    assert {each["state"] for each in again} == {"same"}
    Path("again.yaml").write_text(answered(command, "dump"))
    assert {each["state"] for each in json.loads(answered(command, "plan", "again.yaml", "--json"))} == {"same"}
    assert answered(command, "dump", "--kind", "segment") == "segments:\n  buyers: did(purchase)\n"


@pytest.mark.usefixtures("at")
def test_a_file_with_faults_is_refused_with_all_of_them(command: Ethogram) -> None:
    Path("wrong.yaml").write_text(FILE.replace("hello", "helo").replace("email", "mail").replace("did(", "did"))
    result = command("apply", "wrong.yaml")
    assert result.exit_code == ExitCode.USER_ERROR
    for told in ("wrong.yaml: segments.buyers", "campaigns.shipped.channel", "it is one of email"):
        assert told in result.stderr
    assert command("dump", "--kind", "segmint").exit_code == ExitCode.USAGE
    assert command("plan", "none.yaml").exit_code == ExitCode.USAGE


@pytest.mark.usefixtures("at")
def test_a_campaign_is_saved_started_called_stopped_and_removed(command: Ethogram) -> None:
    assert "version 1" in answered(command, "campaigns", "save", "shipped", "-", input=CALLED)
    assert "says this already" in answered(command, "campaigns", "save", "shipped", "-", input=CALLED)
    assert "shipped  draft" in answered(command, "campaigns", "list")
    refused = command("campaigns", "trigger", "shipped", "--to", "ann")
    assert refused.exit_code == ExitCode.USER_ERROR
    assert "not under way" in refused.stderr
    assert "active" in answered(command, "campaigns", "start", "shipped")
    call = ("campaigns", "trigger", "shipped", "--to", "ann", "--data", '{"order": 7}', "--key", "order-7")
    assert "1 recipient" in answered(command, *call)
    assert "made before" in answered(command, *call)
    people = '[{"profile_id": "bob", "data": {"order": 8}}]'
    taken = json.loads(
        answered(command, "campaigns", "trigger", "shipped", "--recipients", "-", "--json", input=people)
    )
    assert (taken["new"], taken["launch"]["recipients"]) == (True, json.loads(people))
    assert "order-7" in answered(command, "campaigns", "launches", "shipped")
    shown = answered(command, "campaigns", "show", "shipped")
    assert "channel: email" in shown
    assert "planned" in shown
    assert "stopped: a typo" in answered(command, "campaigns", "stop", "shipped", "--reason", "a typo")
    assert "active" in answered(command, "campaigns", "resume", "shipped")
    assert command("campaigns", "remove", "shipped").exit_code == ExitCode.USAGE
    assert "finished" in answered(command, "campaigns", "finish", "shipped")
    assert len(json.loads(answered(command, "campaigns", "versions", "shipped", "--json"))) == 1
    answered(command, "campaigns", "remove", "shipped")
    assert command("campaigns", "show", "shipped").exit_code == ExitCode.USER_ERROR


@pytest.mark.usefixtures("at")
@pytest.mark.parametrize("args", [("--data", "{"), ("--data", "[]"), ("--recipients", "-")])
def test_what_is_no_json_is_refused(command: Ethogram, args: tuple[str, str]) -> None:
    answered(command, "campaigns", "save", "shipped", "-", input=CALLED)
    result = command("campaigns", "trigger", "shipped", "--to", "ann", *args, input="{}")
    assert result.exit_code == ExitCode.USAGE
    assert "JSON" in result.stderr


@pytest.mark.usefixtures("at")
def test_a_template_is_saved_shown_and_not_removed_while_it_is_used(command: Ethogram) -> None:
    hello = "channel: sms\ntext: |\n  Hi {{ first_name | default: 'you' }}!\ndescription: A greeting\n"
    assert "version 2" in answered(command, "templates", "save", "hello", "-", input=hello)
    assert "A greeting" in answered(command, "templates", "list")
    assert "Hi {{ first_name" in answered(command, "templates", "show", "hello")
    assert [each["version"] for each in json.loads(answered(command, "templates", "versions", "hello", "--json"))] == [
        1,
        2,
    ]
    refused = command("templates", "save", "hello", "-", input=hello.replace("}}", "}"))
    assert (refused.exit_code, "text: " in refused.stderr) == (ExitCode.USER_ERROR, True)
    answered(command, "campaigns", "save", "shipped", "-", input=CALLED)
    refused = command("templates", "remove", "hello")
    assert (refused.exit_code, "campaign `shipped`" in refused.stderr) == (ExitCode.USER_ERROR, True)
    answered(command, "campaigns", "remove", "shipped")
    answered(command, "templates", "remove", "hello")
    assert json.loads(answered(command, "templates", "list", "--json")) == []


@pytest.mark.usefixtures("at")
def test_what_a_campaign_would_send_and_what_it_did_are_shown(command: Ethogram) -> None:
    once = CALLED.replace("api", "now") + "holdout: 50%\nconversion: {event: purchase, within: 1 day}\n"
    answered(command, "campaigns", "save", "once", "-", input=once)
    shown = answered(command, "campaigns", "dry-run", "once")
    assert "3 people are meant" in shown
    assert "3 unreachable: " in shown
    told = json.loads(answered(command, "campaigns", "dry-run", "once", "--json"))
    assert (told["audience"], told["eligible"], told["refused"]) == (3, 0, {"unreachable": 3})
    assert "nothing was sent yet" in command("campaigns", "report", "once").stderr
    assert json.loads(answered(command, "campaigns", "report", "once", "--json"))["variants"] == []
    assert command("campaigns", "report", "nonesuch").exit_code == ExitCode.USER_ERROR
    assert command("campaigns", "dry-run", "nonesuch").exit_code == ExitCode.USER_ERROR
