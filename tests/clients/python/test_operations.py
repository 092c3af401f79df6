"""What those who run a server see and do: the log of queries, ending one, turns, shares, ids of queries."""

import concurrent.futures
import time

import adbc_driver_manager
import pytest
from pyarrow import flight

from flight_sql import fetch, query
from identity import add_user

CHANGE_SECONDS_MAX = 20
ENDLESS = "SELECT sum(a.value * b.value) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"


def login(name):
    return {"username": name, "password": name + "-secret"}


@pytest.fixture
def with_users(samite, serve, mesh, tmp_path):
    def start(limits="", server=""):
        for name, group in (("anna", "analysts"), ("bert", "analysts"), ("chief", "operators")):
            assert add_user(samite, tmp_path / "users.toml", name, name + "-secret", "--group", group).returncode == 0
        (tmp_path / "samite.toml").write_text(
            f'[auth]\nusers_file = "users.toml"\nadministrators = ["operators"]\n[limits]\n{limits}\n[server]\n{server}\n')
        return serve(mesh, "--config", str(tmp_path / "samite.toml"))

    return start


def ask(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def fail(server, name, sql):
    with server.connect(**login(name)) as connection, pytest.raises(adbc_driver_manager.Error) as failure:
        ask(connection, sql)
    return str(failure.value)


def in_state(connection, state, principal):
    """The ids of the queries in this state, as soon as there are some."""
    end = time.monotonic() + CHANGE_SECONDS_MAX
    sql = f"SELECT query_id FROM mesh.runtime.queries WHERE state = '{state}' AND principal = '{principal}' AND sql NOT LIKE '%runtime%'"
    while not (found := ask(connection, sql)):
        assert time.monotonic() < end
        time.sleep(0.05)
    return [row[0] for row in found]


@pytest.mark.parametrize("killer, who", [("anna", "its owner"), ("chief", "an administrator")])
def test_query_is_ended_by_its_owner_or_an_administrator_and_by_nobody_else(with_users, killer, who):
    server = with_users()
    with concurrent.futures.ThreadPoolExecutor() as threads, server.connect(**login(killer)) as connection:
        running = threads.submit(fail, server, "anna", ENDLESS)
        [id] = in_state(connection, "running", "anna")
        refusal = fail(server, "bert", f"KILL QUERY '{id}'")
        assert "does not exist" in refusal
        assert refusal.replace(id, "0") == fail(server, "bert", "KILL QUERY '0'")
        ask(connection, f"CALL mesh.runtime.kill_query(query_id => '{id}')")
        begin = time.monotonic()
        assert f"the query was cancelled by {who}" in running.result()
        assert time.monotonic() - begin < 5
        [row] = ask(connection, f"SELECT state, message, program FROM mesh.runtime.queries WHERE query_id = '{id}'")
        assert row[:2] == ("cancelled", f"the query was cancelled by {who}")
        assert "ADBC" in row[2]
    with server.connect(**login("bert")) as connection:
        assert ask(connection, "SELECT DISTINCT principal FROM mesh.runtime.queries") == [("bert",)]


def test_queue_has_an_end_and_a_query_in_it_can_be_ended(with_users):
    server = with_users('concurrent_queries = 3\nconcurrent_queries_per_principal = 1\nqueue_timeout = "5s"\nqueue_length = 1')
    with concurrent.futures.ThreadPoolExecutor() as threads, server.connect(**login("chief")) as connection:
        running = threads.submit(fail, server, "anna", ENDLESS)
        [first] = in_state(connection, "running", "anna")
        waiting = threads.submit(fail, server, "anna", ENDLESS)
        [second] = in_state(connection, "queued", "anna")
        assert "too many queries are waiting" in fail(server, "anna", ENDLESS)
        ask(connection, f"KILL '{second}'")
        assert "cancelled by an administrator" in waiting.result()
        assert "too many queries of yours are running" in fail(server, "anna", ENDLESS)
        assert ask(connection, f"SELECT state FROM mesh.runtime.queries WHERE query_id = '{first}'") == [("running",)]
        ask(connection, f"KILL '{first}'")
        running.result()


def test_reader_that_stops_reading_is_ended_at_the_deadline_and_frees_its_place(with_users):
    server = with_users('query_timeout = "3s"\nconcurrent_queries = 1')
    many = "SELECT a.value, repeat('x', 1000) AS c FROM generate_series(1, 1000000) a"
    with server.connect(**login("anna")) as connection, server.connect(**login("chief")) as chief:
        reader = connection.cursor()
        reader.execute(many)
        assert reader.fetchone() == (1, "x" * 1000)
        end = time.monotonic() + CHANGE_SECONDS_MAX
        sql = "SELECT state, error FROM mesh.runtime.queries WHERE principal = 'anna' AND sql LIKE 'SELECT a.value%'"
        # The one place is taken until the deadline; then the administrator's own query, made before, gets it.
        assert ask(chief, sql) == [("running", None)]
        while (found := ask(chief, sql)) != [("failed", "DeadlineExceeded")]:
            assert time.monotonic() < end, found
            time.sleep(0.1)
        with pytest.raises(adbc_driver_manager.Error, match="took longer than 3 s"):
            while reader.fetchmany(10_000):
                pass
        reader.close()


class Headers(flight.ClientMiddlewareFactory):
    """Notes the ids of queries that answers name."""

    def __init__(self):
        self.seen = []

    def start_call(self, info):
        factory = self

        class Middleware(flight.ClientMiddleware):
            def received_headers(self, headers):
                factory.seen += headers.get("x-query-id", [])

        return Middleware()


def test_answers_and_errors_name_the_query(server):
    headers = Headers()
    with flight.FlightClient(server.uri, middleware=[headers]) as client:
        sql = "SELECT domain FROM mesh.discovery.domains"
        info = client.get_flight_info(query(sql))
        client.do_get(info.endpoints[0].ticket).read_all()
        [planned, run] = headers.seen
        assert planned == run
        headers.seen.clear()
        with pytest.raises(KeyError):
            client.get_flight_info(query("SELECT * FROM no.such.thing"))
        [failed] = headers.seen
        listed = fetch(client, query(
            f"SELECT query_id, state, error FROM mesh.runtime.queries WHERE query_id IN ('{run}', '{failed}') ORDER BY state"))
        assert listed.to_pylist() == [
            {"query_id": failed, "state": "failed", "error": "NotFound"}, {"query_id": run, "state": "finished", "error": None}]


def test_principal_with_its_share_keeps_nobody_else_out(with_users):
    server = with_users(server="statements = 8\nprincipal_share = 25")
    with server.connect(**login("anna")) as connection, server.connect(**login("bert")) as other:
        cursors = [connection.cursor() for _ in range(3)]
        for cursor in cursors[:2]:
            cursor.adbc_prepare("SELECT 1")
        with pytest.raises(adbc_driver_manager.Error, match="you have too many prepared statements"):
            cursors[2].adbc_prepare("SELECT 1")
        with other.cursor() as cursor:
            cursor.adbc_prepare("SELECT 1")
        for cursor in cursors:
            cursor.close()
