"""Clients of PostgreSQL: psycopg, asyncpg, pg8000 and psql, and what they send that is none of the protocol."""

import asyncio
import contextlib
import datetime
import decimal
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import asyncpg
import pg8000.native
import psycopg
import pytest
import sqlalchemy

PG = ("--pg-listen", "127.0.0.1:0")
WAIT_SECONDS_MAX = 30

# A value of every type: its SQL, and what a client makes of it.
UTC = datetime.timezone.utc
VALUES = [
    ("CAST(1 AS SMALLINT)", 1), ("CAST(-2 AS INT)", -2), ("9007199254740993", 9007199254740993),
    ("CAST(200 AS TINYINT UNSIGNED)", 200), ("CAST(4000000000 AS INT UNSIGNED)", 4000000000),
    ("CAST(18446744073709551615 AS BIGINT UNSIGNED)", decimal.Decimal(2**64 - 1)),
    ("CAST(1.5 AS REAL)", 1.5), ("1e300", 1e300), ("CAST('NaN' AS DOUBLE) IS NOT NULL", True),
    ("CAST(-12.50 AS DECIMAL(10, 2))", decimal.Decimal("-12.50")),
    ("CAST('12345678901234567890123456789012345.678' AS DECIMAL(38, 3))", decimal.Decimal("12345678901234567890123456789012345.678")),
    ("CAST(0 AS DECIMAL(10, 4))", decimal.Decimal("0.0000")),
    ("'ä \"x\" \\ '''", "ä \"x\" \\ '"), ("''", ""), ("X'00ff'", b"\x00\xff"), ("true", True), ("NULL", None),
    ("DATE '2024-02-29'", datetime.date(2024, 2, 29)), ("TIME '01:02:03.5'", datetime.time(1, 2, 3, 500000)),
    ("TIMESTAMP '1969-12-31 23:59:59.999999'", datetime.datetime(1969, 12, 31, 23, 59, 59, 999999)),
    ("CAST('2024-02-29T01:02:03Z' AS TIMESTAMP WITH TIME ZONE)", datetime.datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC)),
    ("INTERVAL '3 days 4 hours'", datetime.timedelta(days=3, hours=4)),
    ("[1, NULL, 3]", [1, None, 3]), ("['a', '', 'NULL', 'x y', '\"']", ["a", "", "NULL", "x y", '"']),
    ("arrow_cast('dictionary', 'Dictionary(Int32, Utf8)')", "dictionary"),
    ("named_struct('a', 1, 'b', [true])", {"a": 1, "b": [True]}), ("[[1], [2, 3]]", [[1], [2, 3]]),
]
QUERY = "SELECT " + ", ".join(f"{sql} AS c{index}" for index, (sql, _) in enumerate(VALUES))
ROW = tuple(value for _, value in VALUES)


@pytest.fixture(scope="module")
def postgresql(samite, mesh):
    from conftest import Server
    running = Server(samite, mesh, *PG)
    yield running
    running.stop()


@contextlib.contextmanager
def connected(server, user="anna", database="mesh", **options):
    host, port = server.postgresql
    with psycopg.connect(host=host, port=port, user=user, dbname=database, connect_timeout=20,
                         **({"autocommit": True} | options)) as connection:
        yield connection


@pytest.fixture
def connection(postgresql):
    with connected(postgresql) as connection:
        yield connection


def state(do, *arguments):
    """The SQLSTATE that something is refused with."""
    with pytest.raises(psycopg.Error) as caught:
        do(*arguments)
    return caught.value.sqlstate


# ---- values


@pytest.mark.parametrize("binary", [False, True])
def test_value_of_every_type_arrives(connection, binary):
    cursor = connection.cursor(binary=binary).execute(QUERY)
    for (sql, _), value, expected in zip(VALUES, cursor.fetchone(), ROW, strict=True):
        assert (value, type(value)) == (expected, type(expected)), sql


