"""Answers that cost much are found once, however many ask; what is foreseen is there when somebody asks."""

from __future__ import annotations

import threading

from ethogram.web.console.kept import Kept


def test_what_is_foreseen_is_found_once_behind_the_page() -> None:
    kept, asked, may = Kept(), [], threading.Event()

    def slow() -> int:
        asked.append(threading.current_thread())
        assert may.wait(30)
        return 42

    kept.foresee("it", slow)
    kept.foresee("it", slow)
    while not asked:
        threading.Event().wait(0.001)
    threading.Timer(0.1, may.set).start()
    assert kept.get("it", lambda: 7) == 42
    assert asked != [threading.current_thread()]
    assert len(asked) == 1


def test_what_could_not_be_foreseen_is_found_when_it_is_asked_for() -> None:
    kept, failed = Kept(), threading.Event()

    def wrong() -> int:
        failed.set()
        raise OSError("no")

    kept.foresee("it", wrong)
    assert failed.wait(30)
    assert kept.get("it", lambda: 7) == 7
