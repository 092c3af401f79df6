"""A query that is cancelled reads nothing more: a slow store notes what it sends."""

import http.server
import pathlib
import socket
import subprocess
import sys
import threading
import time

import numpy
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import flight

import sample_mesh
from flight_sql import field, packed, query

ROW_GROUPS = 100
PIECE_BYTES, PIECE_SECONDS = 256 << 10, 0.04
# Pieces that have to be sent before a query counts as running, of the some five hundred that it needs.
RUNNING_PIECES = 12
GRACE_SECONDS = 1
WATCHED_SECONDS = 2.5
WAIT_SECONDS_MAX = 30
# Rows come one by one, and the sum after the last.
STREAM, SUM = "SELECT id, noise FROM far.noise.noise", "SELECT max(noise), sum(id) FROM far.noise.noise"


class SlowStore:
    """A web server of one file, in parts, which come piece by piece. Notes when it began or sent one."""

    def __init__(self, file):
        content, sent = file.read_bytes(), []
        self.size, self.sent = len(content), sent

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self):
                self.begin(200, len(content))

            def do_GET(self):
                sent.append((time.monotonic(), 0))
                wanted = self.headers.get("Range", "")
                if not wanted.startswith("bytes="):
                    self.begin(200, len(content))
                    return self.send(content)
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                start = int(first) if first else len(content) - int(last)
                end = int(last) + 1 if first and last else len(content)
                self.begin(206, end - start, ("Content-Range", f"bytes {start}-{end - 1}/{len(content)}"))
                self.send(content[start:end])

            def begin(self, code, length, *headers):
                self.send_response(code)
                for name, value in (("Content-Length", str(length)), ("Accept-Ranges", "bytes"), ("ETag", '"1"'),
                                    ("Last-Modified", "Sat, 31 Jan 2026 12:00:00 GMT"), *headers):
                    self.send_header(name, value)
                self.end_headers()

            def send(self, body):
                try:
                    for at in range(0, len(body), PIECE_BYTES):
                        piece = body[at:at + PIECE_BYTES]
                        self.wfile.write(piece)
                        sent.append((time.monotonic(), len(piece)))
                        time.sleep(PIECE_SECONDS)
                except OSError:
                    self.close_connection = True

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/{file.name}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """100 row groups of a megabyte each that no encoding makes small."""
    file = tmp_path_factory.mktemp("store") / "noise.parquet"
    random = numpy.random.default_rng(7)
    schema = pa.schema([("id", pa.int64()), ("noise", pa.binary())])
    with pq.ParquetWriter(file, schema, compression="none", use_dictionary=False) as writer:
        for number in range(ROW_GROUPS):
            rows = [random.bytes(100_000) for _ in range(12)]
            writer.write_table(pa.table([[number] * len(rows), rows], schema=schema))
    running = SlowStore(file)
    yield running
    running.stop()
    file.unlink()


@pytest.fixture
def far(serve, store, tmp_path):
    """A server over the slow store."""
    version = sample_mesh.Version("1.0.0", {"noise": []}, server={"type": "custom", "location": store.url})
    mesh = tmp_path / "mesh"
    sample_mesh.Product("far", "noise", [version]).write(mesh)
    configuration = tmp_path / "samite.toml"
    configuration.write_text(f'[locations]\nallow = ["{store.url.rsplit("/", 1)[0]}/"]\n')
    store.sent.clear()
    return serve(mesh, "--config", str(configuration), "--pg-listen", "127.0.0.1:0")


def is_reading(store):
    end = time.monotonic() + WAIT_SECONDS_MAX
    while len(store.sent) < RUNNING_PIECES:
        assert time.monotonic() < end, f"{len(store.sent)} pieces"
        time.sleep(0.02)


def check_nothing_is_read(store, cancelled_at):
    """No request begins and no piece of one goes out later than that; the query needs all pieces, which take longer."""
    time.sleep(max(0, cancelled_at + WATCHED_SECONDS - time.monotonic()))
    sent = list(store.sent)
    late = [round(at - cancelled_at, 2) for at, _ in sent if at > cancelled_at + GRACE_SECONDS]
    assert not late, f"{len(late)} of {len(sent)} pieces came too late: {late[:5]}"
    assert sum(length for _, length in sent) < store.size, "the query was over before it was cancelled"


