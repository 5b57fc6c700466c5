"""Consents, suppressions and devices on the command line."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ethogram.cli.exits import ExitCode
from ethogram.collecting import open_ledger
from ethogram.model.message import Channel
from ethogram.store import devices

if TYPE_CHECKING:
    from cli.conftest import Ethogram

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def answered(command: Ethogram, *args: str, code: int = 0) -> str:
    result = command(*args)
    assert result.exit_code == code, result.output
    return result.output


def told(command: Ethogram, *args: str) -> Any:
    return json.loads(command(*args, "--json").stdout)


def test_consents_are_said_shown_and_imported(command: Ethogram, shop: Path) -> None:
    (shop / "news.yaml").write_text("needs: double_opt_in\n")
    answered(command, "topics", "save", "news", str(shop / "news.yaml"))
    assert "nothing was said" in answered(command, "consents", "show", "ann")
    text = answered(command, "consents", "set", "ann", "--channel", "email", "--topic", "news", "--yes")
    assert "email / news  yes  cli" in text
    assert "asks for the second yes" in text
    answered(command, "consents", "set", "ann", "--channel", "sms", "--no", "--source", "a\x1b[31mcall",
             code=ExitCode.USER_ERROR)  # fmt: skip
    answered(command, "consents", "set", "ann", "--channel", "sms", "--no", "--at", "2026-01-01T00:00:00Z")
    answered(command, "consents", "set", "ann", "--channel", "email", "--topic", "news", "--yes", "--confirmed")
    held = told(command, "consents", "show", "ann")
    said = [(each["channel"], each["subscribed"], each["confirmed"]) for each in held]
    assert said == [("email", True, True), ("sms", False, False)]
    assert len(told(command, "consents", "history", "ann")) == 3
    assert "yes, confirmed" in answered(command, "consents", "history", "ann")
    (shop / "c.csv").write_text("profile_id,channel,subscribed\nbob,email,no\nbob,smoke,no\n")
    text = answered(command, "consents", "import", str(shop / "c.csv"), code=ExitCode.REJECTS)
    assert "1 choices are written down" in text
    assert "line 3: `channel` cannot be `smoke`" in text
    answered(command, "consents", "set", "ann", "--channel", "email", code=ExitCode.USAGE)
    answered(
        command, "consents", "set", "ann", "--channel", "email", "--topic", "no", "--yes", code=ExitCode.USER_ERROR
    )


def test_addresses_are_suppressed_and_let_go(command: Ethogram, shop: Path) -> None:
    assert "nothing is suppressed" in answered(command, "suppressions", "list")
    added = answered(command, "suppressions", "add", "Ann@Shop.example", "bob@shop.example", "--reason", "asked-us")
    assert "2 of 2" in added
    assert "ann@shop.example  asked-us, said by local" in answered(command, "suppressions", "list")
    assert told(command, "suppressions", "show", "ANN@shop.example")["reason"] == "asked-us"
    assert "there are more: --after 'ann@shop.example email'" in answered(
        command, "suppressions", "list", "--limit", "1"
    )
    (shop / "numbers.txt").write_text("+46701740605\nnone\n")
    text = answered(command, "suppressions", "import", str(shop / "numbers.txt"), "--channel", "sms")
    assert "1 added, 0 known already, 1 are no addresses" in text
    assert len(told(command, "suppressions", "list", "--channel", "sms")["suppressions"]) == 1
    assert told(command, "suppressions", "remove", "ann@shop.example")["removed"] == 1
    answered(command, "suppressions", "show", "ann@shop.example", code=ExitCode.USER_ERROR)
    text = answered(command, "suppressions", "add", "a", "b", code=ExitCode.USER_ERROR)
    assert "addresses[0]" in text
    assert "addresses[1]" in text


def test_devices_are_listed_and_end(command: Ethogram, shop: Path) -> None:
    assert "there is no device" in answered(command, "devices", "list", "ann")
    ledger = open_ledger(shop)
    with ledger.database.writing() as connection:
        id_ = devices.register(connection, "ann", Channel.PUSH, "fcm\x1b[31m", "token", NOW)
    ledger.close()
    text = answered(command, "devices", "list", "ann") + answered(command, "devices", "list", "--channel", "push")
    assert text.count(id_) == 2
    assert "\x1b" not in text
    assert "takes nothing any more" in answered(command, "devices", "remove", id_)
    assert told(command, "devices", "list") == []
    assert "removed by hand" in answered(command, "devices", "list", "ann", "--ended")
    answered(command, "devices", "remove", "dev_no", code=ExitCode.USER_ERROR)