def test_value_of_every_type_is_bound_in_text_and_in_binary(connection):
    values = [41, 2**40, 1.5, "ä", "", decimal.Decimal("-1.250"), True, b"\x00\xff", datetime.date(2024, 2, 29),
              datetime.datetime(2024, 2, 29, 1, 2, 3, 4), datetime.datetime(2024, 2, 29, tzinfo=UTC), datetime.time(1, 2, 3),
              datetime.timedelta(days=1, seconds=2), [1, 2, None], ["a", 'b"', None], None]
    for mark in ("%s", "%t", "%b"):
        # A list of texts has no type before it is compared with something.
        for value in values if mark == "%b" else [value for value in values if value != ["a", 'b"', None]]:
            assert connection.execute(f"SELECT {mark}", (value,)).fetchone() == (value,), (mark, value)


def test_parameters_take_the_type_that_the_query_needs(connection):
    query = "SELECT count(*) FROM shop.orders.orders WHERE order_id <= {} AND ordered_on < {}"
    [found] = connection.execute(query.format("%s", "%s"), (3, "2999-01-01")).fetchone()
    assert found > 0 and connection.execute(query.format("3", "DATE '2999-01-01'")).fetchone() == (found,)
    assert connection.execute("SELECT value FROM generate_series(1, 9) t(value) ORDER BY 1 LIMIT %s", (2,)).fetchall() == [(1,), (2,)]


def test_wrong_parameters_are_refused_and_the_connection_goes_on(connection):
    # The name of a type that the query needs, and a text that is none.
    assert state(connection.execute, "SELECT 1 WHERE id = %s", ("x",)) == "42601"
    for value in ["x", "1.5", ""]:
        assert state(connection.execute, "SELECT count(*) FROM shop.orders.orders WHERE order_id = %s", (value,)) == "42601", value
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_zone_of_the_session_is_told_and_used(connection):
    assert connection.info.parameter_status("TimeZone") == "UTC"
    connection.execute("SET TIME ZONE 'Asia/Kolkata'")
    assert connection.info.parameter_status("TimeZone") == "Asia/Kolkata"
    query = "SELECT CAST('2024-01-01T00:00:00Z' AS TIMESTAMP WITH TIME ZONE)"
    [[instant]] = connection.execute(query).fetchall()
    assert instant == datetime.datetime(2024, 1, 1, tzinfo=UTC) and instant.utcoffset() == datetime.timedelta(hours=5.5)
    connection.execute("RESET timezone")
    assert connection.info.parameter_status("TimeZone") == "UTC"


def test_what_has_no_place_in_the_types_is_refused(connection):
    for query in ["SELECT 'a' || chr(0)", "SELECT arrow_cast(9000000000000000, 'Timestamp(Second, None)')"]:
        assert state(connection.execute, query) == "0A000", query
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_large_answer_arrives_whole(connection):
    query = "SELECT value, value * 2, 'x' || value FROM generate_series(1, 200000) t(value)"
    rows = connection.cursor(binary=True).execute(query).fetchall()
    assert len(rows) == 200_000 and all(row == (row[0], row[0] * 2, f"x{row[0]}") for row in rows)


# ---- statements, cursors, transactions


def test_column_without_a_name_is_called_as_in_postgresql(connection):
    query = ("SELECT count(*), 1 + %s, CAST(min(order_id) AS TEXT), CASE WHEN true THEN 1 END, 2::int AS n, CAST(NULL AS DATE), max(order_id) FROM shop.orders.orders")
    expected = ["count", "?column?", "min", "case", "n", "date", "max"]
    for cursor in (connection.execute(query, (1,)), connection.execute(query.replace("%s", "1"))):
        assert [column.name for column in cursor.description] == expected
    [column] = connection.execute("SELECT oid FROM pg_class LIMIT 1").description
    assert (column.name, column.type_code) == ("oid", 26)
    # A column and a cast of it have the same name, as in PostgreSQL.
    cursor = connection.execute("SELECT CAST(order_id AS TEXT), order_id FROM shop.orders.orders WHERE order_id = 7")
    assert [column.name for column in cursor.description] == ["order_id", "order_id"] and cursor.fetchone() == ("7", 7)


