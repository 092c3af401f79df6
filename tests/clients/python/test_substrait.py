"""Plans of Substrait, made by another engine: the same answers as the SQL they were made from."""

import adbc_driver_manager
import datafusion
import pyarrow
import pytest
from datafusion import substrait
from pyarrow import flight

from flight_sql import command, fetch, field, packed, query

# The columns of the sample mesh's tables, as a planner elsewhere would know them from the catalog.
TABLES = {
    "shop.orders.orders": "order_id BIGINT, customer_id BIGINT, item_id BIGINT, quantity INT, amount DECIMAL(12, 2), ordered_on DATE",
    "people.customers.customers": "customer_id BIGINT, name TEXT, country TEXT",
}
QUERIES = [
    "SELECT 1 AS one, 'a' AS a",
    "SELECT count(*) AS n FROM shop.orders.orders",
    "SELECT item_id, count(*) AS n, sum(amount) AS total FROM shop.orders.orders WHERE quantity > 2 GROUP BY item_id ORDER BY total DESC, item_id LIMIT 5",
    "SELECT order_id, CASE WHEN amount > 50 THEN 'large' ELSE 'small' END AS size FROM shop.orders.orders WHERE order_id IN (1, 2, 3) ORDER BY order_id",
    "SELECT o.order_id FROM shop.orders.orders o WHERE o.customer_id IN (SELECT max(customer_id) FROM shop.orders.orders) ORDER BY 1",
    "SELECT c.name, count(*) AS n FROM shop.orders.orders o JOIN people.customers.customers c ON o.customer_id = c.customer_id"
    " GROUP BY c.name ORDER BY n DESC, c.name LIMIT 3",
    "SELECT customer_id FROM shop.orders.orders UNION ALL SELECT customer_id FROM people.customers.customers ORDER BY 1 LIMIT 7",
]


@pytest.fixture(scope="module")
def planner(server):
    """Another engine, which knows the columns and holds no rows."""
    context = datafusion.SessionContext()
    for name, columns in columns_of(server).items():
        domain, product, _ = name.split(".")
        for statement in (f"CREATE DATABASE {domain}", f"CREATE SCHEMA {domain}.{product}", f"CREATE TABLE {name} ({columns})"):
            context.sql(statement).collect()
    return context


def columns_of(server):
    """The columns of the tables with the types that the server says."""
    types = {"int64": "BIGINT", "int32": "INT", "string": "TEXT", "large_string": "TEXT", "date32[day]": "DATE", "double": "DOUBLE"}
    found = {}
    with server.connect() as connection, connection.cursor() as cursor:
        for name in TABLES:
            cursor.execute(f"SELECT * FROM {name} LIMIT 0")
            schema = cursor.fetch_arrow_table().schema
            found[name] = ", ".join(
                f"{column.name} {types.get(str(column.type)) or str(column.type).replace('128', '').upper()}" for column in schema
                if str(column.type) in types or pyarrow.types.is_decimal(column.type))
    return found


def plan(planner, sql):
    return substrait.Serde.serialize_to_plan(sql, planner).encode()


@pytest.mark.parametrize("sql", QUERIES)
def test_plan_gives_what_its_sql_gives(connection, planner, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        expected = cursor.fetchall()
        cursor.adbc_statement.set_substrait_plan(plan(planner, sql))
        handle, _ = cursor.adbc_statement.execute_query()
        table = pyarrow.RecordBatchReader._import_from_c(handle.address).read_all()
    assert [tuple(row.values()) for row in table.to_pylist()] == expected


def test_plan_is_described_prepared_and_run_again(server, planner):
    client = flight.connect(server.uri)
    message = field(1, plan(planner, QUERIES[2]))
    descriptor = command("CommandStatementSubstraitPlan", field(1, message))
    expected = fetch(client, query(QUERIES[2]))
    assert fetch(client, descriptor).equals(expected)
    [made] = client.do_action(flight.Action("CreatePreparedSubstraitPlan", packed("ActionCreatePreparedSubstraitPlanRequest", field(1, message))))
    body = made.body.to_pybytes()
    handle = body[body.index(b"\x0a\x10") + 2:][:16]
    for _ in range(2):
        prepared = command("CommandPreparedStatementQuery", field(1, handle))
        assert client.do_get(client.get_flight_info(prepared).endpoints[0].ticket).read_all().equals(expected)


def refused(server, body, kind):
    client = flight.connect(server.uri)
    with pytest.raises(kind) as caught:
        client.get_flight_info(command("CommandStatementSubstraitPlan", body))
    return str(caught.value)


def test_what_is_no_plan_is_refused(server, planner):
    whole = plan(planner, QUERIES[2])
    for body in [b"", field(1, b""), field(1, field(1, b"")), field(1, field(1, b"garbage")), field(1, field(1, whole[: len(whole) // 2])),
                 field(1, field(1, b"\x0a" * 100_000))]:
        assert "lacks" in (text := refused(server, body, pyarrow.ArrowInvalid)) or "Substrait" in text, text
    # The server goes on, and a table that does not exist is named with its nearest.
    planner.sql("CREATE TABLE shop.orders.nothing (a INT)").collect()
    text = refused(server, field(1, field(1, plan(planner, "SELECT a FROM shop.orders.nothing"))), KeyError)
    assert "shop.orders.nothing" in text
    assert fetch(flight.connect(server.uri), query("SELECT 1 AS a")).to_pylist() == [{"a": 1}]


def test_plan_that_expects_other_columns_is_refused(server, planner):
    planner.sql("DROP TABLE people.customers.customers").collect()
    planner.sql("CREATE TABLE people.customers.customers (customer_id TEXT, secret TEXT)").collect()
    body = field(1, field(1, plan(planner, "SELECT secret FROM people.customers.customers")))
    assert "customer_id" in refused(server, body, (pyarrow.ArrowInvalid, KeyError))


def test_what_is_no_plan_is_logged_as_a_query_that_failed(server):
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_substrait_plan(b"\xff" * 4711)
        with pytest.raises(adbc_driver_manager.Error, match="cannot be read"):
            cursor.adbc_statement.execute_query()
        cursor.execute("SELECT state, error FROM mesh.runtime.queries WHERE sql = 'SUBSTRAIT PLAN (4711 bytes)'")
        assert cursor.fetchall() == [("failed", "InvalidQuery")]


def test_plan_is_logged_and_takes_no_update(server, planner):
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_substrait_plan(plan(planner, QUERIES[1]))
        with pytest.raises(adbc_driver_manager.Error, match="read-only"):
            cursor.adbc_statement.execute_update()
        cursor.adbc_statement.execute_query()
        cursor.execute("SELECT count(*) > 0 FROM mesh.runtime.queries WHERE sql LIKE 'SUBSTRAIT PLAN (% bytes)'")
        assert cursor.fetchone() == (True,)
