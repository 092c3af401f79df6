"""flightsql-dbapi 0.2.2 and its SQLAlchemy 1.4 dialect: what Superset's users had before the dialect in python/.

It writes parameters into the statement unless `feature-sqlalchemy-prepared-statements=on` stands in the URL, and then sends them as unions.
"""

import datetime

import flightsql
import flightsql.sqlalchemy  # noqa: F401  registers its dialect
import pytest
import sqlalchemy


@pytest.fixture(params=["", "&feature-sqlalchemy-prepared-statements=on"], ids=["literal", "prepared"])
def engine(server, request):
    made = sqlalchemy.create_engine(server.uri.replace("grpc://", "datafusion+flightsql://") + "?insecure=True" + request.param)
    yield made
    made.dispose()


@pytest.fixture
def client(server):
    host, port = server.uri.removeprefix("grpc://").split(":")
    return flightsql.FlightSQLClient(host=host, port=int(port), insecure=True)


def rows(engine, statement, **parameters):
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(statement, parameters)]


def test_statements(engine):
    assert rows(engine, sqlalchemy.text("SELECT 1")) == [(1,)]
    assert rows(engine, sqlalchemy.text("SELECT count(*) FROM shop.orders.orders")) == [(1000,)]
    assert rows(engine, sqlalchemy.text("SELECT * FROM shop.orders.orders LIMIT 0")) == []
    assert len(rows(engine, sqlalchemy.text("SELECT * FROM shop.kinds.kinds"))) == 3


def test_select_of_a_table(engine):
    orders = sqlalchemy.table("orders", sqlalchemy.column("order_id"), sqlalchemy.column("country"), schema="orders")
    with engine.connect() as connection:
        # One session for a client: its thread has one connection.
        connection.execute(sqlalchemy.text("USE shop"))
        found = connection.execute(sqlalchemy.select(orders.c.order_id).where(orders.c.order_id < 3, orders.c.country == "SE")).fetchall()
    assert [tuple(row) for row in found] == [(2,)]


@pytest.mark.parametrize("value", [7, 7.125, "Zürich 🎵", True], ids=repr)
def test_parameters(engine, value):
    column = {int: "whole", float: "double", str: "text", bool: "flag"}[type(value)]
    kinds = sqlalchemy.table("kinds", *map(sqlalchemy.column, ("id", column)), schema="kinds")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("USE shop"))
        found = connection.execute(sqlalchemy.select(kinds.c.id).where(kinds.c[column] == value)).fetchall()
    assert [tuple(row) for row in found] == [(2,)]


def test_dbapi_binds_on_the_first_handle(client):
    with flightsql.connect(client) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT order_id FROM shop.orders.orders WHERE order_id = ? AND country = ?", (2, "SE"))
        assert [tuple(row) for row in cursor.fetchall()] == [(2,)]
        cursor.execute("SELECT id FROM shop.kinds.kinds WHERE day = ?", [datetime.date(2026, 11, 21).isoformat()])
        assert [tuple(row) for row in cursor.fetchall()] == [(2,)]


def test_inspector(engine):
    inspector = sqlalchemy.inspect(engine)
    assert {"orders", "orders@1", "calendar", "customers"} <= set(inspector.get_schema_names())
    assert {"days", "months"} <= set(inspector.get_table_names(schema="calendar"))
    columns = inspector.get_columns("items", schema="items")
    assert [column["name"] for column in columns] == ["item_id", "title", "price", "weight_kg", "added_at"]


def test_errors(engine):
    for sql, word in (("SELECT * FROM shop.orders.order", "does not exist"), ("SELEC", "SELEC"), ("DROP TABLE shop.orders.orders", "read-only")):
        with pytest.raises(Exception, match=word):
            rows(engine, sqlalchemy.text(sql))


def test_user_and_password(server):
    engine = sqlalchemy.create_engine(server.uri.replace("grpc://", "datafusion+flightsql://ines:secret@") + "?insecure=True")
    assert rows(engine, sqlalchemy.text("SELECT 1")) == [(1,)]
