"""SQL that BI tools write: with parameters, the names of its columns, and what DuckDB says of the same."""

import datetime
import random

import adbc_driver_manager
import duckdb
import pytest

PAIRS = 300


def rows(cursor, sql, parameters=None):
    cursor.execute(sql, parameters)
    return cursor.fetchall()


@pytest.mark.parametrize(("sql", "parameters", "expected"), [
    ("SELECT TOP (?) order_id FROM shop.orders.orders ORDER BY order_id", [2], [(0,), (1,)]),
    ("SELECT order_id FROM shop.orders.orders ORDER BY order_id OFFSET ? ROWS FETCH NEXT 1 ROWS ONLY", [5], [(5,)]),
    ("SELECT {fn LENGTH(?)}", ["ab  "], [(2,)]),
    ("SELECT {fn UCASE(?)}, {fn LOCATE(?, 'banana')}", ["x", "n"], [("X", 3)]),
    ("SELECT DATEADD(day, ?, DATE '2026-01-31')", [1], [(datetime.date(2026, 2, 1),)]),
    ("SELECT DATEDIFF(month, ?, DATE '2026-03-01')", [datetime.date(2026, 1, 31)], [(2,)]),
    ("SELECT count(*) FROM shop.orders.orders WHERE ISNULL(country, 'none') = ?", ["SE"], [(333,)]),
    ("SELECT CONVERT(int, ?), IIF(? > 1, 'a', 'b')", ["7", 2], [(7, "a")]),
])
def test_parameters_are_bound_in_what_is_rewritten(cursor, sql, parameters, expected):
    assert rows(cursor, sql, parameters) == expected


def test_column_is_called_what_was_written(cursor):
    cursor.execute("SELECT TOP 1 LEN(country), {fn UCASE(country)}, country, len(country) AS n FROM shop.orders.orders")
    assert [column[0] for column in cursor.description] == ["LEN(country)", "{fn UCASE(country)}", "country", "n"]