def in_background(work):
    """Runs what is cancelled, whose end is not looked at here."""
    def run():
        try:
            work()
        except Exception:  # noqa: BLE001
            pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def cancel_flight_info(server, store, info):
    with flight.connect(server.uri) as other:
        list(other.do_action(flight.Action("CancelFlightInfo", field(1, info.serialize()))))


def cancel_query(server, store, info):
    with flight.connect(server.uri) as other:
        list(other.do_action(flight.Action("CancelQuery", packed("ActionCancelQueryRequest", field(1, info.serialize())))))


def kill(server, store, info):
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT query_id FROM mesh.runtime.queries WHERE sql LIKE '%far.noise.noise' AND state = 'running'")
        [(id,)] = cursor.fetchall()
        cursor.execute(f"KILL '{id}'")


@pytest.mark.parametrize("sql", [STREAM, SUM], ids=["rows", "sum"])
@pytest.mark.parametrize("cancel", [cancel_flight_info, cancel_query, kill])
def test_what_is_cancelled_reads_nothing_more(far, store, cancel, sql):
    with flight.connect(far.uri) as client:
        info = client.get_flight_info(query(sql))
        reader = client.do_get(info.endpoints[0].ticket)
        reading = in_background(lambda: [chunk for chunk in reader])
        is_reading(store)
        cancel(far, store, info)
        check_nothing_is_read(store, time.monotonic())
        reading.join(WAIT_SECONDS_MAX)


def test_reader_that_cancels_its_call_reads_nothing_more(far, store):
    with flight.connect(far.uri) as client:
        info = client.get_flight_info(query(SUM))
        reader = client.do_get(info.endpoints[0].ticket)
        reading = in_background(lambda: [chunk for chunk in reader])
        is_reading(store)
        reader.cancel()
        check_nothing_is_read(store, time.monotonic())
        reading.join(WAIT_SECONDS_MAX)


def test_cursor_that_cancels_reads_nothing_more(far, store):
    with far.connect() as connection, connection.cursor() as cursor:
        cursor.execute(SUM)
        reading = in_background(cursor.fetchall)
        is_reading(store)
        cursor.adbc_cancel()
        check_nothing_is_read(store, time.monotonic())
        reading.join(WAIT_SECONDS_MAX)


def test_client_that_leaves_reads_nothing_more(far, store, tmp_path):
    """A process that is killed says nothing to anybody."""
    program = (f"from pyarrow import flight\nimport sys\nsys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})\n"
               f"from flight_sql import query\nclient = flight.connect({far.uri!r})\n"
               f"info = client.get_flight_info(query({SUM!r}))\nclient.do_get(info.endpoints[0].ticket).read_all()\n")
    process = subprocess.Popen([sys.executable, "-c", program])
    is_reading(store)
    process.kill()
    process.wait()
    check_nothing_is_read(store, time.monotonic())


def pg(server):
    host, port = server.postgresql
    return psycopg.connect(host=host, port=port, user="anna", dbname="mesh", autocommit=True)


def test_cancel_request_of_postgresql_reads_nothing_more(far, store):
    with pg(far) as connection:
        reading = in_background(lambda: connection.execute(SUM).fetchall())
        is_reading(store)
        connection.cancel()
        check_nothing_is_read(store, time.monotonic())
        reading.join(WAIT_SECONDS_MAX)


def test_client_of_postgresql_that_leaves_reads_nothing_more(far, store):
    connection = pg(far)
    reading = in_background(lambda: connection.execute(SUM).fetchall())
    is_reading(store)
    with socket.socket(fileno=connection.fileno()) as line:
        line.shutdown(socket.SHUT_RDWR)
        cancelled_at = time.monotonic()
        reading.join(WAIT_SECONDS_MAX)
        line.detach()
    check_nothing_is_read(store, cancelled_at)


def test_deadline_of_a_call_reads_nothing_more(far, store):
    with flight.connect(far.uri) as client:
        info = client.get_flight_info(query(SUM))
        with pytest.raises((flight.FlightTimedOutError, flight.FlightCancelledError)):
            for _ in client.do_get(info.endpoints[0].ticket, flight.FlightCallOptions(timeout=2)):
                pass
        check_nothing_is_read(store, time.monotonic())
