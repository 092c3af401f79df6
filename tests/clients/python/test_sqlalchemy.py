"""The dialect in python/, under the SQLAlchemy that is installed: 2, and 1.4 where tests/run made an environment with it."""

import datetime
import decimal
import importlib
import sys
import types

import conftest
import pytest

sqlalchemy = pytest.importorskip("sqlalchemy")
sys.path.insert(0, str(conftest.ROOT / "python/src"))

from sqlalchemy import exc  # noqa: E402
from sqlalchemy.dialects import registry  # noqa: E402

registry.register("samite", "samite_sqlalchemy.dialect", "SamiteDialect")
registry.register("samite.tls", "samite_sqlalchemy.dialect", "SamiteTlsDialect")

UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2026, 11, 21, 13, 14, 15, 678901)


@pytest.fixture
def make(server):
    """Engines over the sample mesh: make("/shop?timezone=...", **create_engine's options)."""
    engines = []

    def engine(rest="", **options):
        engines.append(sqlalchemy.create_engine(server.uri.replace("grpc://", "samite://") + rest, **options))
        return engines[-1]

    yield engine
    for made in engines:
        made.dispose()


@pytest.fixture
def orders():
    return table("orders", "order_id", "customer_id", "amount", "ordered_on", "country", schema="shop.orders")


def table(name, *columns, schema):
    return sqlalchemy.table(name, *map(sqlalchemy.column, columns), schema=schema)


def rows(engine, statement, parameters=None):
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(statement, parameters or {})]


# ---- statements


def test_text_and_parameters(make):
    assert rows(make(), sqlalchemy.text("SELECT 1")) == [(1,)]
    assert rows(make(), sqlalchemy.text("SELECT :a + 1 AS x, :b AS y, :a + 1 AS z"), {"a": 1, "b": "Zürich"}) == [(2, "Zürich", 2)]
    assert rows(make(), sqlalchemy.text("SELECT count(*) FROM shop.orders.orders WHERE country = :c"), {"c": "SE"}) == [(333,)]


@pytest.mark.parametrize("value", [
    1, 1.5, True, "it's ?", b"\x00", None, decimal.Decimal("12.345"), datetime.date(2026, 11, 21), datetime.time(13, 14, 15), MOMENT,
    MOMENT.replace(tzinfo=UTC)], ids=repr)
def test_every_value_comes_back(make, value):
    assert rows(make(), sqlalchemy.select(sqlalchemy.literal(value))) == [(value,)]


def test_paging_is_exact(make, orders):
    select = sqlalchemy.select(orders.c.order_id).order_by(orders.c.order_id)
    assert rows(make(), select.limit(2)) == [(0,), (1,)]
    assert rows(make(), select.limit(2).offset(3)) == [(3,), (4,)]
    assert rows(make(), select.offset(998)) == [(998,), (999,)]


def test_conditions_and_joins(make, orders):
    customers = table("customers", "customer_id", "name", schema="people.customers")
    joined = sqlalchemy.select(sqlalchemy.func.count()).select_from(
        orders.join(customers, orders.c.customer_id == customers.c.customer_id)
    ).where(orders.c.order_id.in_([1, 2, 3]), orders.c.ordered_on >= datetime.date(2026, 1, 3), customers.c.name.like("Customer%"))
    assert rows(make(), joined) == [(2,)]


def test_parameter_in_group_by_is_one_parameter(make, orders):
    month = sqlalchemy.func.date_trunc("month", orders.c.ordered_on)
    counts = sqlalchemy.select(month, sqlalchemy.func.count()).group_by(month).order_by(month)
    if sqlalchemy.__version__.startswith("1."):
        # It writes a ? for each use, and no server can tell that they are one.
        with pytest.raises(exc.DBAPIError, match="GROUP BY"):
            rows(make(), counts)
    else:
        assert [count for _, count in rows(make(), counts)] == [351, 308, 341]


def test_literals_are_typed(make, orders):
    count = sqlalchemy.select(sqlalchemy.func.count()).select_from(orders).where(orders.c.ordered_on < datetime.date(2026, 2, 1), orders.c.amount > 1.5)
    engine = make()
    text = str(count.compile(engine, compile_kwargs={"literal_binds": True}))
    assert "DATE '2026-02-01'" in text
    assert rows(engine, sqlalchemy.text(text)) == rows(engine, count)


def test_names_are_quoted_where_they_must_be(make):
    assert rows(make(), sqlalchemy.select(sqlalchemy.func.count()).select_from(table("orders", schema="shop.orders@1"))) == [(1000,)]
    assert rows(make("/shop"), sqlalchemy.select(sqlalchemy.func.count()).select_from(table("orders", schema="orders@2.1"))) == [(1000,)]
    prices = table("Prices", "Price", schema="shop.Price-List")
    assert rows(make(), sqlalchemy.select(prices.c.Price.label("a b")).order_by(sqlalchemy.desc("a b"))) == [(2.5,), (1.5,)]


