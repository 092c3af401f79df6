"""Statements through Python's ADBC DB-API: parameters, schemas, session statements, errors."""

import datetime
import decimal

import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import pyarrow as pa
import pytest
from adbc_driver_manager import AdbcStatusCode

UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2026, 11, 21, 13, 14, 15, 678901)


def rows(cursor, sql, parameters=None):
    cursor.execute(sql, parameters)
    return cursor.fetchall()


def refused(cursor, sql, parameters=None):
    with pytest.raises(adbc_driver_manager.Error) as error:
        cursor.execute(sql, parameters)
        cursor.fetchall()
    return error.value


# ---- parameters


@pytest.mark.parametrize("value", [
    1, -(2**63), 1.5, True, "Zürich 🎵", "", "it's ?", b"\x00\xff", None, decimal.Decimal("12.345"),
    datetime.date(2026, 11, 21), datetime.time(13, 14, 15, 678901), MOMENT, MOMENT.replace(tzinfo=UTC),
    datetime.datetime(9999, 12, 31), datetime.datetime(1, 1, 1), [1, 2], {"a": 1},
], ids=repr)
@pytest.mark.parametrize("sql", ["SELECT ? AS v", "SELECT $1 AS v"])
def test_every_python_value_comes_back(cursor, sql, value):
    [(found,)] = rows(cursor, sql, (value,))
    if isinstance(found, list):
        found = list(found)
    assert found == value


@pytest.mark.parametrize("data_type, value", [
    (pa.int8(), -128), (pa.int16(), 7), (pa.int32(), 7), (pa.int64(), 7), (pa.uint8(), 255), (pa.uint16(), 7),
    (pa.uint32(), 7), (pa.uint64(), 2**64 - 1), (pa.float32(), 1.5), (pa.float64(), 1.5), (pa.string(), "a"),
    (pa.large_string(), "a"), (pa.string_view(), "a"), (pa.binary(), b"a"), (pa.large_binary(), b"a"),
    (pa.binary_view(), b"a"), (pa.binary(2), b"ab"), (pa.decimal128(12, 2), decimal.Decimal("1.25")),
    (pa.decimal256(38, 2), decimal.Decimal("1.25")), (pa.date32(), datetime.date(2026, 1, 2)),
    (pa.timestamp("s"), MOMENT.replace(microsecond=0)), (pa.timestamp("us", "UTC"), MOMENT.replace(tzinfo=UTC)),
    (pa.dictionary(pa.int8(), pa.string()), "a"), (pa.list_(pa.int32()), [1, None]), (pa.null(), None),
], ids=str)
def test_every_arrow_type_can_be_bound(cursor, data_type, value):
    batch = pa.record_batch([pa.array([value], data_type)], names=["v"])
    cursor.execute("SELECT $1 AS v", batch)
    assert cursor.fetch_arrow_table()["v"].to_pylist() == [value]


def test_union_is_unwrapped(cursor):
    union = pa.UnionArray.from_dense(pa.array([1], pa.int8()), pa.array([0], pa.int32()),
                                     [pa.array(["x"]), pa.array([7], pa.int64())])
    assert rows(cursor, "SELECT order_id FROM shop.orders.orders WHERE order_id = ?",
                pa.record_batch([union], names=["param_0"])) == [(7,)]


def test_parameters_are_bound_by_position(cursor):
    assert rows(cursor, "SELECT $2 AS a, $1 AS b, $2 AS c", (1, "x")) == [("x", 1, "x")]
    numbered = ", ".join(f"${n} AS c{n}" for n in range(1, 13))
    assert rows(cursor, f"SELECT {numbered}", tuple(range(12))) == [tuple(range(12))]
    assert rows(cursor, "SELECT ?, '?', \"c?\", ? /* ? */ FROM (SELECT 9 AS \"c?\") -- ?", (1, 2)) == [(1, "?", 9, 2)]


def test_value_is_compared_as_what_it_is(cursor):
    count = "SELECT count(*) FROM shop.orders.orders WHERE order_id = ?"
    assert rows(cursor, count, (1.5,)) == [(0,)]
    assert rows(cursor, count, (2.0,)) == [(1,)]
    assert rows(cursor, count, (decimal.Decimal("2"),)) == [(1,)]
    assert rows(cursor, count, ("2",)) == [(1,)]
    assert rows(cursor, count, (None,)) == [(0,)]
    assert rows(cursor, "SELECT count(*) FROM shop.orders.orders WHERE quantity < ?", (2**40,)) == [(1000,)]
    assert rows(cursor, "SELECT count(*) FROM shop.orders.orders WHERE amount > ?", (0.005,)) == [(999,)]
    assert rows(cursor, "SELECT count(*) FROM shop.orders.orders WHERE ordered_on = ?", (datetime.date(2026, 1, 1),)) == [(12,)]