def test_cursor_that_goes_back_is_refused_by_name(postgresql):
    with connected(postgresql, autocommit=False) as connection:
        for statement in ["DECLARE c SCROLL CURSOR FOR SELECT 1", "FETCH BACKWARD 1 FROM c", "FETCH PRIOR FROM c", "FETCH -1 FROM c", "FETCH LAST FROM c"]:
            with pytest.raises(psycopg.errors.FeatureNotSupported, match="only go forward"):
                connection.execute(statement)
            connection.rollback()


def test_several_statements_in_one_text_run_until_one_fails(connection):
    cursor = connection.execute("SET timezone = 'Europe/Berlin'; SELECT 1; SELECT 'a;b' -- ;\n; SHOW timezone")
    answers = []
    while True:
        answers.append(cursor.fetchall() if cursor.description else cursor.statusmessage)
        if not cursor.nextset():
            break
    assert answers == ["SET", [(1,)], [("a;b",)], [("Europe/Berlin",)]]
    assert state(connection.execute, "SELECT 1; SELECT nope; SET timezone = 'UTC'") == "42601"
    assert connection.execute("SHOW timezone").fetchone() == ("Europe/Berlin",)


def test_prepared_statement_is_run_again_with_other_values(postgresql):
    with connected(postgresql, prepare_threshold=1) as connection:
        for number in range(5):
            assert connection.execute("SELECT value * %s FROM generate_series(1, 2) t(value)", (number,)).fetchall() == [
                (number,), (2 * number,)]
        connection.execute("DEALLOCATE ALL")


def test_prepare_and_execute_as_statements(connection):
    connection.execute("PREPARE p (int, text) AS SELECT $1 + 1, $2")
    assert connection.execute("EXECUTE p (1 + 1, 'a' || 'b')").fetchall() == [(3, "ab")]
    assert state(connection.execute, "EXECUTE p (1)") == "42601"
    assert state(connection.execute, "PREPARE p AS SELECT 1") == "42P05"
    connection.execute("DEALLOCATE p")
    assert state(connection.execute, "EXECUTE p (1, 'a')") == "26000"


def test_cursor_hands_out_rows_in_steps(postgresql):
    with connected(postgresql, autocommit=False) as connection:
        for binary in (False, True):
            with connection.cursor("steps", binary=binary) as cursor:
                cursor.itersize = 700
                cursor.execute("SELECT value FROM generate_series(1, 5000) t(value) WHERE value > %s", (10,))
                assert [row[0] for row in cursor] == list(range(11, 5001))
        connection.execute("DECLARE c CURSOR WITH HOLD FOR SELECT value FROM generate_series(1, 5) t(value)")
        connection.commit()
        assert connection.execute("FETCH 2 FROM c").fetchall() == [(1,), (2,)]
        connection.commit()
        assert connection.execute("FETCH ALL FROM c").fetchall() == [(3,), (4,), (5,)]
        connection.execute("CLOSE c")
        connection.commit()
        assert state(connection.execute, "FETCH 1 FROM c") == "34000"


def test_transaction_that_failed_waits_for_its_end(postgresql):
    with connected(postgresql, autocommit=False) as connection:
        assert state(connection.execute, "SELECT nope") == "42601"
        assert state(connection.execute, "SELECT 1") == "25P02"
        connection.rollback()
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        connection.commit()
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_savepoint_lets_a_transaction_that_failed_go_on(postgresql):
    with connected(postgresql, autocommit=False) as connection:
        with connection.transaction():
            with pytest.raises(psycopg.errors.SyntaxError):
                with connection.transaction():
                    connection.execute("SELECT nope")
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert state(connection.execute, "ROLLBACK TO nowhere") == "3B001"
        connection.rollback()
    with connected(postgresql) as connection:
        assert state(connection.execute, "SAVEPOINT a") == "25P01"


