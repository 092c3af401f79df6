"""The metadata of ten thousand products, a hundred of them in a domain whose store does not answer.

Each product is listed under two names (`product`, `product@1`), so that there are twice as many tables. They are listed by a plain client of Flight SQL,
by ADBC as a tree, and through `information_schema`; the first look of a client counts as any other.
"""

import statistics
import time

import data
from select1 import field, message
from server import serving, verdict

NAMES_SECONDS_MAX, COLUMNS_SECONDS_MAX = 1.0, 5.0


def measure(options):
    with serving(options, data.generated_mesh(options, options.products)) as server, server.connect() as connection:
        ways = {
            ("GetTables", "names"): lambda: tables(server.uri, False),
            ("GetTables", "columns"): lambda: tables(server.uri, True),
            ("ADBC, depth=tables", "names"): lambda: tree(connection, "tables"),
            ("ADBC, depth=all", "columns"): lambda: tree(connection, "all"),
            ("information_schema.tables", "names"): lambda: rows(connection, "SELECT * FROM information_schema.tables"),
            ("information_schema.columns", "columns"): lambda: rows(connection, "SELECT * FROM information_schema.columns"),
        }
        times, counts = {way: [] for way in ways}, {}
        for _ in range(options.rounds):
            for way, ask in ways.items():
                begun = time.perf_counter()
                counts[way] = ask()
                times[way].append(time.perf_counter() - begun)
        memory = server.peak_megabytes()
    print(f"### Metadata of {options.products:,} products, medians of {options.rounds} rounds\n")
    print("| how | what | found | s | first, s | target, s | met |\n|---|---|---:|---:|---:|---:|---|")
    good = True
    for (how, what), all_times in times.items():
        limit = NAMES_SECONDS_MAX if what == "names" else COLUMNS_SECONDS_MAX
        seconds = max(all_times[0], statistics.median(all_times))
        good &= seconds <= limit
        print(f"| {how} | {what} | {counts[how, what]:,} | {statistics.median(all_times):.2f} | {all_times[0]:.2f} | {limit:g} | {verdict(seconds, limit)} |")
    print(f"\nPeak memory {memory:.0f} MB.\n")
    return good


def tables(uri, with_columns):
    """The number of tables, or of all their columns."""
    import pyarrow
    from pyarrow import flight

    command = message("CommandGetTables", [])
    if with_columns:
        inner = bytes([5 << 3, 1])  # include_schema
        command = field(1, b"type.googleapis.com/arrow.flight.protocol.sql.CommandGetTables") + field(2, inner)
    with flight.connect(uri, generic_options=[("grpc.max_receive_message_length", -1)]) as client:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(command))
        found = client.do_get(info.endpoints[0].ticket).read_all()
    if not with_columns:
        return found.num_rows
    return sum(len(pyarrow.ipc.read_schema(pyarrow.py_buffer(schema)).names) for schema in found["table_schema"].to_pylist())


def tree(connection, depth):
    found = connection.adbc_get_objects(depth=depth).read_all()
    per_table = [table for catalog in found.to_pylist() for schema in catalog["catalog_db_schemas"] or [] for table in schema["db_schema_tables"] or []]
    return len(per_table) if depth == "tables" else sum(len(table["table_columns"] or []) for table in per_table)


def rows(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table().num_rows
