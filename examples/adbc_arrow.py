"""Arrow from Samite over ADBC: a table at once, batches one by one, parameters, the schema alone.

    samite demo --serve
    python examples/adbc_arrow.py grpc://127.0.0.1:32010
"""

import sys

import adbc_driver_flightsql.dbapi as flight_sql

uri = sys.argv[1] if len(sys.argv) > 1 else "grpc://127.0.0.1:32010"

with flight_sql.connect(uri, autocommit=True) as mesh, mesh.cursor() as cursor:
    # All rows as one Arrow table.
    cursor.execute(
        "SELECT country, count(*) AS plays "
        "FROM media_player.play_events.plays GROUP BY country ORDER BY plays DESC"
    )
    table = cursor.fetch_arrow_table()
    print(table.slice(0, 3).to_pylist())

    # Batch by batch: the server sends no faster than this loop reads.
    cursor.execute("SELECT artist_id, ms_played FROM media_player.play_events.plays")
    rows = sum(batch.num_rows for batch in cursor.fetch_record_batch())
    print(rows, "plays")

    # A parameter is a value, never text in a statement.
    cursor.execute(
        "SELECT stage_name FROM artists.profiles.artists WHERE country = ? ORDER BY stage_name LIMIT 3",
        parameters=("NO",),
    )
    print([name for (name,) in cursor.fetchall()])

    # The columns of a query that is not run.
    print(cursor.adbc_execute_schema("SELECT * FROM payments.royalties.royalties"))
