"""The team on the command line, beside a server or not."""

from __future__ import annotations

import json
from pathlib import Path

import ethogram as eg
from cli.conftest import Ethogram
from ethogram.team import Team

PASSWORD = "correct horse battery"


def test_the_first_link_is_printed_while_nobody_has_an_account(command: Ethogram, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    # The warehouse is held, as by a running server.
    with eg.init(shop):
        told = command("-w", str(shop), "team", "link", "--url", "https://e.shop.example")
        assert told.output.startswith("https://e.shop.example/console/welcome/")
        with Team(shop) as team:
            team.accept(told.output.strip().rpartition("/")[2], "ada@shop.example", "Ada", PASSWORD)
        refused = command("-w", str(shop), "team", "link")
        assert refused.exit_code == 1
        assert "there are users already" in refused.output


def test_somebody_is_invited_listed_and_kept_out(command: Ethogram, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    eg.init(shop).close()
    with Team(shop) as team:
        team.accept(team.first_token() or "", "ada@shop.example", "Ada", PASSWORD)
        invited = command("-w", str(shop), "team", "invite", "--role", "marketer", "--json")
        team.accept(json.loads(invited.output)["link"].rpartition("/")[2], "ben@shop.example", "Ben", PASSWORD)
    assert command("-w", str(shop), "team", "role", "2", "analyst").exit_code == 0
    assert command("-w", str(shop), "team", "disable", "2").exit_code == 0
    listed = json.loads(command("-w", str(shop), "team", "list", "--json").output)
    assert [(each["email"], each["role"], bool(each["disabled_at"])) for each in listed] == [
        ("ada@shop.example", "admin", False), ("ben@shop.example", "analyst", True),
    ]  # fmt: skip
    assert "cannot sign in" in command("-w", str(shop), "team", "list").output
    assert command("-w", str(shop), "team", "enable", "2").exit_code == 0
    assert command("-w", str(shop), "team", "disable", "1").exit_code == 1
