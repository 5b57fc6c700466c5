"""Writes `examples/data/` from the published data sets: the same bytes of content on every machine.

Reads `online_retail.parquet` and `completejourney_*.parquet` (one folder, see `examples/README.md` for where they come
from), writes the files that the repository ships and their list with SHA-256 sums, `examples/data/MANIFEST.csv`.
Nothing is cleaned: duplicate lines, adjustments, postage and free items stay as they are. What is added is the event's
name and `amount`, quantity times price.

    python tools/prepare_examples.py FOLDER
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
from pathlib import Path

import duckdb

TARGET = Path(__file__).parent.parent / "examples" / "data"
LARGEST_TOTAL = 12_000_000

# One row for each line of an order: orders are told apart by `invoice_no`. Rows without a customer are left out: there
# is nobody to put in a segment. `quantity` and `amount` of a return are positive; the event's name says what it is.
ONLINE_RETAIL = """
select customer_id::varchar as profile_id, if(invoice_no like 'C%', 'return', 'purchase') as event,
       invoice_ts as "timestamp", invoice_no, stock_code, description, abs(quantity)::integer as quantity,
       unit_price_gbp::double as unit_price, round(abs(quantity) * unit_price_gbp, 2)::double as amount, country
from read_parquet($source) where customer_id is not null
order by profile_id, "timestamp", invoice_no, stock_code, quantity, amount, description
"""

# What the shop's own export of one week looks like: every column under the name of the original, nothing left out.
ONLINE_RETAIL_WEEK = """
select invoice_no as InvoiceNo, stock_code as StockCode, description as Description, quantity as Quantity,
       strftime(invoice_ts, '%Y-%m-%d %H:%M') as InvoiceDate, unit_price_gbp as UnitPrice, customer_id as CustomerID,
       country as Country
from read_parquet($source) where invoice_ts >= '2011-12-05' and invoice_ts < '2011-12-10'
order by invoice_ts, invoice_no, stock_code, quantity, unit_price_gbp, description
"""

# 1.5 million lines of groceries become one row for each basket, with the department that most was spent in.
BASKETS = """
with line as (
  select t.*, coalesce(p.department, 'UNKNOWN') as department
  from read_parquet($source) t left join read_parquet($products) p using (product_id)
), department as (
  select basket_id, department, sum(sales_value) as spent from line group by all
), main as (
  select basket_id, first(department order by spent desc, department) as main_department,
         count(*)::integer as departments
  from department group by basket_id
)
select household_id::varchar as profile_id, 'basket' as event, min(transaction_ts) as "timestamp",
       basket_id::varchar as basket_id, any_value(store_id)::integer as store_id,
       sum(sales_value)::double as amount, sum(quantity)::integer as quantity,
       count(distinct product_id)::integer as products, any_value(main_department) as main_department,
       any_value(departments) as departments, sum(coupon_disc + coupon_match_disc)::double as coupon_discount,
       sum(retail_disc)::double as shelf_discount
from line join main using (basket_id) group by household_id, basket_id
order by household_id, "timestamp", basket_id
"""

CAMPAIGNS = """
select household_id::varchar as profile_id, 'campaign_received' as event, start_date as "timestamp",
       campaign_id::integer as campaign_id, campaign_type, end_date::date::varchar as ends_on,
       null::varchar as coupon_upc
from read_parquet($campaigns) c join read_parquet($descriptions) d using (campaign_id)
union all
select household_id::varchar, 'coupon_redeemed', redemption_date, campaign_id::integer, campaign_type,
       end_date::date::varchar, coupon_upc::varchar
from read_parquet($redemptions) r join read_parquet($descriptions) d using (campaign_id)
order by 1, 3, 2, 4, 7
"""

HOUSEHOLDS = """
select household_id::varchar as profile_id, timestamp '2017-01-01 00:00:00' as "timestamp", age, income,
       home_ownership, marital_status, household_size, household_comp, kids_count
from read_parquet($source) order by household_id
"""


def write_parquet(connection: duckdb.DuckDBPyConnection, name: str, query: str, **sources: Path) -> Path:
    """The path of the file that holds the query's rows, in the query's order."""
    path = TARGET / name
    connection.execute("set preserve_insertion_order = true; set threads = 1")
    parameters = {key: str(value) for key, value in sources.items()}
    connection.execute(f"create or replace temp table prepared as {query}", parameters)
    connection.execute(
        f"copy prepared to '{path}' (format parquet, compression zstd, compression_level 19, row_group_size 250000)"
    )
    return path


def write_csv(connection: duckdb.DuckDBPyConnection, name: str, query: str, **sources: Path) -> Path:
    """The path of the gzipped CSV that holds the query's rows; empty fields stand for what is missing."""
    path = TARGET / name
    result = connection.execute(query, {key: str(value) for key, value in sources.items()})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column[0] for column in result.description])
    writer.writerows(result.fetchall())
    # No name and no time in the header: the bytes depend on the rows alone.
    path.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))
    return path


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path, help="where the published sets are")
    folder: Path = arguments.parse_args().folder
    journey = {
        key: folder / f"completejourney_{name}.parquet"
        for key, name in {
            "campaigns": "campaigns",
            "descriptions": "campaign_descriptions",
            "redemptions": "coupon_redemptions",
        }.items()
    }
    TARGET.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    retail = folder / "online_retail.parquet"
    written = [
        write_parquet(connection, "online_retail.parquet", ONLINE_RETAIL, source=retail),
        write_csv(connection, "online_retail_week.csv.gz", ONLINE_RETAIL_WEEK, source=retail),
        write_parquet(
            connection,
            "complete_journey_baskets.parquet",
            BASKETS,
            source=folder / "completejourney_transactions.parquet",
            products=folder / "completejourney_products.parquet",
        ),
        write_parquet(connection, "complete_journey_campaigns.parquet", CAMPAIGNS, **journey),
        write_parquet(
            connection,
            "complete_journey_households.parquet",
            HOUSEHOLDS,
            source=folder / "completejourney_demographics.parquet",
        ),
    ]
    with (TARGET / "MANIFEST.csv").open("w", newline="", encoding="utf-8") as file:
        manifest = csv.writer(file, lineterminator="\n")
        manifest.writerow(["file", "rows", "bytes", "sha256"])
        for path in written:
            reader = "read_csv" if path.suffix == ".gz" else "read_parquet"
            counted = connection.execute(f"select count(*) from {reader}($path)", {"path": str(path)}).fetchone()
            assert counted is not None
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            manifest.writerow([path.name, counted[0], path.stat().st_size, digest])
            print(f"{path.name:42} {counted[0]:>9,} rows {path.stat().st_size:>11,} bytes")
    total = sum(path.stat().st_size for path in written)
    if total > LARGEST_TOTAL:
        raise SystemExit(f"{total:,} bytes are more than the {LARGEST_TOTAL:,} that the repository carries")


if __name__ == "__main__":
    main()
