"""Metrics and health over HTTP."""

import re
import time
import urllib.error
import urllib.request

import adbc_driver_manager
import pytest

CHANGE_SECONDS_MAX = 20


@pytest.fixture
def watched(serve, mesh):
    server = serve(mesh, "--metrics-listen", "127.0.0.1:0")
    end = time.monotonic() + CHANGE_SECONDS_MAX
    while not (found := re.search(r"metrics and health over HTTP.*address.*?(127\.0\.0\.1:\d+)", server.log())):
        assert time.monotonic() < end, server.log()
        time.sleep(0.2)
    return server, "http://" + found[1]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def value(url, name):
    return next(float(line.split()[-1]) for line in get(url + "/metrics").splitlines() if line.startswith(name + " "))


def test_queries_are_counted_and_nobody_is_named(watched):
    server, url = watched
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 'hidden text' AS c UNION ALL SELECT 'x'")
        assert len(cursor.fetchall()) == 2
        with pytest.raises(adbc_driver_manager.Error):
            cursor.execute("SELECT * FROM no.such.table_of_mine")
            cursor.fetchall()
        assert value(url, "samite_flight_connections") == 1
    end = time.monotonic() + CHANGE_SECONDS_MAX
    while value(url, 'samite_queries_total{state="finished"}') < 1:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert value(url, 'samite_queries_total{state="failed"}') >= 1
    assert value(url, 'samite_query_errors_total{kind="not_found"}') >= 1
    assert value(url, "samite_query_rows_total") == 2
    assert value(url, 'samite_query_seconds_count{phase="plan"}') >= 2
    assert value(url, 'samite_flight_calls_total{call="DoGet",code="OK"}') >= 1
    assert value(url, "samite_queries_running") == 0
    text = get(url + "/metrics")
    for hidden in ("hidden text", "table_of_mine", "anonymous"):
        assert hidden not in text


def test_metrics_are_in_the_format_that_prometheus_reads(watched):
    _, url = watched
    lines = get(url + "/metrics").splitlines()
    names = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    for line in lines:
        if not line.startswith("#"):
            name = re.match(r"([a-z_]+?)(_bucket|_sum|_count)?(\{.*\})? [0-9.e+-]+$", line)
            assert name and any(name[0].startswith(known) for known in names), line


def test_health_is_told(watched):
    server, url = watched
    assert get(url + "/livez") == "ok\n" and get(url + "/readyz") == "ok\n"
    for path, status in [("/", 404), ("/metrics/x", 404)]:
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(url + path)
        assert caught.value.code == status, path
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url + "/metrics", method="DELETE"), timeout=10)
    assert caught.value.code == 405
    assert server.stop() == 0
    with pytest.raises(urllib.error.URLError):
        get(url + "/livez")
