"""SELECT * of lineitem through ADBC, against a bare Flight server that sends the same batches from memory.

The bare server is pyarrow's (C++), in a process of its own; it takes the batches from Samite once, before the first round.
Both are asked by the same client with the statement alone, without preparing it.
"""

import multiprocessing
import statistics
import time

import adbc_driver_flightsql
import adbc_driver_manager
import pyarrow

import data
from server import serving, verdict

RATE_MIN = 0.6
SQL = f"SELECT * FROM {data.sql_name('lineitem')}"


def measure(options):
    with serving(options, data.tpch_mesh(options)) as server:
        context = multiprocessing.get_context("spawn")
        end, other = context.Pipe()
        bare = context.Process(target=serve_from_memory, args=(other, server.uri), daemon=True)
        bare.start()
        port = end.recv()
        sources = {"Samite": server.uri, "from memory": f"grpc://127.0.0.1:{port}"}
        times, sizes = {name: [] for name in sources}, {}
        for turn in range(options.rounds + 1):
            for name in (list(sources) if turn % 2 else list(sources)[::-1]):
                begun = time.perf_counter()
                sizes[name] = read(sources[name])
                if turn:
                    times[name].append(time.perf_counter() - begun)
        bare.terminate()
        memory = server.peak_megabytes()
    assert sizes["Samite"] == sizes["from memory"], sizes
    rows, size = sizes["Samite"]
    seconds = {name: statistics.median(times[name]) for name in sources}
    rate = seconds["from memory"] / seconds["Samite"]
    print(f"### {SQL}, {rows:,} rows, {size / 1e6:.0f} MB in Arrow, medians of {options.rounds} interleaved rounds\n")
    print("| source | s | MB/s |\n|---|---:|---:|")
    for name in sources:
        print(f"| {name} | {seconds[name]:.2f} | {size / seconds[name] / 1e6:.0f} |")
    print(f"\nRate {rate:.2f} of that from memory, at least {RATE_MIN}: {verdict(rate, RATE_MIN, at_most=False)}. Peak memory {memory:.0f} MB.\n")
    return rate >= RATE_MIN


def read(uri):
    """Reads all rows and throws them away; their number and size."""
    with (adbc_driver_flightsql.connect(uri) as database, adbc_driver_manager.AdbcConnection(database) as connection,
          adbc_driver_manager.AdbcStatement(connection) as statement):
        statement.set_sql_query(SQL)
        stream, _ = statement.execute_query()
        rows = size = 0
        for batch in pyarrow.RecordBatchReader.from_stream(stream):
            rows, size = rows + batch.num_rows, size + batch.nbytes
        return rows, size


def serve_from_memory(end, uri):
    from pyarrow import flight

    with (adbc_driver_flightsql.connect(uri) as database, adbc_driver_manager.AdbcConnection(database) as connection,
          adbc_driver_manager.AdbcStatement(connection) as statement):
        statement.set_sql_query(SQL)
        stream, _ = statement.execute_query()
        table = pyarrow.Table.from_batches(pyarrow.RecordBatchReader.from_stream(stream))

    class FromMemory(flight.FlightServerBase):
        """Answers the statement with the one table, and the driver's questions about the server not at all."""

        def get_flight_info(self, context, descriptor):
            if b"CommandStatementQuery" not in descriptor.command:
                raise NotImplementedError
            endpoint = flight.FlightEndpoint(b"all", [])
            return flight.FlightInfo(table.schema, descriptor, [endpoint], table.num_rows, table.nbytes)

        def do_get(self, context, ticket):
            return flight.RecordBatchStream(table)

    server = FromMemory("grpc://127.0.0.1:0")
    end.send(server.port)
    server.serve()
