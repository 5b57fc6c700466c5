"""What is printed for results that are built by hand: complete, folded rather than cut, and harmless."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from ethogram.cli.catalogue import show_event, show_events
from ethogram.cli.change import show_history, show_overlap
from ethogram.cli.define import show_preview, show_saved
from ethogram.cli.health import show_findings, show_status
from ethogram.cli.load import show_summary
from ethogram.cli.output import Output
from ethogram.cli.people import show_profile, show_run
from ethogram.cli.reasons import show_explanation, show_why
from ethogram.cli.segments import show_segment, show_segments
from ethogram.model.results import (
    Catalogue,
    ConditionState,
    EventFacts,
    Evidence,
    Explanation,
    Finding,
    Health,
    HistoryPoint,
    LoadSummary,
    Overlap,
    Preview,
    ProfileView,
    PropertyFacts,
    RunReport,
    SegmentSince,
    SegmentSize,
    SegmentVersion,
    Status,
    TimelineEvent,
    Warned,
    Why,
)

AT = dt.datetime(2026, 1, 31, 12, 0, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
ZONE = ZoneInfo("Europe/Stockholm")
HOSTILE = "\x1b[31mbuy\u202e\n"
SHOWN = "\\x1b[31mbuy\\u202e\\n"
Printed = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def _flat(text: str) -> str:
    return " ".join(text.split())


def test_preview_shows_english_count_share_sample_and_warnings(capsys: Printed) -> None:
    warned = Warned("no event `purchse` was ever received", 1, 5, "did you mean `purchase`?")
    found = Preview("t", "People who bought.", 25, 1000, ("17850", HOSTILE), AT, 12.3, (warned,))
    show_preview(Output(), found, zone_name="UTC", when="2026-01-31 12:00")
    printed = capsys.readouterr()
    assert "People who bought." in printed.out
    assert "25 people of 1,000 (2.5 %)" in _flat(printed.out)
    assert f"17850, {SHOWN}" in printed.out
    assert "12 ms" in printed.out
    assert "line 1, column 5: no event `purchse`" in printed.err
    assert "did you mean `purchase`?" in printed.err


def test_a_run_lists_each_segment_with_people_share_and_change(capsys: Printed) -> None:
    sizes = (
        SegmentSize("regulars", "People who bought at least 3 times. " * 4, 120, 0.12, 30, 10, 100),
        SegmentSize("lapsing", "People who have not bought.", 7, 0.007, 7, 0, None),
        SegmentSize("same", "People.", 5, 0.005, 0, 0, 5),
    )
    show_run(Output(), RunReport(AT, 1000, sizes, 37, 10, 250.0, LATER), ZONE)
    printed = capsys.readouterr().out
    assert "+20 (+30 −10)" in printed
    assert "new" in printed
    assert "±0" in printed
    assert "3 segments over 1,000 profiles as of 2026-01-31 13:00 Europe/Stockholm" in _flat(printed)
    assert "2026-03-01 10:30:00" in printed
    assert "…" not in printed, "nothing is cut off"


def test_a_run_without_segments_says_what_to_do(capsys: Printed) -> None:
    show_run(Output(), RunReport(AT, 0, (), 0, 0, 1.0, None), ZONE)
    assert "ethogram save" in capsys.readouterr().err


def test_why_is_an_indented_tree_with_values_evidence_and_what_is_missing(capsys: Printed) -> None:
    bought = Evidence(AT, HOSTILE, {"amount": 12.5})
    conditions = (
        ConditionState("a and b", "all of", False, 0, None, None, None),
        ConditionState("a", "bought at least 3 times", True, 1, "4", LATER, None, (bought,) * 5),
        ConditionState("b", "spent over 100", False, 1, "50.0", None, "50.0 more"),
    )
    show_why(Output(), Why("regulars", "17850", False, "People who …", AT, LATER, conditions), ZONE)
    printed = capsys.readouterr().out
    assert "17850 is not in regulars" in printed
    assert "✗ all of" in printed
    assert "  ✓ bought at least 3 times  [4]" in printed
    assert "missing: 50.0 more" in printed
    assert f"{SHOWN}  amount=12.5" in printed
    assert "… and 2 more" in printed
    assert "2026-03-01 10:30:00" in printed
    assert "\x1b" not in printed


def test_explanation_prints_text_query_and_cost(capsys: Printed) -> None:
    found = Explanation(
        "did(x)", "People who x.", {}, "SELECT 1\n  FROM events", {"p": "x"}, ("x",), 20, 1000, 2_000_000
    )
    show_explanation(Output(), found, ZONE)
    printed = capsys.readouterr().out
    assert "  did(x)" in printed
    assert "    FROM events" in printed
    assert "1,000 rows, 2.0 MB read" in printed


def test_history_has_a_sparkline_and_a_row_for_each_run(capsys: Printed) -> None:
    points = tuple(HistoryPoint(AT + dt.timedelta(days=n), 1, n * 10, 10, n, "run") for n in range(5))
    show_history(Output(), "regulars", points, ZONE)
    printed = capsys.readouterr().out
    assert "▁" in printed
    assert "█" in printed
    assert printed.count("run") == 5


def test_overlap_is_a_matrix_with_shares_of_the_row(capsys: Printed) -> None:
    found = Overlap(("a", "b"), {"a": 10, "b": 5}, {("a", "b"): 4}, {("a",): 6, ("b",): 1, ("a", "b"): 4}, 11, AT)
    show_overlap(Output(), found, ZONE)
    printed = capsys.readouterr().out
    assert "4 (40.0 %)" in printed
    assert "4 (80.0 %)" in printed
    assert "a + b" in printed
    assert "11 people in at least one of them" in printed


def test_a_profile_shows_traits_segments_and_a_harmless_timeline(capsys: Printed) -> None:
    view = ProfileView(
        "17850",
        AT,
        {"country": "SE", "note": HOSTILE},
        300,
        (TimelineEvent(AT, HOSTILE, {"price": 3}),),
        (SegmentSince("regulars", AT), SegmentSince("all", None)),
        LATER,
    )
    show_profile(Output(), view, ZONE)
    printed = capsys.readouterr().out
    assert "since 2026-01-31 13:00" in printed
    assert "300 events, the newest 1" in printed
    assert SHOWN in printed
    assert "\x1b" not in printed


def test_segments_are_listed_and_shown(capsys: Printed) -> None:
    saved = SegmentVersion("regulars", 1, 2, "count(x) >= 3", "People who x.", "profile", AT, "a note", size=5)
    static = SegmentVersion("list", 2, 1, None, "People on the list.", "profile", AT, static=True)
    show_segments(Output(), (saved, static), ZONE)
    show_segment(Output(), saved, ZONE)
    show_segment(Output(), static, ZONE)
    show_saved(Output(), saved)
    printed = capsys.readouterr()
    assert "count(x) >= 3" in printed.out
    assert "a note" in printed.out
    assert "static" in printed.out
    assert "ethogram members regulars" in printed.err


def test_events_are_listed_with_properties_and_warnings(capsys: Printed) -> None:
    amount = PropertyFacts("amount", {"number": 9, "text": 1}, 0.5, 7, ("1", "2"), (("1", 4), ("2", 2)))
    event = EventFacts(HOSTILE, 10, 4, AT, LATER, (amount,), ("`amount` is number and text",))
    show_events(Output(), Catalogue((event,), (), ("clock is off",)), ZONE)
    show_event(Output(), event, ZONE)
    printed = capsys.readouterr()
    assert SHOWN in printed.out
    assert "number 90.0 %, text 10.0 %" in printed.out
    assert "1 (4), 2 (2)" in printed.out
    assert "clock is off" in printed.err


def test_status_findings_and_load_summaries_are_facts(capsys: Printed) -> None:
    show_status(Output(), Status("/w", "UTC", AT, 10, 2, 0, 1, AT, LATER, None, 3, 5_000_000), ZONE)
    show_findings(Output(), (Finding("parts", Health.BROKEN, "one is gone", "`ethogram rebuild`"),))
    summary = LoadSummary(("a.csv",), 100, 2, 1, 5, 10, 2.0, "rejects.csv", AT, LATER)
    show_summary(Output(), summary, "events", ZONE)
    printed = capsys.readouterr()
    assert "never" in printed.out
    assert "3 accepted batches" in printed.out
    assert "broken: one is gone" in printed.out
    assert "ethogram rebuild" in printed.err
    assert "100 events" in printed.out
    assert "2, written with their reasons to rejects.csv" in printed.out


def test_markup_in_names_is_no_markup(capsys: Printed) -> None:
    Output().line(("[bold]name[/bold] :smile:", "cyan"))
    assert capsys.readouterr().out == "[bold]name[/bold] :smile:\n"


def test_on_a_narrow_terminal_sentences_stand_below_the_name(capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    sentence = "People who bought at least 3 times in the last 90 days and never came back."
    show_run(
        Output(),
        RunReport(AT, 9, (SegmentSize("a-rather-long-name", sentence, 1, 0.1, 1, 1, 1),), 0, 0, 1.0, None),
        ZONE,
    )
    printed = capsys.readouterr().out
    assert all(len(line) <= 60 for line in printed.splitlines())
    assert "a-rather-long-name" in printed
    assert sentence in _flat(printed)
