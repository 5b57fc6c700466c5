"""Real data: segments over Online Retail have exactly the people whom DuckDB finds with SQL written by hand."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest

import ethogram
from data.conftest import DATA

NEWEST = dt.datetime(2011, 12, 9, 12, 50, tzinfo=dt.UTC)

# Each segment with the condition that a DuckDB user would write; `timestamp` is local as in the file, `utc` is not.
SEGMENTS = {
    "count(purchase) >= 100": "count(*) filter (event = 'purchase') >= 100",
    "distinct(purchase.invoice_no) >= 10": "count(distinct invoice_no) filter (event = 'purchase') >= 10",
    "did(return)": "count(*) filter (event = 'return') > 0",
    "did(purchase) and not did(purchase in last 180 days)": (
        "count(*) filter (event = 'purchase') > 0"
        " and count(*) filter (event = 'purchase' and utc > {now} - interval 180 days) = 0"
    ),
    "sum(purchase.quantity in last 90 days) > 1000": (
        "coalesce(sum(quantity) filter (event = 'purchase' and utc > {now} - interval 90 days), 0) > 1000"
    ),
    "sum(purchase.amount) > 2500": "coalesce(sum(amount) filter (event = 'purchase'), 0) > 2500",
    "median(purchase.quantity) >= 12": "median(quantity) filter (event = 'purchase') >= 12",
    "max(purchase.unit_price) > 50": "max(unit_price) filter (event = 'purchase') > 50",
    "last(purchase) before 100 days ago": "max(utc) filter (event = 'purchase') < {now} - interval 100 days",
    "first(purchase) in last 30 days": "min(utc) filter (event = 'purchase') > {now} - interval 30 days",
    "active_days(purchase) >= 12": "count(distinct timestamp::date) filter (event = 'purchase') >= 12",
    "count(purchase where country = 'France' and quantity > 10) >= 5": (
        "count(*) filter (event = 'purchase' and country = 'France' and quantity > 10) >= 5"
    ),
    "count(purchase where description ~contains 'christmas' in previous month) > 3": (
        "count(*) filter (event = 'purchase' and contains(lower(description), 'christmas')"
        " and timestamp >= '2011-11-01' and timestamp < '2011-12-01') > 3"
    ),
    "count(any between 2011-03-01 and 2011-03-31) > 0": (
        "count(*) filter (timestamp >= '2011-03-01' and timestamp < '2011-04-01') > 0"
    ),
}


@pytest.fixture(scope="module")
def shop() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    # British summer time of 2011; the shop was closed at the hours when clocks changed.
    connection.execute(
        "create view shop as select *, timestamp - to_hours(if(timestamp between '2011-03-27 02:00' and"
        f" '2011-10-30 02:00', 1, 0)) as utc from '{DATA / 'online_retail.parquet'}'"
    )
    return connection


def _expected(shop: duckdb.DuckDBPyConnection, having: str, now: dt.datetime) -> set[str]:
    instant = f"timestamp '{now:%Y-%m-%d %H:%M:%S}'"
    sql = f"select profile_id from shop where utc <= {instant} group by profile_id having {having.format(now=instant)}"
    return {row[0] for row in shop.execute(sql).fetchall()}


def test_every_row_is_loaded(online_retail: ethogram.Workspace) -> None:
    status = online_retail.status()
    assert (status.events, status.profiles) == (406_829, 4_372)
    assert online_retail.now() == NEWEST


@pytest.mark.parametrize("text", SEGMENTS)
def test_a_segment_has_the_people_that_hand_written_sql_finds(
    online_retail: ethogram.Workspace, shop: duckdb.DuckDBPyConnection, text: str
) -> None:
    expected = _expected(shop, SEGMENTS[text], NEWEST)
    assert expected, "a comparison with nobody proves nothing"
    assert set(online_retail.members(text).column("profile_id").to_pylist()) == expected
    assert online_retail.preview(text).count == len(expected)


@pytest.mark.parametrize("text", [text for text in SEGMENTS if "month" not in text and "between" not in text])
def test_at_a_past_instant_later_events_do_not_exist(
    online_retail: ethogram.Workspace, shop: duckdb.DuckDBPyConnection, text: str
) -> None:
    at = dt.datetime(2011, 7, 1, 12, 30, tzinfo=dt.UTC)
    expected = _expected(shop, SEGMENTS[text], at)
    assert set(online_retail.members(text, as_of=at).column("profile_id").to_pylist()) == expected


def test_the_best_tenth_has_everybody_at_the_cut_off(
    online_retail: ethogram.Workspace, shop: duckdb.DuckDBPyConnection
) -> None:
    sql = """
      with spent as (select profile_id, sum(quantity) filter (event = 'purchase') as m from shop group by all),
      ranked as (select *, row_number() over (order by coalesce(m, 0) desc) as place, count(*) over () as n from spent)
      select profile_id from ranked
      where coalesce(m, 0) >= (select min(coalesce(m, 0)) from ranked where place <= ceil(0.1 * n))
    """
    expected = {row[0] for row in shop.execute(sql).fetchall()}
    found = online_retail.members("top(10%, sum(purchase.quantity))").column("profile_id").to_pylist()
    assert set(found) == expected


def test_the_templates_that_fit_find_people(online_retail: ethogram.Workspace) -> None:
    applied = online_retail.apply_ready()
    saved = {each.name for each in applied if each.segment is not None}
    assert {"one-time-buyers", "repeat-buyers", "rfm-champions", "rfm-lost", "lapsed-buyers"} <= saved
    assert all(each.reason for each in applied if each.segment is None)
    sizes = {size.name: size for size in online_retail.run().segments}
    assert all(0 <= sizes[name].size <= 4_372 for name in saved if name in sizes)
    assert sizes["repeat-buyers"].size + sizes["one-time-buyers"].size < 4_372
    assert sum(sizes[name].size for name in saved if name.startswith("rfm-")) > 4_000
