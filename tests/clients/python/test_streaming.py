"""Large results: sizes of messages, slow readers, readers that leave, cancelling, many at once, and the stop of the server."""

import concurrent.futures
import pathlib
import threading
import time

import adbc_driver_manager
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flight_sql import query
from pyarrow import flight
from sample_mesh import Product, Version

MIB = 1 << 20
# 20,000 texts of 1,000 bytes, each of them 50 times: a gigabyte.
GIGABYTE = "SELECT a.text FROM lab.wide.wide a CROSS JOIN (SELECT * FROM lab.wide.wide LIMIT 50) b"
ENDLESS = "SELECT sum(a.n + b.n + c.n) FROM lab.wide.wide a, lab.wide.wide b, lab.wide.wide c"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A mesh with wide rows."""
    mesh = tmp_path_factory.mktemp("lab")
    folder = Product("lab", "wide", [Version("1.0.0", {"wide": [], "skewed": []}, path="data/{model}.parquet")]).write(mesh) / "data"
    folder.mkdir()
    numbers = pa.array(range(20_000), pa.int64())
    pq.write_table(pa.table({"n": numbers, "text": pa.array([f"{n:05}" * 200 for n in range(20_000)])}), folder / "wide.parquet")
    texts = ["x" * (3 * MIB) if n % 500 == 0 else "y" * (n % 100) for n in range(2_000)]
    pq.write_table(pa.table({"n": numbers[:2_000], "text": pa.array(texts)}), folder / "skewed.parquet")
    return mesh


@pytest.fixture
def lab_server(serve, lab):
    return serve(lab)


def resident_bytes(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def processor_seconds(server):
    numbers = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(numbers[11]) + int(numbers[12])) / 100


def wait_until(what, seconds=15):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to pass in time"
        time.sleep(0.05)


def is_idle(server):
    before = processor_seconds(server)
    time.sleep(0.5)
    return processor_seconds(server) - before < 0.1


def test_large_result_comes_whole_in_small_messages(lab_server):
    with lab_server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT n, text FROM lab.wide.wide")
        found = cursor.fetch_arrow_table()
        assert found.num_rows == 20_000 and found.nbytes > 16 * MIB
        assert sorted(found["n"].to_pylist()) == list(range(20_000))
        assert all(text == f"{n:05}" * 200 for n, text in zip(found["n"].to_pylist(), found["text"].to_pylist()))
        cursor.execute("SELECT n, text FROM lab.wide.skewed")
        found = cursor.fetch_arrow_table()
        assert found.num_rows == 2_000
        for n, text in zip(found["n"].to_pylist(), found["text"].to_pylist()):
            assert len(text) == (3 * MIB if n % 500 == 0 else n % 100)


def test_no_message_is_above_the_limit_of_careful_clients(lab_server):
    """Grafana's client takes 4 MiB and no more."""
    limit = [("grpc.max_receive_message_length", 4 * MIB)]
    with flight.FlightClient(lab_server.uri, generic_options=limit) as client:
        for table in ("wide", "skewed"):
            info = client.get_flight_info(query(f"SELECT n, text FROM lab.wide.{table}"))
            rows = 0
            for chunk in client.do_get(info.endpoints[0].ticket):
                rows += chunk.data.num_rows
            assert rows == (20_000 if table == "wide" else 2_000)


def test_slow_reader_costs_bounded_memory(lab_server):
    with flight.connect(lab_server.uri) as client:
        info = client.get_flight_info(query(GIGABYTE))
        reader = client.do_get(info.endpoints[0].ticket)
        reader.read_chunk()
        wait_until(lambda: is_idle(lab_server), 60)
        before = resident_bytes(lab_server)
        for _ in range(20):
            reader.read_chunk()
            time.sleep(0.05)
        assert resident_bytes(lab_server) - before < 100 * MIB
        assert resident_bytes(lab_server) < 700 * MIB
        reader.cancel()


@pytest.mark.parametrize("sql", [GIGABYTE, ENDLESS], ids=["in the stream", "before the first row"])
def test_reader_that_leaves_stops_the_query(lab_server, sql):
    with lab_server.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(sql)
        if sql is GIGABYTE:
            assert cursor.fetchone()
        cursor.close()
        wait_until(lambda: is_idle(lab_server))
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchall() == [(1,)]


def test_client_that_vanishes_stops_the_query(lab_server):
    client = flight.connect(lab_server.uri)
    info = client.get_flight_info(query(ENDLESS))
    reader = client.do_get(info.endpoints[0].ticket)
    time.sleep(0.5)
    del reader
    client.close()
    wait_until(lambda: is_idle(lab_server))


def test_cancel_ends_a_running_query(lab_server):
    with lab_server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(ENDLESS)
        threading.Timer(0.5, cursor.adbc_cancel).start()
        with pytest.raises(adbc_driver_manager.Error):
            cursor.fetchall()
        wait_until(lambda: is_idle(lab_server))


def test_cancel_by_flight_info_ends_a_running_query(lab_server):
    from flight_sql import field

    with flight.connect(lab_server.uri) as client, flight.connect(lab_server.uri) as other:
        info = client.get_flight_info(query(ENDLESS))
        reader = client.do_get(info.endpoints[0].ticket)
        cancel = flight.Action("CancelFlightInfo", field(1, info.serialize()))
        threading.Timer(0.5, lambda: list(other.do_action(cancel))).start()
        # Not read_all: pyarrow makes a KeyboardInterrupt of it there.
        with pytest.raises(flight.FlightCancelledError, match="cancelled"):
            for _ in reader:
                pass
        wait_until(lambda: is_idle(lab_server))


def test_deadline_ends_a_running_query(lab_server):
    with flight.connect(lab_server.uri) as client:
        info = client.get_flight_info(query(ENDLESS))
        began = time.monotonic()
        with pytest.raises((flight.FlightTimedOutError, flight.FlightCancelledError)):
            for _ in client.do_get(info.endpoints[0].ticket, flight.FlightCallOptions(timeout=1)):
                pass
        assert time.monotonic() - began < 10
        wait_until(lambda: is_idle(lab_server))


def test_many_cursors_at_once(lab_server):
    def ask(connection, n):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*), ? FROM lab.wide.wide WHERE n < ?", (n, n))
            return cursor.fetchall()

    with lab_server.connect() as one, lab_server.connect() as two, concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, (one, two)[n % 2], n) for n in range(40)]
        assert [answer.result() for answer in asked] == [[(n, n)] for n in range(40)]


def test_one_cursor_does_not_stall_another(lab_server):
    with lab_server.connect() as connection, connection.cursor() as slow, connection.cursor() as quick:
        slow.execute(GIGABYTE)
        slow.fetchone()
        for n in range(5):
            quick.execute("SELECT ?", (n,))
            assert quick.fetchall() == [(n,)]


def test_stop_lets_a_running_query_end(serve, lab):
    server = serve(lab)
    with flight.connect(server.uri) as client:
        info = client.get_flight_info(query("SELECT a.text FROM lab.wide.wide a CROSS JOIN (SELECT * FROM lab.wide.wide LIMIT 5) b"))
        reader = client.do_get(info.endpoints[0].ticket)
        rows = reader.read_chunk().data.num_rows
        server.process.terminate()
        for chunk in reader:
            rows += chunk.data.num_rows
        assert rows == 100_000
    assert server.stop() == 0
