"""COPY ... TO STDOUT over the PostgreSQL listener: psycopg, psql, and the ADBC driver, which reads with it alone."""

import csv
import datetime
import decimal
import io
import shutil
import subprocess
import threading

import adbc_driver_postgresql.dbapi
import pandas
import psycopg
import pyarrow as pa
import pytest

from test_postgresql import ENDLESS, PG, UTC, connected, connection, postgresql, state, states, until  # noqa: F401  (fixtures)


def copied(connection, statement):
    with connection.cursor().copy(statement) as copy:
        return b"".join(bytes(part) for part in copy)


# ---- formats


def test_csv_is_read_back_as_it_was(connection):
    texts = ["plain", "a,b", 'say "x"', "two\nlines", "", "\\.", "ä"]
    values = ", ".join(f"({index}, '{text}')" for index, text in enumerate(texts)) + ", (99, NULL)"
    query = f"SELECT * FROM (VALUES {values}) t(id, text) ORDER BY id"
    data = copied(connection, f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)").decode()
    assert list(csv.reader(io.StringIO(data))) == [["id", "text"], *([str(index), text] for index, text in enumerate(texts)), ["99", ""]]
    # An empty text and NULL differ.
    assert data.splitlines()[-1] == "99," and "4,\"\"" in data.splitlines()
    for options in ["(FORMAT csv, DELIMITER ';', NULL 'NULL', QUOTE '''', FORCE_QUOTE *)", "DELIMITER ';' NULL 'NULL' CSV QUOTE '''' FORCE QUOTE id, text"]:
        assert copied(connection, f"COPY ({query} LIMIT 2) TO STDOUT {options}") == b"'0';'plain'\n'1';'a,b'\n"


def test_text_is_what_postgresql_writes(connection):
    query = "SELECT E'a\\tb\\n\\\\', NULL, true, [1, NULL, 3], X'00ff', DATE '2024-02-29', CAST(1.50 AS DECIMAL(5, 2))"
    assert copied(connection, f"COPY ({query}) TO STDOUT") == b"a\\tb\\n\\\\\t\\N\tt\t{1,NULL,3}\t\\\\x00ff\t2024-02-29\t1.50\n"
    assert copied(connection, "COPY (SELECT 1 AS a, 'x|y') TO STDOUT WITH (HEADER true, DELIMITER '|')") == b"a|?column?\n1|x\\|y\n"


def test_table_and_its_columns_are_copied(connection):
    lines = copied(connection, "COPY shop.orders.orders (order_id, country) TO STDOUT").decode().splitlines()
    assert len(lines) == 1000 and sorted(lines)[0] == "0\tCH"
    assert len(copied(connection, "COPY shop.orders.orders TO STDOUT CSV HEADER").splitlines()) == 1001
    cursor = connection.cursor()
    with cursor.copy("COPY (SELECT 1 WHERE false) TO STDOUT (FORMAT binary)") as copy:
        assert b"".join(bytes(part) for part in copy) == b"PGCOPY\n\xff\r\n\0" + b"\0" * 8 + b"\xff\xff"


