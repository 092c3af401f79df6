"""Two domains in one pandas frame: which artists wait for most money?

    samite demo --serve
    python examples/pandas_royalties.py grpc://127.0.0.1:32010
"""

import sys

import adbc_driver_flightsql.dbapi as flight_sql
import pandas as pd

uri = sys.argv[1] if len(sys.argv) > 1 else "grpc://127.0.0.1:32010"

OPEN = """
    SELECT   a.stage_name, a.country, sum(r.due) AS due, sum(r.due - r.paid) AS unpaid
    FROM     payments.royalties.royalties r
    JOIN     artists.profiles.artists a USING (artist_id)
    GROUP BY a.stage_name, a.country
    HAVING   sum(r.due - r.paid) > 0
"""

with flight_sql.connect(uri, autocommit=True) as mesh:
    frame = pd.read_sql(OPEN, mesh, dtype_backend="pyarrow")

by_country = frame.groupby("country")["unpaid"].sum().sort_values(ascending=False)
print(by_country.head(5).to_string())
print(frame.sort_values("unpaid", ascending=False).head(5).to_string(index=False))
