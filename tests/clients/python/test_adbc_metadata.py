"""What there is, as ADBC's metadata functions tell it."""

import adbc_driver_manager
import pyarrow as pa
import pytest
from adbc_driver_manager import AdbcStatusCode

DOMAINS = {"shop", "people", "stock"}


def tree(connection, **filters):
    """catalog -> schema -> table -> columns (None where the depth does not reach)."""
    found = {}
    for catalog in connection.adbc_get_objects(**filters).read_all().to_pylist():
        schemas = found.setdefault(catalog["catalog_name"], {})
        for schema in catalog["catalog_db_schemas"] or []:
            tables = schemas.setdefault(schema["db_schema_name"], {})
            for table in schema["db_schema_tables"] or []:
                columns = table["table_columns"]
                tables[table["table_name"]] = columns and [column["column_name"] for column in columns]
    return found


def test_each_depth_tells_more(connection):
    assert DOMAINS | {"mesh"} <= set(tree(connection, depth="catalogs"))
    schemas = tree(connection, depth="db_schemas")
    assert {"orders", "orders@1", "orders@2", "kinds"} <= set(schemas["shop"]) and schemas["shop"]["orders"] == {}
    tables = tree(connection, depth="tables")
    assert set(tables["shop"]["calendar"]) == {"days", "months"} and tables["shop"]["calendar"]["days"] is None
    everything = tree(connection, depth="all")
    assert everything["stock"]["items"]["items"] == ["item_id", "title", "price", "weight_kg", "added_at"]
    assert everything["shop"]["orders@1"]["orders"] == ["order_id", "customer_id", "item_id", "quantity", "amount"]
    assert "products" in everything["mesh"]["discovery"]


def test_filters_are_patterns(connection):
    assert set(tree(connection, depth="tables", catalog_filter="sh%")) == {"shop"}
    found = tree(connection, depth="columns", catalog_filter="shop", db_schema_filter="orders",
                 table_name_filter="order_", column_name_filter="%_id")
    assert found == {"shop": {"orders": {"orders": ["order_id", "customer_id", "item_id"]}}}
    only = tree(connection, depth="tables", catalog_filter="shop", table_types_filter=["VIEW"])
    assert not any(tables for tables in only["shop"].values())


def test_columns_carry_their_types(connection):
    found = connection.adbc_get_objects(depth="columns", catalog_filter="shop", db_schema_filter="orders").read_all()
    [column] = [
        column
        for catalog in found.to_pylist() for schema in catalog["catalog_db_schemas"]
        for table in schema["db_schema_tables"] for column in table["table_columns"] if column["column_name"] == "amount"
    ]
    assert column["ordinal_position"] == 5 and column["xdbc_type_name"] == "DECIMAL"


def test_table_types(connection):
    assert set(connection.adbc_get_table_types()) == {"TABLE", "VIEW", "SYSTEM TABLE"}


def test_table_schema_is_that_of_select_but_for_what_the_contract_requires(connection, cursor):
    """Rows may hold NULL all the same: nobody looks whether the owner keeps the promise, and a client that believes a
    schema without NULL would show a NULL as some value."""
    nullable = lambda schema: pa.schema([field.with_nullable(True) for field in schema], schema.metadata)
    for catalog, schema, table in (("shop", "orders", "orders"), ("shop", "kinds", "kinds"),
                                   ("people", "customers", "customers"), ("stock", "items", "items")):
        told = connection.adbc_get_table_schema(table, catalog_filter=catalog, db_schema_filter=schema)
        cursor.execute(f"SELECT * FROM {catalog}.{schema}.{table} LIMIT 0")
        rows = cursor.fetch_arrow_table().schema
        assert all(field.nullable for field in rows) and nullable(told).equals(rows), table
    told = connection.adbc_get_table_schema("orders", catalog_filter="shop", db_schema_filter="orders")
    assert [field.name for field in told if field.nullable] == ["note"]
    # Some table of the name: the pattern is the name.
    assert connection.adbc_get_table_schema("days").names == ["day"]
    with pytest.raises(adbc_driver_manager.Error) as error:
        connection.adbc_get_table_schema("nothing")
    assert error.value.status_code == AdbcStatusCode.NOT_FOUND


def test_info_names_the_server(connection):
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "Samite"
    assert info["vendor_version"].count(".") == 2 and info["vendor_arrow_version"]


def test_listing_has_the_schema_of_the_specification(connection):
    schema = connection.adbc_get_objects(depth="all").schema
    assert schema.field("catalog_name").type == pa.string()