def test_pipeline_answers_each_message_in_order(connection):
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", (number,)) for number in range(200)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(200))


def test_setting_holds_for_what_was_prepared_before_it(postgresql):
    client = Raw(postgresql)
    client.start()
    client.send(b"P", b"s\0SELECT count(*) FROM orders\0\0\0")
    client.send(b"H", b"")
    # Without a schema the name means nothing yet.
    assert client.error() == "42P01"
    client.send(b"S", b"")
    client.until(b"Z")
    bind = struct.pack("!hhh", 0, 0, 0)
    client.send(b"P", b"s\0SHOW timezone\0\0\0")
    client.send(b"P", b"t\0SET timezone = 'Europe/Berlin'\0\0\0")
    for name in (b"t", b"s"):
        client.send(b"B", b"\0" + name + b"\0" + bind)
        client.send(b"E", b"\0\0\0\0\0")
    client.send(b"S", b"")
    _, row = client.until(b"D")
    assert row.endswith(b"Europe/Berlin")
    client.until(b"Z")
    client.close()


def test_read_only_server_refuses_writes(connection):
    for statement in ["CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1"]:
        assert state(connection.execute, statement) == "0A000", statement


def test_error_has_code_message_and_hint(connection):
    with pytest.raises(psycopg.errors.UndefinedTable) as caught:
        connection.execute("SELECT * FROM shop.orders.order")
    assert "shop.orders.order" in caught.value.diag.message_primary
    assert "shop.orders.orders" in (caught.value.diag.message_hint or "")


def test_database_is_a_domain(postgresql):
    with connected(postgresql, database="shop") as connection:
        assert connection.execute("SELECT count(*) > 0 FROM orders.orders").fetchone() == (True,)
    with connected(postgresql, database="shop", options="-c search_path=orders") as connection:
        assert connection.execute("SELECT count(*) > 0 FROM orders").fetchone() == (True,)
    with pytest.raises(psycopg.OperationalError, match='domain "nope" does not exist'):
        with connected(postgresql, database="nope"):
            pass


def test_timeout_of_a_statement_is_in_milliseconds(connection):
    connection.execute("SET statement_timeout = 1500")
    assert connection.execute("SHOW statement_timeout").fetchone() == ("2",)
    query = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"
    assert state(connection.execute, query) == "57014"
    connection.execute("SET statement_timeout TO DEFAULT")


# ---- cancelling


ENDLESS = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"


def states(server):
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT state FROM mesh.runtime.queries WHERE sql = '{ENDLESS}' ORDER BY started_at")
        return [row[0] for row in cursor.fetchall()]


def until(done):
    end = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < end:
        if done():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def test_cancel_request_ends_a_statement_and_not_the_session(serve, mesh):
    server = serve(mesh, *PG)
    with connected(server) as connection:
        def cancel():
            until(lambda: states(server)[-1:] == ["running"])
            connection.cancel()
        canceller = threading.Thread(target=cancel)
        canceller.start()
        assert state(connection.execute, ENDLESS) == "57014"
        canceller.join()
        assert connection.execute("SELECT 1").fetchone() == (1,)
    until(lambda: states(server) == ["cancelled"])


def test_client_that_leaves_ends_its_statement(serve, mesh):
    server = serve(mesh, *PG)
    client = Raw(server)
    client.start()
    client.send(b"Q", ENDLESS.encode() + b"\0")
    until(lambda: states(server) == ["running"])
    client.close()
    until(lambda: states(server) == ["cancelled"])


