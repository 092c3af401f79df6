"""Health that is honest: what a server says of itself when something it needs is gone."""

import re
import shutil
import time
import urllib.error
import urllib.request

import grpc
import pytest
import sample_mesh
from pyarrow import flight

from flight_sql import query

CHANGE_SECONDS_MAX = 30
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"
SERVICE = b"arrow.flight.protocol.FlightService"


@pytest.fixture
def watched(serve, tmp_path):
    sample_mesh.write(tmp_path / "mesh")
    (tmp_path / "spill").mkdir()
    (tmp_path / "samite.toml").write_text('[mesh]\nrefresh = "200ms"\nlost_after = "1s"\n[limits]\nspill_folder = "spill"\n')
    server = serve(tmp_path / "mesh", "--config", str(tmp_path / "samite.toml"), "--metrics-listen", "127.0.0.1:0")
    end = time.monotonic() + CHANGE_SECONDS_MAX
    while not (found := re.search(r"metrics and health over HTTP.*address.*?(127\.0\.0\.1:\d+)", server.log())):
        assert time.monotonic() < end, server.log()
        time.sleep(0.2)
    return server, "http://" + found[1]


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def grpc_health(server, service=b""):
    with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel:
        name = b"\x0a" + bytes([len(service)]) + service if service else b""
        return channel.unary_unary("/grpc.health.v1.Health/Check")(name, timeout=10)


def until(watched, ready):
    server, url = watched
    end = time.monotonic() + CHANGE_SECONDS_MAX
    wanted = (200, SERVING, SERVING) if ready else (503, NOT_SERVING, NOT_SERVING)
    while (found := (status(url + "/readyz"), grpc_health(server), grpc_health(server, SERVICE))) != wanted:
        assert time.monotonic() < end, (found, server.log())
        time.sleep(0.2)
    assert status(url + "/livez") == 200


def test_server_that_lost_its_mesh_is_not_ready_until_it_is_there_again(watched, tmp_path):
    until(watched, True)
    (tmp_path / "mesh" / "domains").rename(tmp_path / "gone")
    until(watched, False)
    server, _ = watched
    with flight.connect(server.uri) as client:
        info = client.get_flight_info(query("SELECT 1"))
        assert client.do_get(info.endpoints[0].ticket).read_all().num_rows == 1
    (tmp_path / "gone").rename(tmp_path / "mesh" / "domains")
    until(watched, True)
    assert "not ready" in server.log() and "ready again" in server.log()


def test_server_that_cannot_spill_is_not_ready_until_its_folder_is_there_again(watched, tmp_path):
    until(watched, True)
    shutil.rmtree(tmp_path / "spill")
    until(watched, False)
    assert "the spill folder cannot be written" in watched[0].log()
    (tmp_path / "spill").mkdir()
    until(watched, True)
    assert "the spill folder was gone, and is made again" in watched[0].log()


def test_server_that_drains_is_not_ready_and_ends_what_runs(watched):
    """SIGTERM: whoever watches sends nobody here any more, while the rows of a query are still fetched."""
    server, url = watched
    until(watched, True)
    many = "SELECT a.value, repeat('x', 10000) AS c FROM generate_series(1, 20000) a"
    with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel, flight.connect(server.uri) as client:
        watch = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=60)
        assert next(watch) == SERVING
        info = client.get_flight_info(query(many))
        reader = client.do_get(info.endpoints[0].ticket)
        rows = reader.read_chunk().data.num_rows
        server.process.terminate()
        end = time.monotonic() + CHANGE_SECONDS_MAX
        while status(url + "/readyz") != 503:
            assert time.monotonic() < end, server.log()
            time.sleep(0.05)
        assert next(watch) == NOT_SERVING
        assert status(url + "/livez") == 200 and server.process.poll() is None
        with pytest.raises(flight.FlightError):
            flight.connect(server.uri).get_flight_info(query("SELECT 1"), flight.FlightCallOptions(timeout=10))
        rows += sum(chunk.data.num_rows for chunk in reader)
        assert rows == 20_000
    assert server.stop() == 0


def test_looks_at_a_server_are_no_queries(watched):
    server, url = watched
    until(watched, True)
    time.sleep(5)
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM mesh.runtime.queries WHERE sql NOT LIKE '%runtime%'")
        assert cursor.fetchall() == [(0,)]
    until(watched, True)