def test_statements_around_a_query_change_nothing(cursor):
    for sql in ["BEGIN", "SET extra_float_digits = 3", "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "COMMIT"]:
        cursor.execute(sql)
    assert rows(cursor, "SHOW TRANSACTION ISOLATION LEVEL") == [("read committed",)]


def test_session_is_told_apart(server):
    with server.connect() as one, server.connect() as other:
        with one.cursor() as cursor, other.cursor() as cursor_of_other:
            sql = "SELECT current_schema(), current_database()"
            assert rows(cursor, sql) == [(None, None)]
            cursor.execute("SET catalog = 'shop'")
            cursor.execute("SET search_path = orders")
            assert rows(cursor, sql) == [("orders", "shop")]
            assert rows(cursor_of_other, sql) == [(None, None)]


def random_instant(chance):
    return datetime.datetime(chance.randint(1900, 2100), chance.randint(1, 12), chance.randint(1, 28), chance.randint(0, 23),
                             chance.randint(0, 59), chance.randint(0, 59), chance.randint(0, 999_999))


def test_dates_are_counted_as_duckdb_counts_them(cursor):
    chance = random.Random(7)
    pairs = [(random_instant(chance), random_instant(chance), chance.randint(-400, 400)) for _ in range(PAIRS)]
    values = ", ".join(f"({at}, {{ts '{a}'}}, {{ts '{b}'}}, {n})" for at, (a, b, n) in enumerate(pairs))
    table = f"(VALUES {values}) t(i, a, b, n)"
    columns = [("TIMESTAMPDIFF(week, a, b)", "date_sub('week', a, b)")]
    for unit in ["year", "quarter", "month", "day", "hour", "minute", "second", "millisecond", "microsecond"]:
        columns.append((f"DATEDIFF({unit}, a, b)", f"date_diff('{unit}', a, b)"))
        columns.append((f"TIMESTAMPDIFF({unit}, a, b)", f"date_sub('{unit}', a, b)"))
    for unit in ["year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond"]:
        of_duckdb = {"quarter": "to_months(n * 3)", "week": "to_days(n * 7)", "millisecond": "to_milliseconds(n)"}
        columns.append((f"DATEADD({unit}, n, a)", f"a + {of_duckdb.get(unit, f'to_{unit}s(n)')}"))
    columns += [
        ("{fn DAYOFWEEK(a)}", "dayofweek(a) + 1"), ("{fn WEEK(a)}", "weekofyear(a)"), ("{fn DAYOFYEAR(a)}", "dayofyear(a)"),
        ("{fn QUARTER(a)}", "quarter(a)"), ("{fn MONTHNAME(a)}", "monthname(a)"), ("{fn DAYNAME(a)}", "dayname(a)"),
    ]
    ours, theirs = (", ".join(f"{column[side]} AS c{at}" for at, column in enumerate(columns)) for side in (0, 1))
    ours = rows(cursor, f"SELECT {ours} FROM {table} ORDER BY i")
    table = table.replace("{ts", "TIMESTAMP").replace("}", "")
    theirs = duckdb.sql(f"SELECT {theirs} FROM {table} ORDER BY i").fetchall()
    for pair, mine, other in zip(pairs, ours, theirs, strict=True):
        assert mine == other, pair


def test_texts_are_searched_as_duckdb_searches_them(cursor):
    chance = random.Random(8)
    texts = ["".join(chance.choices("aäb ", k=chance.randint(0, 6))) for _ in range(PAIRS)]
    values = ", ".join(f"({at}, '{text}', '{chance.choice(['a', 'ä', 'ab', 'b '])}')" for at, text in enumerate(texts))
    table = f"(VALUES {values}) t(i, x, sought)"
    ours = rows(cursor, f"SELECT LEN(x), CHARINDEX(sought, x), {{fn INSERT(x, 2, 1, 'z')}} FROM {table} ORDER BY i")
    theirs = duckdb.sql(
        f"SELECT length(rtrim(x, ' ')), position(sought IN x), x[:1] || 'z' || x[3:] FROM {table} ORDER BY i").fetchall()
    assert ours == theirs


FUNCTIONS = {
    "{{fn UCASE({})}}": 1, "{{fn LENGTH({})}}": 1, "{{fn CONCAT({}, {})}}": 2, "{{fn LOCATE({}, {}, {})}}": 3, "{{fn INSERT({}, {}, {}, {})}}": 4,
    "{{fn SPACE({})}}": 1, "{{fn LOG({})}}": 1, "{{fn MOD({}, {})}}": 2, "{{fn TRUNCATE({}, {})}}": 2, "{{fn SIGN({})}}": 1,
    "{{fn YEAR({})}}": 1, "{{fn DAYOFWEEK({})}}": 1, "{{fn SECOND({})}}": 1, "{{fn MONTHNAME({})}}": 1, "{{fn CHAR({})}}": 1,
    "{{fn CONVERT({}, SQL_VARCHAR)}}": 1, "{{fn CONVERT({}, SQL_TIMESTAMP)}}": 1, "CONVERT(int, {})": 1, "CONVERT(varchar(3), {})": 1,
    "CAST({} AS DATETIME2)": 1, "CAST({} AS MONEY)": 1, "CAST({} AS BIT)": 1, "CAST({} AS NVARCHAR(2))": 1, "TRY_CONVERT(date, {})": 1,
    "DATEDIFF(month, {}, {})": 2, "DATEDIFF(ns, {}, {})": 2, "TIMESTAMPDIFF(WEEK, {}, {})": 2, "DATEADD(year, {}, {})": 2, "DATEADD(ms, {}, {})": 2,
    "TIMESTAMPADD(SQL_TSI_DAY, {}, {})": 2, "DATEPART(ms, {})": 1, "DATEPART(dw, {})": 1, "LEN({})": 1, "ISNULL({}, {})": 2, "IIF({}, {}, {})": 3,
    "CHARINDEX({}, {}, {})": 3, "REPLICATE({}, {})": 2, "{} LIKE 'a!%' ESCAPE '!'": 1,
}
VALUES = [
    "NULL", "0", "-1", "9223372036854775807", "1.5", "1e300", "''", "'ä b '", "'2026-01-31'", "'9999-12-31'", "true", "id", "text", "day", "instant",
    "local_time", "exact", "list", "bytes", "{d '0001-01-01'}", "{ts '9999-12-31 23:59:59.999999'}", "{t '10:00:00'}", "LOCALTIMESTAMP(0)",
    "CURRENT_TIME(3)", "GETDATE()", "current_schema()", "user", "N'x'", "{fn PI()}", "INTERVAL '1 day'",
]


def test_whatever_is_nested_is_answered_or_refused(cursor):
    chance = random.Random(9)

    def expression(depth):
        if depth == 0 or chance.random() < 0.2:
            return chance.choice(VALUES)
        form, arity = chance.choice(list(FUNCTIONS.items()))
        return form.format(*(expression(depth - 1) for _ in range(arity)))

    answered = 0
    for _ in range(600):
        sql = f"SELECT TOP 2 {expression(chance.randint(1, 3))} FROM shop.kinds.kinds"
        try:
            rows(cursor, sql)
            answered += 1
        except adbc_driver_manager.Error as error:
            kinds = ("INVALID_ARGUMENT", "NOT_IMPLEMENTED", "ResourceExhausted")
            assert any(kind in str(error) for kind in kinds), f"{sql}: {error}"
    assert answered > 60
