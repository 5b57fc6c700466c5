"""Keys on the command line, beside a server or not; and the settings that are numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ethogram as eg
from cli.conftest import Ethogram
from ethogram import config
from ethogram.errors import SettingError


def test_a_key_is_shown_once_listed_by_its_beginning_and_revoked(command: Ethogram, tmp_path: Path) -> None:
    shop = str(tmp_path / "shop")
    # The warehouse is held, as by a running server.
    with eg.init(shop):
        added = command("-w", shop, "keys", "add", "--scope", "read", "--label", "web", "--json")
        assert added.exit_code == 0, added.output
        value = json.loads(added.output)["value"]
        listed = command("-w", shop, "keys", "list")
        assert value not in listed.output
        assert value[:4] in listed.output
        assert command("-w", shop, "keys", "revoke", "1").exit_code == 0
        assert json.loads(command("-w", shop, "keys", "list", "--json").output)[0]["revoked_at"]
        assert command("-w", shop, "keys", "revoke", "9").exit_code == 1


def test_a_given_key_is_taken_over_and_no_second_time(command: Ethogram, tmp_path: Path) -> None:
    shop = str(tmp_path / "shop")
    eg.init(shop).close()
    assert command("-w", shop, "keys", "add", "--value", "wk_demo").output.startswith("wk_demo\n")
    assert command("-w", shop, "keys", "add", "--value", "wk_demo").exit_code == 1


def test_serving_a_workspace_that_another_process_holds_is_refused(command: Ethogram, tmp_path: Path) -> None:
    shop = str(tmp_path / "shop")
    with eg.init(shop):
        assert command("-w", shop, "serve", "--port", "0").exit_code == 4


def test_settings_that_are_numbers_come_from_the_file_and_the_environment(tmp_path: Path) -> None:
    eg.init(tmp_path, timezone="UTC").close()
    file = tmp_path / "ethogram.toml"
    assert "keep_days" not in file.read_text()
    file.write_text(file.read_text() + "keep_days = 7\n")
    assert config.read(tmp_path, {}).keep_days == 7
    assert config.read(tmp_path, {"ETHOGRAM_KEEP_DAYS": "9"}).keep_days == 9
    config.write(tmp_path, config.read(tmp_path, {}))
    assert config.read(tmp_path, {}).keep_days == 7
    for wrong in ("0", "-1", '"x"', "true", "1.5"):
        file.write_text(f"keep_days = {wrong}\n")
        with pytest.raises(SettingError, match="keep_days"):
            config.read(tmp_path, {})
    with pytest.raises(SettingError, match="keep_days"):
        config.read(tmp_path, {"ETHOGRAM_KEEP_DAYS": "many"})
