"""Sources of webhooks on the command line, beside a server or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ethogram as eg
from cli.conftest import Ethogram
from ethogram.cli.sources import _TRUSTS
from ethogram.receiving import TRUSTS

FILES = Path(__file__).parents[1] / "collect" / "webhooks"
OWN = '{"profile_id": "who", "calls": [{"event": "{kind}", "properties": {"x": "x"}}]}'


@pytest.fixture
def shop(tmp_path: Path) -> str:
    eg.init(tmp_path / "shop").close()
    return str(tmp_path / "shop")


def test_a_source_is_added_listed_shown_changed_and_removed_beside_a_server(command: Ethogram, shop: str) -> None:
    # The warehouse is held, as by a running server.
    with eg.open(shop):
        added = command("-w", shop, "sources", "add", "rows", "--mapping", "ga4", "--json")
        assert added.exit_code == 0, added.output
        secret = json.loads(added.output)["secret"]
        assert command("-w", shop, "sources", "add", "rows", "--mapping", "ga4").exit_code == 1
        assert command("-w", shop, "sources", "add", "pay", "--mapping", "stripe").exit_code == 1
        given = command(
            "-w", shop, "sources", "add", "pay", "--mapping", "stripe", "--secret-file", "-", input="a\nb\n"
        )
        assert given.exit_code == 0, given.output
        for shown in (["list"], ["list", "--json"], ["show", "rows"], ["show", "pay", "--json"]):
            told = command("-w", shop, "sources", *shown)
            assert told.exit_code == 0
            assert secret not in told.output
        assert json.loads(command("-w", shop, "sources", "show", "pay", "--json").output)["secrets"] == 2
        assert command("-w", shop, "sources", "change", "pay", "--secret", "c", "--disable").exit_code == 0
        changed = json.loads(command("-w", shop, "sources", "show", "pay", "--json").output)
        assert (changed["secrets"], changed["enabled"], changed["mapping"]) == (1, False, "stripe")
        assert command("-w", shop, "sources", "remove", "pay").exit_code == 0
        assert command("-w", shop, "sources", "remove", "pay").exit_code == 1
        assert "rows" in command("-w", shop, "sources", "list").output


def test_a_payload_is_tried_with_a_source_or_with_a_mapping(command: Ethogram, shop: str, tmp_path: Path) -> None:
    order = tmp_path / "order.json"
    order.write_text(json.dumps(json.loads((FILES / "shopify.json").read_text())["orders/paid"]))
    own = tmp_path / "own.json"
    own.write_text(OWN)
    assert command("-w", shop, "sources", "add", "orders", "--mapping", "shopify", "--secret", "s").exit_code == 0
    paid = ("--header", "X-Shopify-Topic=orders/paid")
    tried = command("-w", shop, "sources", "test", "orders", str(order), *paid, "--json")
    assert tried.exit_code == 0, tried.output
    assert json.loads(tried.output)["calls"][0]["event"] == "order_completed"
    shown = command("-w", shop, "sources", "test", "--mapping", "shopify", str(order), *paid)
    assert "order_completed" in shown.output
    assert "john@example.com" in shown.output
    hostile = '[{"who": "u\\u001b[31m", "kind": "a", "x": "\\u001b]0;t\\u0007"}, {"kind": "b"}, {}]'
    odd = command("-w", shop, "sources", "test", "--mapping-file", str(own), "-", input=hostile)
    assert odd.exit_code == 0, odd.output
    assert "\x1b" not in odd.output
    assert "would be rejected" in odd.output
    assert "1 items that the mapping has no call for" in odd.output
    for wrong in (
        ["orders"],
        ["--mapping", "shopify"],
        ["orders", "/none.json"],
        ["orders", str(order), "--header", "x"],
    ):
        assert command("-w", shop, "sources", "test", *wrong).exit_code == 2
    assert command("-w", shop, "sources", "test", "--mapping-file", str(order), str(order)).exit_code == 1


def test_ready_mappings_are_listed_and_printed_as_a_start_for_ones_own(
    command: Ethogram, shop: str, tmp_path: Path
) -> None:
    assert "stripe" in command("sources", "mappings").output
    assert set(json.loads(command("sources", "mappings", "--json").output)) >= {"stripe", "ses"}
    printed = command("sources", "mappings", "zendesk").output
    file = tmp_path / "own.toml"
    file.write_text(printed)
    added = command("-w", shop, "sources", "add", "help", "--mapping-file", str(file), "--secret", "s", "--json")
    assert json.loads(added.output)["trust"] == "zendesk"
    assert command("sources", "mappings", "nope").exit_code == 1


def test_the_command_offers_each_trust_that_there_is() -> None:
    assert set(_TRUSTS) == set(TRUSTS)