def test_limit_takes_a_parameter(cursor):
    assert rows(cursor, "SELECT order_id FROM shop.orders.orders ORDER BY 1 LIMIT ? OFFSET ?", (2, 3)) == [(3,), (4,)]


def test_binding_again_replaces(cursor):
    sql = "SELECT ? AS v"
    for value in (1, 2, "three", None):
        assert rows(cursor, sql, (value,)) == [(value,)]


def test_query_runs_once_for_each_row_of_parameters(cursor):
    sql = "SELECT order_id, country FROM shop.orders.orders WHERE order_id = ?"
    many = pa.record_batch([pa.array([5, 999, 7, -1, 5], pa.int64())], names=["id"])
    cursor.execute(sql, many)
    assert cursor.fetch_arrow_table()["order_id"].to_pylist() == [5, 999, 7, 5]


@pytest.mark.parametrize("sql, parameters, text", [
    ("SELECT ?, $1", (1,), "both"),
    ("SELECT ?", None, "no value"),
    ("SELECT ?, ?", (1,), "2 parameters"),
    ("SELECT ?", (1, 2), "1 parameter"),
    ("SELECT 1", (1,), "no parameters"),
    ("SELECT $name", (1,), "$name"),
    ("SELECT * FROM shop.orders.orders WHERE order_id = ?", ("x",), "$1"),
])
def test_wrong_parameters_are_refused(cursor, sql, parameters, text):
    error = refused(cursor, sql, parameters)
    assert error.status_code == AdbcStatusCode.INVALID_ARGUMENT and text in str(error), error


def test_prepare_tells_the_parameters(cursor):
    schema = cursor.adbc_prepare("SELECT $2 AS a FROM shop.orders.orders WHERE order_id = $1")
    assert len(schema) == 2 and schema.field(0).type == pa.int64()
    assert all(field.nullable for field in schema)


# ---- executemany and updates


