"""The time of the smallest query over a warm connection.

What counts is a client that makes the calls that Flight SQL needs, GetFlightInfo and DoGet. The ADBC driver makes four for each new
statement and spends most of its time in itself. Both clients also ask a server that knows the answer and does nothing (pyarrow's, in a process
of its own): the time of the client, of Python and of the machine, which is two times slower at one minute than at another.
"""

import contextlib
import multiprocessing
import statistics
import time

import adbc_driver_flightsql.dbapi

import data
from server import serving, verdict

P50_MS_MAX = 2.0
WARM_UP, QUERIES = 200, 2000


def measure(options):
    with serving(options, data.generated_mesh(options, 10)) as server, server.connect() as connection:
        rows = [("pyarrow's Flight client, a new statement", unprepared(server.uri)),
                ("ADBC, a cursor that executes a new statement", fresh(connection)),
                ("ADBC, one prepared statement, executed again", prepared(connection))]
    with knowing_server() as uri, adbc_driver_flightsql.dbapi.connect(uri, autocommit=True) as connection:
        rows += [("pyarrow's Flight client, asked of a server that does nothing", unprepared(uri)),
                 ("ADBC, a new statement, asked of a server that does nothing", fresh(connection))]
    print("### SELECT 1 over a warm connection, one client\n")
    print("| how | p50 ms | p99 ms |\n|---|---:|---:|")
    for name, times in rows:
        print(f"| {name} | {statistics.median(times):.2f} | {statistics.quantiles(times, n=100)[98]:.2f} |")
    p50 = statistics.median(rows[0][1])
    print(f"\np50 {p50:.2f} ms, under {P50_MS_MAX:g}: {verdict(p50, P50_MS_MAX)}.\n")
    return p50 < P50_MS_MAX


def fresh(connection):
    """Another text each time, as a dashboard sends it."""
    with connection.cursor() as cursor:
        return timed(lambda number: (cursor.execute(f"SELECT {number}"), cursor.fetchall()))


def prepared(connection):
    with connection.cursor() as cursor:
        return timed(lambda _: (cursor.execute("SELECT 1"), cursor.fetchall()))


def unprepared(uri):
    """Two calls: GetFlightInfo and DoGet."""
    from pyarrow import flight

    def ask(number):
        command = message("CommandStatementQuery", [f"SELECT {number}".encode()])
        info = client.get_flight_info(flight.FlightDescriptor.for_command(command))
        return client.do_get(info.endpoints[0].ticket).read_all()

    with flight.connect(uri) as client:
        return timed(ask)


def timed(ask):
    times = []
    for number in range(WARM_UP + QUERIES):
        begun = time.perf_counter()
        ask(number)
        times.append((time.perf_counter() - begun) * 1000)
    return times[WARM_UP:]


@contextlib.contextmanager
def knowing_server():
    """A server that answers every statement with one row, in a process of its own; its URI."""
    context = multiprocessing.get_context("spawn")
    end, other = context.Pipe()
    server = context.Process(target=serve_one_row, args=(other,), daemon=True)
    server.start()
    try:
        yield f"grpc://127.0.0.1:{end.recv()}"
    finally:
        server.terminate()


def serve_one_row(end):
    import pyarrow
    from pyarrow import flight

    table = pyarrow.table({"Int64(1)": pyarrow.array([1], pyarrow.int64())})
    schemas = [table.schema.serialize().to_pybytes(), pyarrow.schema([]).serialize().to_pybytes()]
    result = message("ActionCreatePreparedStatementResult", [b"handle", *schemas])

    class Knowing(flight.FlightServerBase):
        """Answers every statement with the one row, and the driver's questions about the server not at all."""

        def do_action(self, context, action):
            return [result] if action.type == "CreatePreparedStatement" else []

        def get_flight_info(self, context, descriptor):
            if b"Statement" not in descriptor.command:
                raise NotImplementedError
            return flight.FlightInfo(table.schema, descriptor, [flight.FlightEndpoint(b"row", [])], 1, -1)

        def do_get(self, context, ticket):
            return flight.RecordBatchStream(table)

    server = Knowing("grpc://127.0.0.1:0")
    end.send(server.port)
    server.serve()


def message(name, fields):
    """A message of Flight SQL with these fields of bytes, numbered from 1, wrapped in `google.protobuf.Any`."""
    body = b"".join(field(number, content) for number, content in enumerate(fields, 1))
    return field(1, f"type.googleapis.com/arrow.flight.protocol.sql.{name}".encode()) + field(2, body)


def field(number, content):
    length, size = len(content), b""
    while length > 0x7F:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content
