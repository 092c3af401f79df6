"""Plays by day as a polars frame.

    samite demo --serve
    python examples/polars_plays.py grpc://127.0.0.1:32010
"""

import sys

import adbc_driver_flightsql.dbapi as flight_sql
import polars as pl

uri = sys.argv[1] if len(sys.argv) > 1 else "grpc://127.0.0.1:32010"

DAYS = """
    SELECT   date_trunc('day', played_at) AS day, country, count(*) AS plays
    FROM     media_player.play_events.plays
    WHERE    country IN ('SE', 'NO', 'DK') AND played_at >= '2026-10-01T00:00:00Z'
    GROUP BY 1, 2
"""

with flight_sql.connect(uri, autocommit=True) as mesh:
    frame = pl.read_database(DAYS, connection=mesh)

weeks = (
    frame.sort("day")
    .group_by_dynamic("day", every="1w", group_by="country")
    .agg(pl.col("plays").sum())
)
print(weeks.pivot("country", index="day", values="plays").sort("day"))