def test_query_is_no_update(cursor):
    with pytest.raises(adbc_driver_manager.Error, match="execute"):
        cursor.executemany("SELECT ?", [(1,), (2,)])
    assert rows(cursor, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("sql", [
    "INSERT INTO shop.orders.orders VALUES (1)", "DELETE FROM shop.orders.orders", "DROP TABLE shop.orders.orders",
    "CREATE TABLE a AS SELECT 1", "CREATE VIEW a AS SELECT 1", "UPDATE shop.orders.orders SET quantity = 1",
    "COPY (SELECT 1) TO 'a.parquet'",
])
def test_write_is_refused(cursor, sql):
    error = refused(cursor, sql)
    assert isinstance(error, adbc_driver_manager.NotSupportedError) and "read-only" in str(error), error
    with pytest.raises(adbc_driver_manager.NotSupportedError):
        cursor.executemany(sql, None)


def test_ingest_is_refused(cursor):
    with pytest.raises(adbc_driver_manager.NotSupportedError, match="read-only"):
        cursor.adbc_ingest("a", pa.table({"a": [1]}), mode="create")


def test_autocommit_off_is_survived(server):
    with pytest.warns(Warning), adbc_driver_flightsql.dbapi.connect(server.uri) as connection:
        with connection.cursor() as cursor:
            assert rows(cursor, "SELECT 1") == [(1,)]


# ---- session statements run once, down the query path


def test_set_and_use_hold_for_the_connection(server):
    with server.connect() as one, server.connect() as other:
        with one.cursor() as cursor:
            cursor.execute("SET catalog = 'shop'")
            assert cursor.fetchall() == []
            assert rows(cursor, "SELECT count(*) FROM orders.orders") == [(1000,)]
            cursor.execute("USE people.customers")
            assert rows(cursor, "SELECT count(*) FROM customers") == [(40,)]
        assert (one.adbc_current_catalog, one.adbc_current_db_schema) == ("people", "customers")
        with one.cursor() as cursor:
            cursor.executemany("RESET catalog", None)
        with pytest.raises(adbc_driver_manager.Error) as error:
            one.adbc_current_catalog
        assert error.value.status_code == AdbcStatusCode.NOT_FOUND
        with pytest.raises(adbc_driver_manager.Error):
            other.adbc_current_catalog


def test_options_of_the_driver_are_those_of_set(server):
    with server.connect() as connection, connection.cursor() as cursor:
        connection.adbc_current_catalog = "shop"
        connection.adbc_current_db_schema = "orders"
        assert rows(cursor, "SELECT count(*) FROM orders") == [(1000,)]
        with pytest.raises(adbc_driver_manager.Error) as error:
            connection.adbc_current_catalog = "nowhere"
        assert error.value.status_code == AdbcStatusCode.NOT_FOUND
        option = "adbc.flight.sql.session.option."
        connection.adbc_connection.set_options(**{option + "timezone": "Europe/Stockholm"})
        assert connection.adbc_connection.get_option(option + "timezone") == "Europe/Stockholm"
        for name, value in (("datafusion.runtime.memory_limit", "1G"), ("timezone", "Moon/Base")):
            with pytest.raises(adbc_driver_manager.Error) as error:
                connection.adbc_connection.set_options(**{option + name: value})
            assert error.value.status_code == AdbcStatusCode.INVALID_ARGUMENT, name


def test_login_keeps_a_session_apart(server):
    with server.connect(username="ada", password="x") as connection, connection.cursor() as cursor:
        cursor.execute("SET catalog = 'shop'")
        assert rows(cursor, "SELECT count(*) FROM orders.orders") == [(1000,)]


def test_purpose_header_holds_for_the_statement(server):
    header = {"adbc.flight.sql.rpc.call_header.x-mesh-purpose": "reporting"}
    with server.connect(**header) as connection, connection.cursor() as cursor:
        assert rows(cursor, "SELECT 1") == [(1,)]


# ---- one schema


@pytest.mark.parametrize("sql", [
    "SELECT 1 AS a", "SELECT * FROM shop.kinds.kinds", "SELECT count(*), max(note) FROM shop.orders.orders",
    "SELECT country, row_number() OVER (ORDER BY order_id) FROM shop.orders.orders",
    "SELECT * FROM people.customers.customers LIMIT 0", "EXPLAIN SELECT 1",
    "SELECT arrow_cast('a', 'Utf8View'), arrow_cast('a', 'LargeUtf8'), arrow_cast('a', 'Dictionary(Int8, Utf8)')",
    "SHOW TABLES", "SELECT * FROM mesh.discovery.products", "SELECT NULL",
    "SELECT 1 UNION ALL SELECT NULL",
], ids=str)
def test_every_answer_shows_one_schema(server, cursor, sql):
    before = cursor.adbc_execute_schema(sql)
    cursor.execute(sql)
    found = cursor.fetch_arrow_table().schema
    assert found.equals(before, check_metadata=True)
    assert all(field.nullable for field in found)
    names = {str(field.type) for field in found}
    assert not [name for name in names if "view" in name or "large" in name or "dictionary" in name]


def test_result_without_rows_keeps_its_schema(cursor):
    cursor.execute("SELECT order_id, note FROM shop.orders.orders WHERE order_id < 0")
    found = cursor.fetch_arrow_table()
    assert found.num_rows == 0 and found.schema.types == [pa.int64(), pa.string()]
    assert [column[0] for column in cursor.description] == ["order_id", "note"]


def test_column_tells_its_sql_type(cursor):
    cursor.execute("SELECT amount FROM shop.orders.orders LIMIT 1")
    metadata = cursor.fetch_arrow_table().schema.field(0).metadata
    assert metadata[b"ARROW:FLIGHT:SQL:TYPE_NAME"] == b"DECIMAL"
    assert metadata[b"ARROW:FLIGHT:SQL:PRECISION"] == b"12"


# ---- errors


@pytest.mark.parametrize("sql, status, text", [
    ("SELEC 1", AdbcStatusCode.INVALID_ARGUMENT, "syntax"),
    (" ", AdbcStatusCode.INVALID_ARGUMENT, "empty"),
    ("SELECT nothing FROM shop.orders.orders", AdbcStatusCode.INVALID_ARGUMENT, "nothing"),
    ("SELECT 1; SELECT 2", AdbcStatusCode.INVALID_ARGUMENT, "2 statements"),
    ("SELECT 1/0", AdbcStatusCode.INVALID_ARGUMENT, "zero"),
    ("SELECT * FROM nowhere.orders.orders", AdbcStatusCode.NOT_FOUND, "nowhere"),
    ("SELECT * FROM shop.orders.order", AdbcStatusCode.NOT_FOUND, "orders"),
    ("SELECT 1 FROM shop.orders.orders WHERE CAST(note AS INT) = 1", AdbcStatusCode.INVALID_ARGUMENT, ""),
])
def test_error_has_the_class_of_its_reaction(cursor, sql, status, text):
    error = refused(cursor, sql)
    assert error.status_code == status and text in str(error), error
    assert "\n" not in str(error.args[0]).split("[")[0]


def test_statement_timeout_ends_the_query(server):
    options = {"adbc.flight.sql.rpc.timeout_seconds.fetch": "1.0"}
    endless = "SELECT sum(a.quantity + b.quantity + c.quantity + d.quantity) FROM " + ", ".join(
        f"shop.orders.orders {name}" for name in "abcd")
    with server.connect(**options) as connection, connection.cursor() as cursor:
        with pytest.raises(adbc_driver_manager.Error) as error:
            cursor.execute(endless)
            cursor.fetchall()
        assert error.value.status_code in (AdbcStatusCode.TIMEOUT, AdbcStatusCode.CANCELLED), error.value