def test_types_of_a_cast(make):
    for type_, value in ((sqlalchemy.String(10), "7"), (sqlalchemy.Integer, 7), (sqlalchemy.Numeric(10, 2), decimal.Decimal("7.00")),
                         (sqlalchemy.Float, 7.0), (sqlalchemy.BigInteger, 7), (sqlalchemy.Text, "7")):
        assert rows(make(), sqlalchemy.select(sqlalchemy.cast("7", type_))) == [(value,)], type_
    moment = sqlalchemy.select(sqlalchemy.cast("2026-11-21 13:14:15", sqlalchemy.DateTime), sqlalchemy.cast("2026-11-21", sqlalchemy.Date))
    assert rows(make(), moment) == [(datetime.datetime(2026, 11, 21, 13, 14, 15), datetime.date(2026, 11, 21))]


# ---- connections


def test_url_sets_the_session(make):
    count = sqlalchemy.text("SELECT count(*) FROM orders.orders")
    assert rows(make("/shop"), count) == [(1000,)]
    assert rows(make("/shop/orders"), sqlalchemy.text("SELECT count(*) FROM orders")) == [(1000,)]
    assert rows(make("?timezone=Europe/Stockholm"), sqlalchemy.text("SHOW timezone"))[0][1] == "Europe/Stockholm"
    assert rows(make("?purpose=test", connect_args={"message_mib": 32}), sqlalchemy.text("SELECT length(repeat('x', 100))")) == [(100,)]
    with pytest.raises(exc.DBAPIError, match="nothing"):
        rows(make("/nothing"), count)
    with pytest.raises(exc.ArgumentError, match="colour"):
        make("?colour=red")
    with pytest.raises(exc.ArgumentError, match="not both"):
        rows(make(connect_args={"token": "a", "username": "b"}), count)


def test_user_token_and_tls_reach_the_driver():
    from samite_sqlalchemy.dialect import SamiteTlsDialect, database_options

    url = sqlalchemy.engine.make_url("samite+tls://ines:s%40cret@mesh.example/shop?tls_skip_verify=true")
    _, arguments = SamiteTlsDialect().create_connect_args(url)
    assert arguments == {"uri": "grpc+tls://mesh.example:32010", "catalog": "shop", "schema": "", "username": "ines", "password": "s@cret",
                         "tls_skip_verify": "true"}
    assert database_options(token="abc")["adbc.flight.sql.authorization_header"] == "Bearer abc"
    assert database_options(tls_skip_verify="true")["adbc.flight.sql.client_option.tls_skip_verify"] == "true"


def test_transactions_do_nothing_and_the_pool_pings(make):
    engine = make(pool_pre_ping=True)
    for _ in range(3):
        with engine.begin() as connection:
            assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
    with engine.connect() as connection:
        assert connection.execution_options(isolation_level="AUTOCOMMIT").execute(sqlalchemy.text("SELECT 1")).scalar() == 1


def test_pool_connects_again_after_the_server_was_away(samite, mesh):
    first = conftest.Server(samite, mesh)
    engine = sqlalchemy.create_engine(first.uri.replace("grpc://", "samite://"), pool_pre_ping=True)
    try:
        assert rows(engine, sqlalchemy.text("SELECT 1")) == [(1,)]
        first.stop()
        with pytest.raises(exc.DBAPIError):
            rows(engine, sqlalchemy.text("SELECT 1"))
    finally:
        engine.dispose()
        first.stop()


def test_errors_are_those_of_the_driver(make):
    for sql, error, word in (("SELECT * FROM shop.orders.order", exc.DBAPIError, "does not exist"), ("SELEC", exc.DBAPIError, "SELEC"),
                             ("DELETE FROM shop.orders.orders", exc.DBAPIError, "read-only")):
        with pytest.raises(error, match=word):
            rows(make(), sqlalchemy.text(sql))


# ---- what there is


def test_inspector_without_a_domain(make):
    inspector = sqlalchemy.inspect(make())
    schemas = inspector.get_schema_names()
    assert {"shop.orders", "shop.orders@1", "people.customers", "stock.items", "mesh.discovery"} <= set(schemas)
    assert inspector.get_table_names(schema="shop.calendar") == ["days", "months"]
    assert inspector.get_view_names(schema="shop.calendar") == []
    assert inspector.has_table("orders", schema="shop.orders") and not inspector.has_table("order", schema="shop.orders")
    assert inspector.get_table_names(schema="nothing.nothing") == inspector.get_table_names(schema="nothing") == []


def test_inspector_with_a_domain(make):
    inspector = sqlalchemy.inspect(make("/shop/calendar"))
    assert {"orders", "orders@1", "calendar"} <= set(inspector.get_schema_names()) and "customers" not in inspector.get_schema_names()
    assert inspector.default_schema_name == "calendar"
    assert inspector.get_table_names() == ["days", "months"]
    assert inspector.get_table_names(schema="orders") == ["orders"]
    assert inspector.get_table_names(schema="people.customers") == ["customers"]


