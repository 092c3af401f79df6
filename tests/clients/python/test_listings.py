"""Listings of a mesh whose ports cannot all be read: nothing waits for them, and no table is lost."""

import socket
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sample_mesh import Product, Version, column
from test_adbc_metadata import tree

TYPED = [column("id", "integer", "BIGINT"), column("name", "string"), column("price", "number", "DECIMAL(12,2)")]
SILENT_PRODUCTS = 40
TABLES_READ_AT_ONCE = 8


class SilentStore:
    """Takes every connection and never says a word."""

    def __init__(self):
        self.listener, self.connections = socket.create_server(("127.0.0.1", 0)), []
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        while True:
            self.connections.append(self.listener.accept())

    def configuration(self):
        endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        return f"""[locations]
allow = ["s3://gone/"]
[storage]
request_timeout = "1s"
retry_timeout = "1s"
[stores."s3://gone"]
endpoint = "{endpoint}"
"""


@pytest.fixture(scope="module")
def store():
    return SilentStore()


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("listings")
    silent = {"type": "s3", "location": "s3://gone/{model}"}
    rows = pa.table({"id": pa.array([1], pa.int32()), "name": ["a"], "price": pa.array([1.5], pa.float64())})
    for domain, product, properties, server in (
            ("alive", "typed", TYPED, {}), ("alive", "untyped", [], {}),
            *(("silent", f"typed_{number}", TYPED, silent) for number in range(SILENT_PRODUCTS)),
            *(("silent", f"untyped_{number}", [], silent) for number in range(SILENT_PRODUCTS))):
        data = Product(domain, product, [Version("1.0.0", {"rows": properties}, path="data/{model}.parquet", server=server)]).write(folder) / "data"
        if not server:
            data.mkdir()
            pq.write_table(rows, data / "rows.parquet")
    return folder


@pytest.fixture
def server(serve, mesh, store, tmp_path):
    (tmp_path / "samite.toml").write_text(store.configuration(), encoding="utf-8")
    return serve(mesh, "--config", str(tmp_path / "samite.toml"))


def test_long_listing_has_every_table_with_the_columns_of_its_contract(server, store):
    with server.connect() as connection:
        found = tree(connection, depth="all")
    names = ["id", "name", "price"]
    assert found["alive"]["typed"] == {"rows": names}
    assert found["alive"]["untyped"] == {"rows": names}, "the port is read where the contract tells no types"
    assert all(found["silent"][f"typed_{number}"] == {"rows": names} for number in range(SILENT_PRODUCTS))
    assert all(not found["silent"][f"untyped_{number}"]["rows"] for number in range(SILENT_PRODUCTS))
    assert 0 < len(store.connections) <= 2 * TABLES_READ_AT_ONCE, "the store is not asked for each of its tables"
    assert server.log().count("listed without columns") == 1


def test_table_that_is_asked_for_by_name_has_the_types_of_select(server):
    with server.connect() as connection:
        told = connection.adbc_get_table_schema("rows", catalog_filter="alive", db_schema_filter="typed")
        assert told.field("id").type == pa.int32() and told.field("price").type == pa.float64()
        listed = connection.adbc_get_objects(depth="columns", catalog_filter="alive").read_all().to_pylist()
    types = {column["column_name"]: column["xdbc_type_name"] for schema in listed[0]["catalog_db_schemas"]
             if schema["db_schema_name"] == "typed" for table in schema["db_schema_tables"] for column in table["table_columns"]}
    assert types == {"id": "BIGINT", "name": "VARCHAR", "price": "DECIMAL"}
