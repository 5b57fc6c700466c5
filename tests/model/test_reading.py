"""A document's faults come back all at once, each with its place."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.errors import DefinitionError
from ethogram.model.reading import Part, length_of, length_text, read


def _reader(top: Part) -> dict[str, Any]:
    inner = top.part("audience")
    return {
        "name": top.text("name"),
        "channel": top.text("channel", one_of=("email", "sms")),
        "wait": top.length("wait", None),
        "share": top.share("share", 0.0),
        "at": top.local_time("at", None),
        "starts": top.instant("starts", None),
        "people": inner.texts("segments"),
        "steps": [each.whole("number", least=1, most=9) for each in top.parts("steps", ())],
        "urgent": top.flag("urgent", default=False),
    }


def test_a_right_document_is_read() -> None:
    body = {
        "name": "spring", "channel": "sms", "wait": "1 day 12 hours", "share": "10%", "at": "09:30",
        "starts": "2026-03-01T09:00:00+01:00", "audience": {"segments": "vip"}, "steps": [{"number": 3}],
        "urgent": True,
    }  # fmt: skip
    assert read("campaign `spring`", body, _reader) == {
        "name": "spring", "channel": "sms", "wait": dt.timedelta(hours=36), "share": 0.1, "at": dt.time(9, 30),
        "starts": dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC), "people": ("vip",), "steps": [3], "urgent": True,
    }  # fmt: skip


def test_all_faults_are_told_with_their_places() -> None:
    body = {
        "chanel": "email", "channel": "emial", "wait": "soon", "share": 3, "at": "25:00", "starts": "2026-03-01",
        "audience": {"segments": [1], "x": 1}, "steps": [{"number": 0}, {"numbr": 1}, 7], "urgent": "yes",
    }  # fmt: skip
    with pytest.raises(DefinitionError) as caught:
        read("campaign `spring`", body, _reader)
    faults = dict(caught.value.faults)
    assert set(faults) == {
        "name", "channel", "wait", "share", "at", "starts", "audience.segments", "steps[0].number", "steps[1].number",
        "steps[2]", "steps[2].number", "urgent", "chanel", "audience.x", "steps[1].numbr",
    }  # fmt: skip
    assert faults["channel"] == "cannot be `emial`; it is one of email, sms; did you mean `email`?"
    assert faults["chanel"] == "is unknown here; did you mean `channel`?"
    assert "campaign `spring` has 15 faults" in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["name", "channel", "wait", "share", "at", "starts", "audience", "steps", "urgent", "?"]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_the_document_it_is_read_or_refused_with_faults(body: object) -> None:
    with contextlib.suppress(DefinitionError):  # any other error fails
        read("it", body, _reader)


@given(st.integers(0, 3_000_000))
def test_a_length_comes_back_from_its_text(seconds: int) -> None:
    length = dt.timedelta(seconds=seconds)
    assert length_of(length_text(length)) == length
