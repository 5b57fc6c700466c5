"""`ethogram tail` beside a running server: what comes is shown, what acts on a terminal is not."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import ethogram as eg
from cli.conftest import SOURCE, Ethogram
from ethogram.collecting import Keys
from web.running import Server, workspace


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = workspace(tmp_path_factory.mktemp("tail") / "shop")
    with eg.open(place) as opened:
        opened.segments.save("buyers", "did(purchase)")
        opened.run()
    return place


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    """A server that has taken two people's events, and evaluated them."""
    with Server(place) as running:
        send(running, "ann", "visit", page="/")
        send(running, "ann", "purchase", amount=20)
        send(running, "bob", "\x1b[31mred\u202e", note="\x07")
        entered(running, 1)
        yield running


def send(server: Server, who: str, event: str, **properties: object) -> None:
    assert server.send("/v1/track", {"userId": who, "event": event, "properties": properties}).status == 200


def entered(server: Server, count: int) -> None:
    ends = time.monotonic() + 30
    while server.metric('ethogram_membership_changes_total{change="entered"}') < count:
        assert time.monotonic() < ends
        time.sleep(0.02)


def lines(command: Ethogram, place: Path, *args: str) -> list[str]:
    result = command("tail", "--no-follow", "-w", str(place), *args)
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()[1:]) for line in result.output.splitlines()]


def test_the_last_events_and_changes_in_columns(place: Path, server: Server, command: Ethogram) -> None:
    result = command("tail", "--no-follow", "-w", str(place))
    assert sorted(" ".join(line.split()[1:]) for line in result.output.splitlines()) == sorted(
        [
            "event ann visit page=/",
            "event ann purchase amount=20",
            "event bob \\x1b[31mred\\u202e note=\\x07",
            "entered ann buyers cause event",
        ]
    )
    columns = {line.index("ann") if "ann" in line else line.index("bob") for line in result.output.splitlines()}
    assert len(columns) == 1
    assert not any(character in result.output for character in "\x1b\x07\u202e")


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (("--event", "purchase", "--events-only"), ["event ann purchase amount=20"]),
        (("--changes-only",), ["entered ann buyers cause event"]),
        (("--profile", "bob"), ["event bob \\x1b[31mred\\u202e note=\\x07"]),
        (("--segment", "other", "--changes-only"), []),
        (("-n", "1", "--events-only", "--profile", "ann"), ["event ann purchase amount=20"]),
        (("-n", "0"), []),
    ],
)
def test_filters(place: Path, server: Server, command: Ethogram, options: tuple[str, ...], shown: list[str]) -> None:
    assert lines(command, place, *options) == shown


def test_json_lines(place: Path, server: Server, command: Ethogram) -> None:
    result = command("tail", "--no-follow", "--json", "-w", str(place))
    told = [json.loads(line) for line in result.output.splitlines()]
    (change,) = [each for each in told if each["type"] == "change"]
    assert (change["profile_id"], change["segment"], change["entered"]) == ("ann", "buyers", True)
    events = {each["event"]: each["content"] for each in told if each["type"] == "event"}
    assert events == {"visit": {"page": "/"}, "purchase": {"amount": 20}, "\x1b[31mred\u202e": {"note": "\x07"}}
    assert "\x1b" not in result.output


def started(place: Path, *args: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ethogram", "tail", "-w", str(place), *args],
        text=True,
        stdout=stdout,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509  # no threads here
        env={**os.environ, "PYTHONPATH": SOURCE},
    )


def test_what_comes_is_shown_at_once_until_it_is_told_to_stop(place: Path, server: Server) -> None:
    with started(place, "-n", "1", "--json") as tail:
        assert tail.stdout is not None
        tail.stdout.readline()  # it follows now
        send(server, "cy", "purchase", amount=5)
        seen = [json.loads(tail.stdout.readline()) for _ in range(2)]
        assert [(each["type"], each["profile_id"]) for each in seen] == [("event", "cy"), ("change", "cy")]
        tail.send_signal(signal.SIGINT)
        rest, errors = tail.communicate(timeout=30)
        assert (rest, errors, tail.returncode) == ("", "", 0)


def test_a_reader_that_has_seen_enough_ends_it_quietly(place: Path, server: Server) -> None:
    with started(place) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        tail.stdout.readline()
        tail.stdout.close()
        ends = time.monotonic() + 30
        while tail.poll() is None and time.monotonic() < ends:
            send(server, "ann", "visit")
            time.sleep(0.1)
        assert tail.wait(timeout=5) == 0
        assert tail.stderr.read() == ""


def test_on_a_terminal_it_is_coloured_and_cut_to_the_width(place: Path, server: Server) -> None:
    send(server, "dee", "note", text="x" * 500)
    primary, secondary = pty.openpty()
    with started(place, "--no-follow", "--event", "note", "--events-only", stdout=secondary) as tail:
        tail.wait(timeout=30)
        os.close(secondary)
    shown = os.read(primary, 10_000).decode()
    os.close(primary)
    assert "\x1b[36mevent" in shown
    assert "…" in shown
    assert shown.count("x") < 90


def test_a_server_elsewhere_tells_changes_and_is_waited_for(place: Path, server: Server) -> None:
    with Keys(place) as keys:
        keys.add("read", value="rk_tail")
    with started(place, "--url", server.url, "--key", "rk_tail", "--json", "--segment", "buyers") as tail:
        assert tail.stdout is not None
        told = None
        for who in range(200):  # from when on it follows is not known
            send(server, f"far-{who}", "purchase")
            if select.select([tail.stdout], [], [], 0.2)[0]:
                told = json.loads(tail.stdout.readline())
                break
        assert told is not None
        assert (told["type"], told["segment"], told["entered"], told["cause"]) == ("change", "buyers", True, "event")
        tail.send_signal(signal.SIGINT)
        assert (tail.communicate(timeout=30)[1], tail.returncode) == ("", 0)


def test_a_server_elsewhere_says_what_it_does_not_take(place: Path, server: Server, command: Ethogram) -> None:
    assert command("tail", "--url", server.url, "--key", "wrong").exit_code == 1
    assert "refuses" in command("tail", "--url", server.url, "--key", "wrong").output
    assert command("tail", "--url", server.url, "--event", "x").exit_code == 2
    assert "does not answer" in command("tail", "--url", "http://127.0.0.1:9").output


# The last one: it stops the server.
def test_an_edit_is_one_line(place: Path, server: Server, command: Ethogram) -> None:
    server.stop()
    with eg.open(place) as opened:
        opened.segments.save("visitors", "did(visit)")
        opened.run()
    assert lines(command, place, "--changes-only", "-n", "1") == [
        "entered 1 person visitors cause definition, version 1"
    ]
