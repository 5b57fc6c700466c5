"""Real sets that may not be passed on: read where they are at hand, skipped aloud where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

import ethogram

SHARED = Path(os.environ.get("ETHOGRAM_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))

# Set -> how it is loaded, and a segment with the SQL of the people whom it must have.
SETS = {
    "cdnow_transactions": (
        {"mapping": {"profile_id": "customer_id", "timestamp": "order_date"}, "event": "purchase", "timezone": "UTC"},
        "sum(purchase.quantity) >= 20 and last(purchase) since 1998-01-01",
        (
            "select customer_id::varchar from '{file}' group by 1"
            " having sum(quantity) >= 20 and max(order_date) >= timestamp '1998-01-01'"
        ),
    ),
    "rees46_sample_events": (
        {"mapping": {"profile_id": "user_id", "event": "event_type", "timestamp": "event_ts_utc"}, "timezone": "UTC"},
        "distinct(view.product_id) >= 5 and not did(purchase)",
        (
            "select user_id::varchar from '{file}' group by 1 having count(distinct product_id) filter"
            " (event_type = 'view') >= 5 and count(*) filter (event_type = 'purchase') = 0"
        ),
    ),
    "simple_shop_events": (
        {"mapping": {"profile_id": "user_id", "event": "event", "timestamp": "event_ts"}, "timezone": "UTC"},
        "did(cart) and not did(payment_done)",
        (
            "select user_id::varchar from '{file}' group by 1 having count(*) filter (event = 'cart') > 0"
            " and count(*) filter (event = 'payment_done') = 0"
        ),
    ),
}


@pytest.mark.outside
@pytest.mark.parametrize("name", SETS)
def test_a_published_set_gives_the_people_that_hand_written_sql_finds(name: str, tmp_path: Path) -> None:
    file = SHARED / f"{name}.parquet"
    if not file.exists():
        pytest.skip(f"{file.name} is not at hand; set ETHOGRAM_SHARED_DATA to the folder that has it")
    options, text, sql = SETS[name]
    with ethogram.init(tmp_path / "workspace", now="latest") as workspace:
        loaded = workspace.load_events(file, **options)  # type: ignore[arg-type]  # one dict for several signatures
        assert loaded.rejected == 0
        found = workspace.members(text).column("profile_id").to_pylist()
    expected = {row[0] for row in duckdb.execute(sql.format(file=file)).fetchall()}
    assert expected, "a comparison with nobody proves nothing"
    assert set(found) == expected