def test_stop_tells_idle_clients_and_lets_statements_end(serve, mesh):
    server = serve(mesh, *PG)
    idle = Raw(server)
    idle.start()
    answers = []
    query = "SELECT count(*) FROM generate_series(1, 300000) a, generate_series(1, 20) b"

    def ask():
        with connected(server) as connection:
            answers.append(connection.execute(query).fetchone())

    asking = threading.Thread(target=ask)
    asking.start()
    with server.connect() as watcher, watcher.cursor() as cursor:
        def runs():
            cursor.execute(f"SELECT count(*) FROM mesh.runtime.queries WHERE sql = '{query}' AND state = 'running'")
            return cursor.fetchone() == (1,)
        until(runs)
    server.process.send_signal(signal.SIGTERM)
    assert idle.error() == "57P01"
    asking.join(WAIT_SECONDS_MAX)
    assert answers == [(6_000_000,)]
    assert server.stop() == 0


# ---- other drivers


def test_asyncpg(postgresql):
    async def ask():
        host, port = postgresql.postgresql
        connection = await asyncpg.connect(host=host, port=int(port), user="anna", database="mesh")
        # asyncpg gives JSON as text.
        plain = [(sql, value) for sql, value in VALUES if not isinstance(value, dict) and sql != "[[1], [2, 3]]"]
        row = await connection.fetchrow("SELECT " + ", ".join(f"{sql} AS c{index}" for index, (sql, _) in enumerate(plain)))
        assert tuple(row) == tuple(value for _, value in plain)
        for items in ("[1.5, NULL]", "[true]", "[DATE '2024-02-29']", "[X'00ff']", "[CAST(1 AS SMALLINT)]", "[TIMESTAMP '2024-02-29 01:02:03']"):
            assert len(await connection.fetchval(f"SELECT {items}")) in (1, 2), items
        assert await connection.fetchval("SELECT $1::int + 1", 41) == 42
        assert await connection.fetchval("SELECT count(*) FROM shop.orders.orders WHERE order_id = ANY ($1)", [1, 2, 5000]) == 2
        async with connection.transaction():
            seen = [row[0] async for row in connection.cursor("SELECT value FROM generate_series(1, 500) t(value)", prefetch=64)]
        assert seen == list(range(1, 501))
        with pytest.raises(asyncpg.exceptions.PostgresSyntaxError):
            await connection.fetch("SELECT nope")
        await connection.close()

    asyncio.run(ask())


def test_pg8000(postgresql):
    host, port = postgresql.postgresql
    connection = pg8000.native.Connection("anna", host=host, port=int(port), database="mesh")
    assert connection.run("SELECT CAST(:a AS INT) + 1, 'x', NULL", a=41) == [[42, "x", None]]
    connection.close()


def test_sqlalchemy_knows_the_tables(postgresql):
    host, port = postgresql.postgresql
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://anna@{host}:{port}/shop")
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT :x + 1"), {"x": 41}).scalar() == 42
        inspector = sqlalchemy.inspect(connection)
        assert {"orders", "orders@1", "Price-List"} <= set(inspector.get_schema_names())
        assert inspector.get_pk_constraint("orders", "orders")["constrained_columns"] == ["order_id"]
        assert [index["column_names"] for index in inspector.get_unique_constraints("orders", "orders")] == []
        inspector.get_foreign_keys("orders", "orders"), inspector.get_indexes("orders", "orders"), inspector.get_view_names("orders")
        assert inspector.get_table_names("orders") == ["orders"]
        names = [column["name"] for column in inspector.get_columns("orders", "orders")]
        assert names[:2] == ["order_id", "customer_id"]
    engine.dispose()


