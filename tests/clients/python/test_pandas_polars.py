"""pandas and polars over ADBC, as their users call them."""

import datetime
import decimal

import pandas
import polars
import pytest

ORDERS = "SELECT order_id, amount, ordered_on, note, country FROM shop.orders.orders ORDER BY order_id"


def test_pandas_reads_sql(connection):
    frame = pandas.read_sql(ORDERS, connection)
    assert len(frame) == 1000 and list(frame.columns) == ["order_id", "amount", "ordered_on", "note", "country"]
    assert frame["order_id"].sum() == 499_500 and frame["note"].isna().sum() == 143
    frame = pandas.read_sql(ORDERS, connection, dtype_backend="pyarrow")
    assert frame["amount"].sum() == decimal.Decimal("47115.00")


def test_pandas_reads_every_type(connection):
    frame = pandas.read_sql("SELECT * FROM shop.kinds.kinds ORDER BY id", connection, dtype_backend="pyarrow")
    assert frame["text"].tolist()[:2] == ["", "Zürich 🎵"] and len(frame) == 3


def test_pandas_cannot_write(connection):
    with pytest.raises(pandas.errors.DatabaseError) as error:
        pandas.DataFrame({"a": [1]}).to_sql("a", connection, index=False)
    assert "read-only" in str(error.value.__cause__)


def test_polars_reads_a_database(connection):
    frame = polars.read_database(ORDERS, connection)
    assert frame.shape == (1000, 5)
    assert frame.schema["order_id"] == polars.Int64 and frame.schema["note"] == polars.String
    assert frame["ordered_on"][0] == datetime.date(2026, 1, 1)
    frame = polars.read_database("SELECT order_id FROM shop.orders.orders WHERE order_id < ?", connection,
                                 execute_options={"parameters": (3,)})
    assert sorted(frame["order_id"].to_list()) == [0, 1, 2]
    batches = list(polars.read_database(ORDERS, connection, iter_batches=True, batch_size=100))
    assert sum(len(batch) for batch in batches) == 1000


def test_polars_reads_every_type(connection):
    frame = polars.read_database("SELECT * FROM shop.kinds.kinds ORDER BY id", connection)
    assert frame.shape == (3, 17) and frame["instant"][0] == datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def test_empty_result_has_its_types(connection):
    sql = "SELECT order_id, note FROM shop.orders.orders WHERE order_id < 0"
    assert polars.read_database(sql, connection).schema == {"order_id": polars.Int64, "note": polars.String}
    assert list(pandas.read_sql(sql, connection).columns) == ["order_id", "note"]