def test_columns_have_types_and_comments(make):
    inspector = sqlalchemy.inspect(make())
    columns = {column["name"]: column for column in inspector.get_columns("orders", schema="shop.orders")}
    assert list(columns) == ["order_id", "customer_id", "item_id", "quantity", "amount", "ordered_on", "note", "country"]
    assert str(columns["amount"]["type"]) == "DECIMAL(12, 2)" and columns["amount"]["comment"] == "In Swiss francs."
    assert columns["note"]["nullable"] and not columns["amount"]["nullable"]
    kinds = [column["type"].compile(dialect=make().dialect) for column in inspector.get_columns("kinds", schema="shop.kinds")]
    assert kinds == ["INTEGER", "BOOLEAN", "SMALLINT", "SMALLINT", "INTEGER", "BIGINT", "REAL", "DOUBLE", "DECIMAL(10, 2)", "DECIMAL(38, 0)", "DATE",
                     "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARCHAR", "BYTEA", "LIST", "STRUCT"]
    for ask in (inspector.get_columns, inspector.get_pk_constraint, inspector.get_foreign_keys, inspector.get_indexes):
        with pytest.raises(exc.NoSuchTableError):
            ask("nothing", schema="shop.orders")


def test_reflected_table_reads_every_type(make):
    engine = make("/shop")
    kinds = sqlalchemy.Table("kinds", sqlalchemy.MetaData(), schema="kinds", autoload_with=engine)
    [_, usual, missing] = rows(engine, sqlalchemy.select(kinds).order_by(kinds.c.id))
    assert usual == (2, True, 7, 7, 7, 7, 7.25, 7.125, decimal.Decimal("7.10"), decimal.Decimal(7), datetime.date(2026, 11, 21), MOMENT,
                     MOMENT.replace(tzinfo=UTC), "Zürich 🎵", b"\x00\xff", [1, None, 3], {"a": None, "b": "y"})
    assert missing == (3, *[None] * 16)


# ---- users of it


def test_pandas_reads_through_it(make):
    pandas = pytest.importorskip("pandas")
    with make("/shop").connect() as connection:
        frame = pandas.read_sql(sqlalchemy.text("SELECT order_id, amount, country FROM orders.orders WHERE country = :c ORDER BY 1"), connection,
                                params={"c": "SE"})
        assert frame.shape == (333, 3) and list(frame["order_id"][:2]) == [2, 5]
        whole = pandas.read_sql_table("days", connection, schema="calendar")
        assert whole.shape == (31, 1)


def test_orm_reads_through_it(make):
    orm = pytest.importorskip("sqlalchemy.orm")
    base = orm.declarative_base()

    class Item(base):
        __tablename__ = "items"
        __table_args__ = {"schema": "stock.items"}
        item_id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        price = sqlalchemy.Column(sqlalchemy.Numeric(10, 2))

    with orm.Session(make()) as session:
        assert session.get(Item, 1).price == decimal.Decimal("1.02")
        assert session.query(Item).filter(Item.price < 2).count() == 6


def test_time_grains_of_superset_are_valid(make, monkeypatch):
    """Superset itself is too large for the tests: its two modules that the engine spec needs are stood in for."""
    constants, base = types.ModuleType("superset.constants"), types.ModuleType("superset.db_engine_specs.base")
    constants.TimeGrain = type("TimeGrain", (type,), {"__getattr__": lambda _, name: name})("TimeGrain", (), {})
    base.BaseEngineSpec = type("BaseEngineSpec", (), {
        "get_sqla_column_type": staticmethod({"DATE": sqlalchemy.Date(), "TIMESTAMP": sqlalchemy.TIMESTAMP()}.get)})
    for name, module in (("superset", types.ModuleType("superset")), ("superset.constants", constants),
                         ("superset.db_engine_specs", types.ModuleType("superset.db_engine_specs")), ("superset.db_engine_specs.base", base)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "samite_sqlalchemy.superset", raising=False)
    spec = importlib.import_module("samite_sqlalchemy.superset").SamiteEngineSpec
    monkeypatch.delitem(sys.modules, "samite_sqlalchemy.superset")
    for grain, expression in spec._time_grain_expressions.items():
        for column in ("instant", "local_time", "day"):
            if column == "day" and "date_bin" in expression:
                continue  # Superset offers grains below a day for dates too, and date_bin takes none
            query = f"SELECT {expression.format(col=column)} FROM shop.kinds.kinds WHERE id = 2"
            assert rows(make(), sqlalchemy.text(query))[0][0] is not None, (grain, column)
    assert spec.convert_dttm("DATE", MOMENT) == "DATE '2026-11-21'"
    assert spec.convert_dttm("TIMESTAMP", MOMENT) == "TIMESTAMP '2026-11-21 13:14:15.678901'"
    assert spec.convert_dttm("VARCHAR", MOMENT) is None
