"""psqlODBC against the PostgreSQL listener: what Excel, Power BI and Tableau ask through it."""

import datetime
import decimal
import threading
import time

import pytest

try:
    import pyodbc
    LACKING = "" if "PostgreSQL Unicode" in pyodbc.drivers() else "the driver is missing (Debian: apt-get install odbc-postgresql)"
except ImportError:
    LACKING = "unixODBC is missing (Debian: apt-get install unixodbc odbc-postgresql)"

if LACKING:
    pytest.skip(f"psqlODBC: {LACKING}", allow_module_level=True)

from test_postgresql import ENDLESS, postgresql  # noqa: E402, F401  (a fixture)

MODES = ["", ";UseDeclareFetch=1;Fetch=100", ";UseServerSidePrepare=0", ";Protocol=7.4-1;BoolsAsChar=0;TextAsLongVarchar=0"]


def connect(server, more="", **options):
    host, port = server.postgresql
    return pyodbc.connect(f"Driver={{PostgreSQL Unicode}};Server={host};Port={port};Database=shop;Uid=anna;Pwd=none{more}", **options)


@pytest.fixture(params=MODES)
def cursor(postgresql, request):
    connection = connect(postgresql, request.param, autocommit=True)
    yield connection.cursor()
    connection.close()


def test_values_of_every_type_arrive(cursor):
    row = cursor.execute("SELECT small, whole, large, single, double, exact, day, local_time, text, bytes FROM kinds.kinds WHERE id = 2").fetchone()
    assert tuple(row) == (7, 7, 7, 7.25, 7.125, decimal.Decimal("7.10"), datetime.date(2026, 11, 21),
                          datetime.datetime(2026, 11, 21, 13, 14, 15, 678901), "Zürich 🎵", b"\x00\xff")
    assert tuple(cursor.execute("SELECT * FROM kinds.kinds WHERE id = 3").fetchone())[1:] == (None,) * 16
    assert len(cursor.execute("SELECT value FROM generate_series(1, 20000) t(value)").fetchall()) == 20_000


def test_values_are_bound(cursor):
    query = "SELECT count(*) FROM orders.orders WHERE order_id < ? AND country = ? AND ordered_on >= ? AND amount < ?"
    for _ in range(3):
        [found] = cursor.execute(query, 500, "SE", datetime.date(2026, 1, 15), decimal.Decimal("50.5")).fetchone()
        assert found == cursor.execute("SELECT count(*) FROM orders.orders WHERE order_id < 500 AND country = 'SE' "
                                       "AND ordered_on >= DATE '2026-01-15' AND amount < 50.5").fetchone()[0] > 0
    assert cursor.execute("SELECT ?", None).fetchone()[0] is None


def test_catalog_functions_answer(cursor):
    assert [tuple(row)[:4] for row in cursor.tables(schema="orders").fetchall()] == [("shop", "orders", "orders", "TABLE")]
    assert len(cursor.tables().fetchall()) > 5
    assert [row[0] for row in cursor.tables(catalog="%", schema="", table="").fetchall()] == ["shop"]
    assert "orders" in [row[1] for row in cursor.tables(catalog="", schema="%", table="").fetchall()]
    assert [row.column_name for row in cursor.columns(table="orders", schema="orders").fetchall()][:2] == ["order_id", "customer_id"]
    assert [row.column_name for row in cursor.primaryKeys("orders", schema="orders").fetchall()] == ["order_id"]
    assert cursor.foreignKeys("orders").fetchall() == []
    assert [row.column_name for row in cursor.statistics("orders", schema="orders").fetchall() if row.column_name] == ["order_id"]
    assert len(cursor.getTypeInfo().fetchall()) > 10
    cursor.procedures().fetchall()
    cursor.rowIdColumns("orders", schema="orders").fetchall()


def test_error_has_its_state_and_the_connection_goes_on(cursor):
    with pytest.raises(pyodbc.Error) as caught:
        cursor.execute("SELECT * FROM orders.order").fetchall()
    assert caught.value.args[0] == "42P01"
    assert cursor.execute("SELECT 1").fetchone()[0] == 1


def test_transactions(postgresql):
    connection = connect(postgresql)
    cursor = connection.cursor()
    assert cursor.execute("SELECT 1").fetchone()[0] == 1
    with pytest.raises(pyodbc.Error):
        cursor.execute("SELECT nope")
    connection.rollback()
    assert cursor.execute("SELECT 1").fetchone()[0] == 1
    connection.commit()
    connection.close()


def test_cancel_ends_a_statement(postgresql):
    connection = connect(postgresql, autocommit=True)
    cursor = connection.cursor()

    def cancel():
        time.sleep(1)
        cursor.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(pyodbc.Error):
        cursor.execute(ENDLESS)
    canceller.join()
    assert connection.cursor().execute("SELECT 1").fetchone()[0] == 1
    connection.close()
