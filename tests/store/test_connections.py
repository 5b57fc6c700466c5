"""Reading connections: as many as are wanted up to a bound, lent to one thread at a time, closed when all are back."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ethogram.errors import WarehouseError
from ethogram.store.connections import Connections
from ethogram.store.warehouse import Warehouse


class Connection:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_connections_are_used_again_and_never_more_than_the_bound() -> None:
    made: list[Connection] = []

    def connect() -> Connection:
        made.append(Connection())
        return made[-1]

    connections = Connections(connect, 2)
    with connections.lend() as first:
        pass
    with connections.lend() as again, connections.lend() as second:
        assert again is first
        assert second is not first
        waited = threading.Event()

        def third() -> None:
            with connections.lend():
                waited.set()

        thread = threading.Thread(target=third)
        thread.start()
        assert not waited.wait(0.1)
    assert waited.wait(10)
    thread.join()
    assert len(made) == 2
    connections.close()
    assert all(each.closed for each in made)
    with pytest.raises(WarehouseError), connections.lend():
        pass


def test_a_connection_that_cannot_be_opened_takes_no_place() -> None:
    def connect() -> Connection:
        raise WarehouseError("not now")

    connections = Connections(connect, 1)
    for _ in range(3):
        with pytest.raises(WarehouseError, match="not now"), connections.lend():
            pass
    connections.close()


def test_closing_waits_for_what_is_lent() -> None:
    connections = Connections(Connection, 1)
    lent, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def read() -> None:
        with connections.lend() as held:
            lent.set()
            assert go_on.wait(10)
            assert not held.closed

    def close() -> None:
        connections.close()
        closed.set()

    threads = [threading.Thread(target=read), threading.Thread(target=close)]
    threads[0].start()
    assert lent.wait(10)
    threads[1].start()
    assert not closed.wait(0.1)
    go_on.set()
    assert closed.wait(10)
    for thread in threads:
        thread.join()


def test_short_question_is_answered_while_long_ones_and_a_write_go_on(tmp_path: Path) -> None:
    warehouse = Warehouse(f"chdb://{tmp_path / 'w'}")
    ended = threading.Event()
    running = threading.Barrier(6)

    def long(write: bool) -> None:
        running.wait(30)
        sql = "SELECT count() FROM numbers(10000000000) WHERE sipHash64(number) = 1"
        try:
            if write:
                warehouse.command(f"INSERT INTO profiles (profile) {sql}", max_execution_time=3)
            else:
                warehouse.query(sql, max_execution_time=3, max_threads=1)
        except WarehouseError:
            pass  # it was stopped by its limit, which is when this test should be over
        finally:
            ended.set()

    threads = [threading.Thread(target=long, args=(number == 4,)) for number in range(5)]
    for thread in threads:
        thread.start()
    running.wait(30)
    assert warehouse.look_up("SELECT {n:UInt8} + 1", {"n": 1}) == [(2,)]
    assert not ended.is_set(), "it waited for a long question"
    for thread in threads:
        thread.join()
    warehouse.close()
