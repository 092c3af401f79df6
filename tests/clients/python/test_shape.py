"""Promises about shape: required columns without values, missing columns and other types, as metadata of each format knows them."""

import subprocess
import urllib.parse

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flight_sql import query
from pyarrow import flight
from pyiceberg.catalog.sql import SqlCatalog
from sample_mesh import Product, Version, column

FORMATS = ["parquet", "delta", "iceberg"]
REFUSE = {"customProperties": [{"property": "onBreach", "value": "refuse", "vendor": "samite"}]}


def rows():
    return pa.table({"id": pa.array([1, None, 3, None, 5], pa.int64()), "text": ["a", "b", None, "d", "e"], "extra": [1, 2, 3, 4, 5]})


def write(folder, file_format):
    place = folder / "data" / "rows"
    place.parent.mkdir(parents=True)
    if file_format == "parquet":
        place.mkdir()
        pq.write_table(rows(), place / "a.parquet")
    elif file_format == "delta":
        deltalake.write_deltalake(str(place), rows())
    else:
        catalog = SqlCatalog("local", uri="sqlite:///:memory:", warehouse=f"file://{folder}/warehouse")
        catalog.create_namespace("n")
        catalog.create_table("n.rows", rows().schema, location=f"file://{place}").append(rows())


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shape")
    loose = column("id", "integer", "BIGINT")
    required = loose | {"required": True}
    for file_format in FORMATS:
        for name, columns, more in [
            ("kept", [loose, column("text", "string")], {}), ("warns", [required, column("text", "string")], {}),
            ("refuses", [required], REFUSE), ("keyed", [loose | {"primaryKey": True}], {}),
            ("ended", [required], REFUSE | {"slaProperties": [{"property": "endOfSupport", "value": "2026-01-01"}]}),
            ("lacks", [loose, column("gone", "string")], {}), ("differs", [column("text", "integer")], {}),
        ]:
            made = Product(file_format, name, [Version("1.0.0", {"rows": columns}, format=file_format, path="data/rows", contract=more)])
            write(made.write(folder), file_format)
    return folder


class Warnings(flight.ClientMiddleware):
    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def received_headers(self, headers):
        for name, values in headers.items():
            if name.lower() == "x-mesh-warning":
                self.seen.extend(urllib.parse.unquote(value) for value in values)


class Factory(flight.ClientMiddlewareFactory):
    def __init__(self):
        super().__init__()
        self.seen = []

    def start_call(self, info):
        return Warnings(self.seen)


def ask(server, sql):
    """The rows, and the warnings that came with them."""
    factory = Factory()
    with flight.connect(server.uri, middleware=[factory]) as client:
        info = client.get_flight_info(query(sql))
        factory.seen.clear()
        return client.do_get(info.endpoints[0].ticket).read_all(), factory.seen


@pytest.fixture(scope="module")
def server(samite, mesh):
    from conftest import Server
    running = Server(samite, mesh)
    yield running
    running.stop()


@pytest.mark.parametrize("file_format", FORMATS)
def test_required_column_without_values_warns(server, file_format):
    table, warnings = ask(server, f"SELECT * FROM {file_format}.warns.rows")
    assert (table.num_rows, table.column_names) == (5, ["id", "text"])
    assert warnings == [f"promise broken: required rows.id in {file_format}.warns@1.0.0: 2 rows have no value"]
    assert ask(server, f"SELECT text FROM {file_format}.kept.rows")[1] == []
    assert len(ask(server, f"SELECT * FROM {file_format}.keyed.rows")[1]) == 1


@pytest.mark.parametrize("file_format", FORMATS)
def test_contract_that_refuses_lets_no_row_out(server, file_format):
    for sql in (f"SELECT * FROM {file_format}.refuses.rows", f"SELECT count(*) FROM {file_format}.refuses.rows WHERE id > 1"):
        with pytest.raises(pa.ArrowInvalid, match="promise broken: required rows.id") as caught:
            ask(server, sql)
        assert "2 rows have no value" in str(caught.value)
    table, warnings = ask(server, f"SELECT * FROM {file_format}.ended.rows")
    assert table.num_rows == 5 and len(warnings) == 1 and "no longer supported" in warnings[0]


@pytest.mark.parametrize("file_format", FORMATS)
def test_problem_is_listed_once_it_was_met(serve, mesh, file_format):
    server = serve(mesh)
    listing = f"SELECT level, product, line > 0 AS has_line, message FROM mesh.discovery.problems WHERE domain = '{file_format}' ORDER BY product"
    assert ask(server, listing)[0].num_rows == 0
    for name in ("kept", "warns", "ended"):
        ask(server, f"SELECT * FROM {file_format}.{name}.rows")
    for name, message in (("refuses", "promise broken"), ("lacks", "gone"), ("differs", "promised is integer")):
        with pytest.raises(pa.ArrowException, match=message):
            ask(server, f"SELECT * FROM {file_format}.{name}.rows")
    found = [(row["level"], row["product"], row["has_line"]) for row in ask(server, listing)[0].to_pylist()]
    assert found == [("error", "differs", True), ("error", "lacks", True), ("error", "refuses", True), ("warning", "warns", True)]
    messages = ask(server, listing)[0].column("message").to_pylist()
    assert "lacks column \"gone\"" in messages[1] and messages[3] == f"column {file_format}.warns@1.0.0.rows.id is required: 2 rows have no value"


def test_check_tells_of_shape(samite, mesh):
    done = subprocess.run([samite, "check", "--mesh", mesh], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done
    for file_format in FORMATS:
        for line in (f"  warning: promise broken: required rows.id in {file_format}.warns@1.0.0: 2 rows have no value",
                     f"  error: promise broken: required rows.id in {file_format}.refuses@1.0.0: 2 rows have no value"):
            assert line in done.stdout, done.stdout
