"""The contract that every ledger database keeps."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from ethogram.errors import LedgerError, SettingError, UnknownNameError, UserError
from ethogram.store import tables
from ethogram.store.ledger import Ledger, SavedSegment, SegmentDraft, SizeFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = dt.datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)


def save(ledger: Ledger, name: str, text: str | None, now: dt.datetime = NOW, **more: Any) -> SavedSegment:
    actor = more.pop("actor", "local")
    draft = SegmentDraft(name, text=text, tree={"text": text}, english=f"People with {text}", **more)
    return ledger.save_segment(draft, now, actor)


def test_a_saved_segment_comes_back_as_it_was(ledger: Ledger) -> None:
    saved = save(ledger, 'vip "1"; 🎉', "a = 'ö''x'\n", description="The best ☂")
    assert ledger.segment('vip "1"; 🎉') == saved
    assert (saved.version, saved.created_at, saved.tree) == (1, NOW, {"text": "a = 'ö''x'\n"})
    assert saved.created_at.tzinfo is dt.UTC
    assert ledger.segments() == (saved,)


def test_saving_an_unchanged_text_makes_no_version(ledger: Ledger) -> None:
    first = save(ledger, "vip", "a")
    assert save(ledger, "vip", "a", LATER) == first
    second = save(ledger, "vip", "b", LATER)
    assert (second.version, second.number, second.created_at) == (2, first.number, LATER)
    assert ledger.segment("vip", 1) == first
    assert [each.version for each in ledger.versions("vip")] == [1, 2]
    assert ledger.segments() == (second,)


def test_a_description_alone_changes_without_a_version(ledger: Ledger) -> None:
    save(ledger, "vip", "a", description="old")
    assert save(ledger, "vip", "a", description="new").description == "new"
    assert ledger.segment("vip").version == 1
    assert save(ledger, "vip", "a").description == "new"


def test_a_static_segment_gets_a_version_at_every_save(ledger: Ledger) -> None:
    for version in (1, 2):
        saved = ledger.save_segment(SegmentDraft("list", text=None, tree=None, english="A list", static=True), NOW)
        assert (saved.version, saved.static, saved.text, saved.tree) == (version, True, None, None)


def test_a_deleted_segment_is_gone_and_its_number_is_never_used_again(ledger: Ledger) -> None:
    first = save(ledger, "vip", "a")
    assert ledger.delete_segment("vip", NOW) == first
    assert ledger.segments() == ()
    assert not ledger.has_segment("vip")
    with pytest.raises(UnknownNameError):
        ledger.delete_segment("vip", NOW)
    again = save(ledger, "vip", "a")
    assert again.version == 1
    assert again.number != first.number


def test_an_unknown_name_is_told_with_the_nearest(ledger: Ledger) -> None:
    save(ledger, "champions", "a")
    with pytest.raises(UnknownNameError) as caught:
        ledger.segment("champion")
    assert caught.value.hint == "Did you mean `champions`?"
    with pytest.raises(UnknownNameError, match="no version 7"):
        ledger.segment("champions", 7)


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "a\ud800b"])
def test_a_name_that_cannot_be_kept_is_refused(ledger: Ledger, name: str) -> None:
    with pytest.raises(UserError):
        save(ledger, name, "a")


def test_a_run_goes_through_its_phases_and_is_found_until_it_is_done(ledger: Ledger) -> None:
    segment = save(ledger, "vip", "a")
    assert ledger.unfinished_run() is None
    assert ledger.last_run() is None
    run = ledger.start_run(NOW, LATER)
    assert (run.phase, run.as_of, run.started_at, run.finished_at) == ("planned", NOW, LATER, None)
    assert ledger.advance_run(run.id, "changed").phase == "changed"
    with pytest.raises(ValueError, match="cannot go back"):
        ledger.advance_run(run.id, "evaluated")
    assert ledger.unfinished_run() == ledger.advance_run(run.id, "changed")
    for _ in range(2):  # killed after this transaction, a run finishes again
        done = ledger.finish_run(run.id, 10, 12.5, [SizeFound(segment.number, 1, 4, 4, 0)], LATER)
    assert (done.phase, done.population, done.milliseconds) == ("done", 10, 12.5)
    assert ledger.unfinished_run() is None
    assert ledger.last_run() == done
    (size,) = ledger.sizes("vip")
    assert (size.run, size.as_of, size.size, size.entered, size.left, size.version) == (run.id, NOW, 4, 4, 0, 1)
    assert ledger.sizes_of_run(run.id) == {segment.number: size}


def test_settings_hold_any_json(ledger: Ledger) -> None:
    assert ledger.setting("vocabulary") is None
    values: list[Any] = [{"purchase": ["Order Completed", None, 1.5, True]}, "text", 3, [], None]
    for value in values:
        ledger.set_setting("vocabulary", value)
        assert ledger.setting("vocabulary", "nothing") == value


def test_what_was_done_is_in_the_audit_log(ledger: Ledger) -> None:
    save(ledger, "vip", "a", actor="ada")
    ledger.record(actor="bo", verb="rebuild", object="warehouse", detail={"rows": 3}, now=LATER)
    newest, oldest = ledger.audit()
    assert (newest.actor, newest.verb, newest.detail, newest.at) == ("bo", "rebuild", {"rows": 3}, LATER)
    assert (oldest.actor, oldest.verb, oldest.object) == ("ada", "save", "segment:vip")


def test_batches_wait_in_order_until_they_are_stored(ledger: Ledger) -> None:
    ledger.start_load("l", digest="d", kind="events", source="a.csv", reading={"mapping": {}}, now=NOW)
    for ordinal in (2, 0, 1):
        batch = ledger.accept_batch(
            f"b{ordinal}", kind="events", load="l", ordinal=ordinal, file=f"b{ordinal}.parquet", sha256="0", rows=5,
            rejected=1, duplicates=2, first_at=NOW, last_at=LATER, now=NOW,
        )  # fmt: skip
        assert batch.state == "accepted"
    assert [batch.id for batch in ledger.waiting_batches()] == ["b2", "b0", "b1"]
    ledger.mark_stored("b0", LATER)
    assert [batch.id for batch in ledger.waiting_batches()] == ["b2", "b1"]
    assert [batch.id for batch in ledger.batches(load="l", state="stored")] == ["b0"]
    done = ledger.finish_load("l", counted=["events"], rejects_file=None, now=LATER)
    assert (done.accepted, done.rejected, done.duplicates, done.state) == (15, 3, 6, "done")
    assert ledger.loads_of("d", "events") == (done,)
    assert ledger.loads_of("d", "profiles") == ()


def test_accepting_a_batch_again_changes_nothing(ledger: Ledger) -> None:
    ledger.start_load("l", digest="d", kind="events", source="a.csv", reading={}, now=NOW)
    first, again = (
        ledger.accept_batch(
            "b", kind="events", load="l", ordinal=0, file="b", sha256="0", rows=rows, rejected=0, duplicates=0,
            first_at=None, last_at=None, now=NOW,
        )
        for rows in (5, 6)
    )  # fmt: skip
    assert first == again
    assert len(ledger.batches()) == 1


def test_a_naive_instant_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError):
        ledger.start_run(NOW.replace(tzinfo=None), NOW)


def test_what_was_written_is_there_after_closing(ledger_url: str) -> None:
    with Ledger(ledger_url) as ledger:
        saved = save(ledger, "vip", "a")
    with Ledger(ledger_url) as ledger:
        assert ledger.segments() == (saved,)


def test_threads_save_one_segment_without_losing_a_version(ledger: Ledger) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda at: save(ledger, "vip", f"text {at}"), range(12)))
    versions = ledger.versions("vip")
    assert [each.version for each in versions] == list(range(1, 13))
    assert {each.text for each in versions} == {f"text {at}" for at in range(12)}


_OPEN_AND_SAVE = """
import datetime, sys
from ethogram.store.ledger import Ledger, SegmentDraft
with Ledger(sys.argv[1]) as ledger:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    ledger.save_segment(SegmentDraft(sys.argv[2], text="a", tree={}, english=""), now)
"""


def test_processes_may_open_a_new_ledger_at_once(ledger_url: str) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", _OPEN_AND_SAVE, ledger_url, f"segment {at}"], stderr=subprocess.PIPE)
        for at in range(2)
    ]
    for process in processes:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said.decode()
    with Ledger(ledger_url) as ledger:
        assert len(ledger.segments()) == 2


def test_a_newer_ledger_is_refused_and_left_alone(ledger_url: str) -> None:
    with Ledger(ledger_url) as ledger:
        save(ledger, "vip", "a")
        with ledger.database.writing() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match="newer Ethogram") as caught:
        Ledger(ledger_url)
    assert "Update Ethogram" in str(caught.value)


def test_migrations_arrive_at_the_tables_that_the_code_uses(ledger: Ledger) -> None:
    with ledger.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, tables.metadata) == []
        assert context.get_current_revision() == tables.HEAD


def test_sqlite_survives_a_power_cut_by_its_settings(tmp_path: Path) -> None:
    with Ledger(f"sqlite:///{tmp_path / 'new' / 'ledger.db'}") as ledger, ledger.database.reading() as connection:
        asked = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in
                 ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}  # fmt: skip
    assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}


def test_a_ledger_in_memory_serves_one_process() -> None:
    with Ledger("sqlite://") as ledger:
        assert save(ledger, "vip", "a").number == 1
        assert ledger.has_segment("vip")


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "nonsense", "", "/a/file.db"])
def test_an_address_of_another_kind_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(SettingError) as caught:
        Ledger(url)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_bytes(b"this is no database, only text " * 100)
    with pytest.raises(LedgerError, match="not a database"):
        Ledger(f"sqlite:///{file}")


def test_each_change_to_the_segments_makes_another_revision(ledger: Ledger) -> None:
    changes: list[Callable[[], object]] = [
        lambda: save(ledger, "vip", "a"),
        lambda: save(ledger, "vip", "b"),
        lambda: save(ledger, "vip", "b", description="d"),
        lambda: ledger.delete_segment("vip", NOW),
    ]
    seen = [ledger.segments_revision()]
    for change in changes:
        change()
        seen.append(ledger.segments_revision())
    assert len(set(seen)) == len(seen)
    with pytest.raises(UnknownNameError):
        ledger.delete_segment("vip", NOW)
    assert ledger.segments_revision() == seen[-1]


def test_threads_that_save_at_once_are_all_counted(ledger: Ledger) -> None:
    before = ledger.segments_revision()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: save(ledger, f"segment {number}", "a"), range(12)))
    assert ledger.segments_revision() - before == 12
