"""SELECT * of lineitem through ADBC, against a bare Flight server that sends the same batches from memory.

Twice: from Parquet, and from a table that is in Samite's memory (`src/bin`), where nothing is left but the way to the client.
The bare server is pyarrow's (C++), in a process of its own; it takes the batches from Samite once, before the first round.
Both are asked by the same client with the statement alone, without preparing it.
"""

import contextlib
import multiprocessing
import statistics
import subprocess
import time

import adbc_driver_flightsql
import adbc_driver_manager
import pyarrow

import data
from server import serving, verdict

PARQUET_RATE_MIN, MEMORY_RATE_MIN = 0.75, 0.9


def measure(options):
    print("### SELECT * of lineitem\n")
    print("| from | rows | MB in Arrow | Samite, s | bare server, s | rate | target | met |\n|---|---:|---:|---:|---:|---:|---:|---|")
    with serving(options, data.tpch_mesh(options)) as server:
        good = compare(options, "Parquet", server.uri, f"SELECT * FROM {data.sql_name('lineitem')}", PARQUET_RATE_MIN)
        memory = server.peak_megabytes()
    with memory_server(options) as uri:
        good &= compare(options, "memory", uri, "SELECT * FROM memory.tables.rows", MEMORY_RATE_MIN)
    print(f"\nMedians of {options.rounds} interleaved rounds. Peak memory from Parquet {memory:.0f} MB.\n")
    return good


def compare(options, place, uri, sql, rate_min):
    context = multiprocessing.get_context("spawn")
    end, other = context.Pipe()
    bare = context.Process(target=serve_from_memory, args=(other, uri, sql), daemon=True)
    bare.start()
    sources = {"Samite": uri, "bare": f"grpc://127.0.0.1:{end.recv()}"}
    times, sizes = {name: [] for name in sources}, {}
    for turn in range(options.rounds + 1):
        for name in (list(sources) if turn % 2 else list(sources)[::-1]):
            begun = time.perf_counter()
            sizes[name] = read(sources[name], sql)
            if turn:
                times[name].append(time.perf_counter() - begun)
    bare.terminate()
    assert sizes["Samite"] == sizes["bare"], sizes
    (rows, size), seconds = sizes["Samite"], {name: statistics.median(times[name]) for name in sources}
    rate = seconds["bare"] / seconds["Samite"]
    print(f"| {place} | {rows:,} | {size / 1e6:.0f} | {seconds['Samite']:.2f} | {seconds['bare']:.2f} | {rate:.2f} | {rate_min} | {verdict(rate, rate_min, at_most=False)} |")
    return rate >= rate_min


@contextlib.contextmanager
def memory_server(options):
    """The URI of a Samite that has lineitem in memory; it ends with its standard input."""
    folder = data.parquet_files(options, "lineitem")[0].parent
    with subprocess.Popen([options.memory_server, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip().removeprefix("samite listening on ")
        finally:
            process.kill()


def read(uri, sql):
    """Reads all rows and throws them away; their number and size."""
    with (adbc_driver_flightsql.connect(uri) as database, adbc_driver_manager.AdbcConnection(database) as connection,
          adbc_driver_manager.AdbcStatement(connection) as statement):
        statement.set_sql_query(sql)
        stream, _ = statement.execute_query()
        rows = size = 0
        for batch in pyarrow.RecordBatchReader.from_stream(stream):
            rows, size = rows + batch.num_rows, size + batch.nbytes
        return rows, size


def serve_from_memory(end, uri, sql):
    from pyarrow import flight

    with (adbc_driver_flightsql.connect(uri) as database, adbc_driver_manager.AdbcConnection(database) as connection,
          adbc_driver_manager.AdbcStatement(connection) as statement):
        statement.set_sql_query(sql)
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