@pytest.mark.skipif(shutil.which("psql") is None, reason="psql is missing (Debian: apt-get install postgresql-client)")
def test_psql(postgresql):
    host, port = postgresql.postgresql

    def psql(*commands, **more):
        arguments = [part for command in commands for part in ("-c", command)]
        program = ["psql", "-h", host, "-p", port, "-U", "anna", "-d", "shop", "-X", "-A", "-t", *arguments]
        return subprocess.run(program, capture_output=True, text=True, timeout=120, **more)

    done = psql("SELECT 1, 'ä', NULL", "PREPARE p AS SELECT $1 + 1", "EXECUTE p (41)", "SELECT nope")
    assert done.stdout.splitlines() == ["1|ä|", "PREPARE", "42"]
    assert "nope" in done.stderr and done.returncode == 1
    done = psql(input="SELECT value FROM generate_series(1, 25) t(value) ORDER BY 1;\n\\set FETCH_COUNT 10\n"
                      "SELECT value FROM generate_series(1, 25) t(value) ORDER BY 1;\n")
    assert done.stdout.split() == [str(number) for number in range(1, 26)] * 2, done.stderr
    for command, expected in [(r"\l", "shop|"), (r"\dn", "orders|"), (r"\dt", "orders|orders|table"), (r"\d", "orders|orders|table"),
                              (r"\d orders.orders", "order_id|"), (r"\d+ orders.orders", "order_id|"), (r"\dL", ""), (r"\di", ""), (r"\dv", ""), (r"\df", ""), (r"\du", "anonymous|"), (r"\dp", "orders|"),
                              (r"\dx", ""), (r"\dT", ""), (r"\conninfo", "shop")]:
        done = psql(command)
        assert done.returncode == 0 and expected in done.stdout and "ERROR" not in done.stderr, (command, done.stdout, done.stderr)


# ---- what is none of the protocol