def test_binary_is_read_by_its_types(connection):
    with connection.cursor().copy("COPY (SELECT 7::int, 'x', DATE '2024-02-29', NULL) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "date", "text"])
        assert list(copy.rows()) == [(7, "x", datetime.date(2024, 2, 29), None)]


def test_what_is_no_copy_to_the_client_is_refused(connection):
    for statement in ["COPY shop.orders.orders FROM STDIN", "COPY shop.orders.orders TO '/tmp/x'", "COPY shop.orders.orders TO PROGRAM 'cat'",
                      "COPY (INSERT INTO t VALUES (1)) TO STDOUT", "COPY (SELECT 1) TO STDOUT (FORMAT parquet)"]:
        assert state(connection.execute, statement) == "0A000", statement
    assert state(connection.execute, "COPY shop.orders.order TO STDOUT") == "42P01"
    assert state(connection.execute, "COPY (SELECT $1) TO STDOUT") == "42601"
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        with connection.cursor().copy("COPY shop.orders.orders FROM STDIN") as copy:
            copy.write(b"1\n")
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_error_in_the_middle_ends_the_copy_and_not_the_session(connection):
    with pytest.raises(psycopg.Error):
        copied(connection, "COPY (SELECT 1 / (order_id - 999) FROM shop.orders.orders) TO STDOUT")
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_large_copy_streams_and_is_cancelled(serve, mesh):
    server = serve(mesh, *PG)
    with connected(server) as connection:
        data = copied(connection, "COPY (SELECT value, 'x' || value FROM generate_series(1, 300000) t(value)) TO STDOUT")
        assert data.count(b"\n") == 300_000 and b"300000\tx300000\n" in data
        # What nobody could keep in memory.
        with connection.cursor().copy("COPY (SELECT a.value, b.value FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b) TO STDOUT") as copy:
            for _ in range(1000):
                assert copy.read()
            connection.cancel()
            with pytest.raises(psycopg.errors.QueryCanceled):
                while copy.read():
                    pass
        assert connection.execute("SELECT 1").fetchone() == (1,)

        def cancel():
            try:
                until(lambda: states(server)[-1:] == ["running"])
            finally:
                connection.cancel()
        canceller = threading.Thread(target=cancel)
        canceller.start()
        assert state(copied, connection, f"COPY ({ENDLESS}) TO STDOUT") == "57014"
        canceller.join()


@pytest.mark.skipif(shutil.which("psql") is None, reason="psql is missing (Debian: apt-get install postgresql-client)")
def test_psql_copies_to_a_file(postgresql, tmp_path):
    host, port = postgresql.postgresql
    command = rf"\copy (SELECT order_id, note FROM orders.orders ORDER BY order_id LIMIT 2) to '{tmp_path}/x.csv' csv header"
    done = subprocess.run(["psql", "-h", host, "-p", port, "-U", "anna", "-d", "shop", "-X", "-c", command], capture_output=True, text=True, timeout=120)
    assert done.stdout == "COPY 2\n", done.stderr
    assert (tmp_path / "x.csv").read_text() == "order_id,note\n0,\n1,note 1\n"


# ---- ADBC


@pytest.fixture
def adbc(postgresql):
    host, port = postgresql.postgresql
    with adbc_driver_postgresql.dbapi.connect(f"postgresql://anna@{host}:{port}/shop", autocommit=True) as connection:
        yield connection


def test_adbc_reads_every_type(adbc):
    with adbc.cursor() as cursor:
        cursor.execute("SELECT id, flag, tiny, small, whole, large, single, double, day, local_time, instant, text, bytes, list FROM kinds.kinds ORDER BY id")
        rows = cursor.fetch_arrow_table().to_pylist()
    moment = datetime.datetime(2026, 11, 21, 13, 14, 15, 678901)
    assert list(rows[1].values()) == [2, True, 7, 7, 7, 7, 7.25, 7.125, datetime.date(2026, 11, 21), moment, moment.replace(tzinfo=UTC),
                                      "Zürich 🎵", b"\x00\xff", [1, None, 3]]
    assert list(rows[2].values())[1:] == [None] * 13


def test_adbc_reads_decimals_as_text_and_many_rows(adbc):
    with adbc.cursor() as cursor:
        cursor.execute("SELECT CAST(-12.50 AS DECIMAL(10, 2)) AS d")
        [[value]] = cursor.fetchall()
        assert decimal.Decimal(value) == decimal.Decimal("-12.50")
        cursor.execute("SELECT value, 'x' || value AS text FROM generate_series(1, 200000) t(value)")
        table = cursor.fetch_arrow_table()
        assert table.num_rows == 200_000 and table.schema.types == [pa.int64(), pa.string()]
        cursor.execute("SELECT 1 AS a WHERE false")
        assert cursor.fetch_arrow_table().num_rows == 0
    frame = pandas.read_sql("SELECT country, count(*) FROM orders.orders GROUP BY country ORDER BY country", adbc)
    assert frame.to_dict("list") == {"country": ["CH", "DE", "SE"], "count": [334, 333, 333]}


def test_adbc_binds_and_knows_the_tables(adbc):
    with adbc.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders.orders WHERE order_id < $1 AND country = $2", (500, "SE"))
        assert cursor.fetchall() == [(166,)]
    assert adbc.adbc_get_table_schema("orders", db_schema_filter="orders").names[:2] == ["order_id", "customer_id"]
    [catalog] = [row for row in adbc.adbc_get_objects(depth="tables", db_schema_filter="orders").read_all().to_pylist() if row["catalog_name"] == "shop"]
    [schema] = catalog["catalog_db_schemas"]
    assert [table["table_name"] for table in schema["db_schema_tables"]] == ["orders"]
    # Columns are asked for with their constraints, in words that DataFusion does not plan: a table for each row.
    with pytest.raises(adbc_driver_postgresql.dbapi.Error):
        adbc.adbc_get_objects(depth="columns", db_schema_filter="orders")
    with adbc.cursor() as cursor, pytest.raises(adbc_driver_postgresql.dbapi.Error, match="read"):
        cursor.adbc_ingest("x", pa.table({"a": [1]}))
