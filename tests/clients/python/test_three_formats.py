"""One question across three domains and three formats, through Flight SQL, against DuckDB's answer over the same rows."""

import decimal

import duckdb
import pandas
import polars
import pyarrow
import pytest
import sample_mesh

QUESTION = """
SELECT c.country, i.title, count(*) AS orders, sum(o.amount) AS amount, sum(o.quantity * i.price) AS worth
FROM {orders} o JOIN {customers} c ON o.customer_id = c.customer_id JOIN {items} i ON o.item_id = i.item_id
WHERE o.country <> 'DE' AND c.born_on < DATE '1992-01-01' AND i.price > 2 AND o.note IS NOT NULL
GROUP BY c.country, i.title ORDER BY c.country, i.title
"""
IN_THE_MESH = {"orders": "shop.orders.orders", "customers": "people.customers.customers", "items": "stock.items.items"}


@pytest.fixture(scope="module")
def duck():
    connection = duckdb.connect()
    for name in IN_THE_MESH:
        connection.register(name, getattr(sample_mesh, name)())
    return connection


def ask_duck(duck, text):
    return duck.sql(text.format(**{name: name for name in IN_THE_MESH})).to_arrow_table().to_pylist()


def plain(rows):
    """Rows with decimals of any scale made comparable."""
    return [{name: value.normalize() if isinstance(value, decimal.Decimal) else value for name, value in row.items()} for row in rows]


def test_question_across_three_formats_has_duckdbs_answer(cursor, duck):
    cursor.execute(QUESTION.format(**IN_THE_MESH))
    ours = cursor.fetch_arrow_table().to_pylist()
    assert len(ours) > 10
    assert plain(ours) == plain(ask_duck(duck, QUESTION))


@pytest.mark.parametrize("text", [
    "SELECT * FROM {orders} ORDER BY order_id",
    "SELECT * FROM {customers} ORDER BY customer_id",
    "SELECT * FROM {items} ORDER BY item_id",
    "SELECT country, count(*) AS n, min(ordered_on) AS first, max(ordered_on) AS last FROM {orders} GROUP BY country ORDER BY country",
    "SELECT order_id FROM {orders} WHERE amount > 99 AND country = 'SE' ORDER BY order_id",
    "SELECT customer_id FROM {customers} WHERE email IS NULL ORDER BY customer_id",
    "SELECT item_id, weight_kg FROM {items} WHERE weight_kg IS NULL OR weight_kg > 2.5 ORDER BY item_id",
    "SELECT item_id FROM {items} WHERE added_at >= TIMESTAMPTZ '2026-03-01 20:00:00+00:00' ORDER BY item_id",
    "SELECT country FROM {orders} INTERSECT SELECT country FROM {customers} ORDER BY country",
    "SELECT c.customer_id, o.order_id FROM {customers} c LEFT JOIN {orders} o ON o.customer_id = c.customer_id AND o.amount > 99.8 ORDER BY 1, 2",
    "SELECT order_id, sum(amount) OVER (PARTITION BY country ORDER BY order_id) AS running FROM {orders} ORDER BY order_id",
    "SELECT count(*) AS n FROM {orders} WHERE note LIKE 'note 1%'",
])
def test_every_format_gives_the_rows_that_were_written(cursor, duck, text):
    cursor.execute(text.format(**IN_THE_MESH))
    assert plain(cursor.fetch_arrow_table().to_pylist()) == plain(ask_duck(duck, text))


def test_pandas_and_polars_get_the_rows(cursor, duck):
    expected = ask_duck(duck, QUESTION)
    cursor.execute(QUESTION.format(**IN_THE_MESH))
    frame = cursor.fetch_df()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["orders"].tolist() == [row["orders"] for row in expected]
    cursor.execute(QUESTION.format(**IN_THE_MESH))
    frame = polars.from_arrow(cursor.fetch_arrow_table())
    assert frame["title"].to_list() == [row["title"] for row in expected]


def test_parameters_bind(cursor, duck):
    cursor.execute("SELECT count(*) AS n FROM shop.orders.orders WHERE country = ? AND amount > ?", ("SE", 50.0))
    expected = duck.execute("SELECT count(*) FROM orders WHERE country = 'SE' AND amount > 50").fetchone()
    assert cursor.fetchone() == expected


def test_every_type_reaches_the_client(cursor):
    cursor.execute("SELECT * FROM shop.kinds.kinds ORDER BY id")
    answer = cursor.fetch_arrow_table()
    written = sample_mesh.kinds()
    assert answer.column_names == written.column_names
    for name in written.column_names:
        got, wanted = answer[name], written[name]
        assert got.cast(wanted.type).to_pylist() == wanted.to_pylist(), name
    assert pyarrow.types.is_decimal(answer["exact"].type)


def test_empty_answer_has_a_schema(cursor):
    cursor.execute("SELECT order_id, note FROM shop.orders.orders WHERE country = 'XX'")
    answer = cursor.fetch_arrow_table()
    assert (answer.num_rows, answer.column_names) == (0, ["order_id", "note"])


def test_analyze_says_what_each_port_read(cursor):
    cursor.execute("EXPLAIN ANALYZE " + QUESTION.format(**IN_THE_MESH))
    text = "\n".join(str(value) for row in cursor.fetchall() for value in row)
    for domain in ("shop", "people", "stock"):
        assert domain in text, text