class Raw:
    """A client that sends what it likes."""

    def __init__(self, server):
        host, port = server.postgresql
        self.socket = socket.create_connection((host, int(port)), timeout=WAIT_SECONDS_MAX)

    def start(self, **parameters):
        body = b"".join(f"{name}\0{value}\0".encode() for name, value in ({"user": "anna"} | parameters).items())
        self.write(struct.pack("!ii", len(body) + 9, 3 << 16) + body + b"\0")
        self.until(b"Z")

    def write(self, data):
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def send(self, kind, body):
        self.write(kind + struct.pack("!i", len(body) + 4) + body)

    def read(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError
            data += part
        return data

    def message(self):
        kind, length = self.read(1), struct.unpack("!i", self.read(4))[0]
        return kind, self.read(length - 4)

    def until(self, wanted):
        """The kinds of messages up to one."""
        seen = []
        while True:
            kind, body = self.message()
            seen.append(kind)
            if kind == wanted:
                return seen, body

    def error(self):
        """The code of the next error; None if the server hangs up."""
        try:
            _, body = self.until(b"E")
        except (ConnectionError, OSError):
            return None
        return next(field[1:] for field in body.decode().split("\0") if field[:1] == "C")

    def close(self):
        self.socket.close()


def alive(server):
    with connected(server) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_garbage_ends_its_connection_and_nothing_else(postgresql):
    for data in [b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 5000, struct.pack("!ii", 2**31 - 1, 3 << 16),
                 struct.pack("!ii", 8, 3 << 16), struct.pack("!ii", 12, 80877102) + b"\0" * 4, b"\x16\x03\x01" + b"\0" * 100]:
        client = Raw(postgresql)
        client.write(data)
        with contextlib.suppress(OSError):
            client.socket.shutdown(socket.SHUT_WR)
        assert client.error() in (None, "28000", "08P01"), data
        client.close()
    for kind, body in [(b"Q", b"SELECT 1"), (b"Q", b"SELECT '\xff'\0"), (b"P", b"\0SELECT 1\0\xff\xff"), (b"P", b"\0"), (b"E", b"\0"),
                       (b"B", b"\0\0\0\0\x00\x01\x7f\xff\xff\xff"), (b"B", b"\0\0\xff\xff"), (b"D", b"X\0"), (b"C", b""), (b"?", b"")]:
        client = Raw(postgresql)
        client.start()
        client.send(kind, body)
        assert client.error() == "08P01", (kind, body)
        client.close()
    for length in (0, 3, -1, 2**31 - 1, 100 << 20):
        client = Raw(postgresql)
        client.start()
        client.write(b"Q" + struct.pack("!i", length))
        assert client.error() == "08P01", length
        client.close()
    assert alive(postgresql)


def test_messages_out_of_order_are_answered_with_an_error(postgresql):
    client = Raw(postgresql)
    client.start()
    bind = b"\0\0" + struct.pack("!hhh", 0, 0, 0)
    for kind, body, code in [
        (b"E", b"nope\0\0\0\0\0", "34000"), (b"B", b"\0nope\0" + struct.pack("!hhh", 0, 0, 0), "26000"), (b"D", b"Snope\0", "26000"),
        (b"D", b"Pnope\0", "34000"), (b"P", b"\0SELECT 1; SELECT 2\0\0\0", "42601"), (b"F", b"\0\0\0\x01\0\0\0\0\0\0", "0A000"),
    ]:
        client.send(kind, body)
        assert client.error() == code, kind
        client.send(b"S", b"")
        client.until(b"Z")
    # A portal gives its rows in steps, and is gone after Sync.
    client.send(b"P", b"\0SELECT value FROM generate_series(1, 5) t(value)\0\0\0")
    client.send(b"B", bind)
    client.send(b"E", b"\0\0\0\0\x02")
    client.send(b"H", b"")
    seen, _ = client.until(b"s")
    assert seen.count(b"D") == 2
    client.send(b"E", b"\0\x7f\xff\xff\xff")
    client.send(b"H", b"")
    seen, tag = client.until(b"C")
    assert seen.count(b"D") == 3 and tag == b"SELECT 3\0"
    client.send(b"S", b"")
    client.until(b"Z")
    client.send(b"E", b"\0\0\0\0\0")
    assert client.error() == "34000"
    client.close()


def test_wrong_number_of_values_and_formats_is_refused(postgresql):
    client = Raw(postgresql)
    client.start()
    client.send(b"P", b"s\0SELECT $1::int, 2\0\0\0")
    for body in [struct.pack("!hhh", 0, 0, 0), struct.pack("!hhiih", 0, 2, -1, -1, 0),
                 struct.pack("!hhhhih", 2, 0, 0, 1, -1, 0), struct.pack("!hhihhhh", 0, 1, -1, 3, 0, 0, 0),
                 struct.pack("!hhihh", 0, 1, -1, 1, 7)]:
        client.send(b"B", b"\0s\0" + body)
        assert client.error() == "08P01", body
        client.send(b"S", b"")
        client.until(b"Z")
    client.close()


def test_kept_statements_are_bounded(postgresql):
    client = Raw(postgresql)
    client.start()
    for number in range(1001):
        client.send(b"P", f"s{number}\0SELECT 1\0".encode() + b"\0\0")
    client.send(b"S", b"")
    assert client.error() == "54000"
    client.close()


def test_wrong_key_cancels_nothing(postgresql):
    host, port = postgresql.postgresql
    for key in (b"", b"\0\0\0\0", b"x" * 32):
        with socket.create_connection((host, int(port)), timeout=WAIT_SECONDS_MAX) as client:
            client.sendall(struct.pack("!iii", 12 + len(key), 80877102, 1) + key)
            assert client.recv(1) == b""
    assert alive(postgresql)


def test_connections_that_never_begin_are_dropped_and_others_served(postgresql):
    clients = [Raw(postgresql) for _ in range(300)]
    for index, client in enumerate(clients):
        client.write(struct.pack("!ii", 100, 3 << 16)[: index % 9])
    assert alive(postgresql)
    assert clients[0].error() is None and clients[5].error() is None
    for client in clients:
        client.close()


def test_encoding_other_than_utf8_and_replication_are_refused(postgresql):
    for options in [{"client_encoding": "LATIN1"}, {"replication": "database"}]:
        with pytest.raises(psycopg.OperationalError, match="not supported"):
            with connected(postgresql, **options):
                pass
