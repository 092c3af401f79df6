"""Promises about time: judged by what the metadata of each format knows, for every kind of client."""

import datetime
import struct
import subprocess
import types
import urllib.parse

import delta_tables
import deltalake
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flight_sql import query
from pyarrow import flight
from pyiceberg.catalog.sql import SqlCatalog
from pyroaring import BitMap64
from sample_mesh import Product, Version, column

UTC = datetime.timezone.utc
COLUMNS = [column("id", "integer", "BIGINT"), column("at", "timestamp", "TIMESTAMP"), column("text", "string")]
FORMATS = ["parquet", "delta", "iceberg"]
YOUNG, OLD = 30, 5 * 60 + 12


def rows(minutes_old):
    """Ten rows, the newest of that age, the oldest nine days older."""
    newest = datetime.datetime.now(UTC).replace(tzinfo=None) - datetime.timedelta(minutes=minutes_old)
    return pa.table({
        "id": pa.array(range(10), pa.int64()),
        "at": pa.array([newest - datetime.timedelta(days=day) for day in range(10)], pa.timestamp("us")),
        "text": [str(number) for number in range(10)],
    })


def write(folder, file_format, table):
    place = folder / "data" / "rows"
    place.parent.mkdir(parents=True)
    if file_format == "parquet":
        place.mkdir()
        pq.write_table(table, place / "a.parquet")
    elif file_format == "delta":
        deltalake.write_deltalake(str(place), table)
    else:
        catalog = SqlCatalog("local", uri="sqlite:///:memory:", warehouse=f"file://{folder}/warehouse")
        catalog.create_namespace("n")
        catalog.create_table("n.rows", table.schema, location=f"file://{place}").append(table)


def promise(what, value, unit, element=None, refuses=False):
    entry = {"property": what, "value": value, "unit": unit} | ({"element": element} if element else {})
    own = {"customProperties": [{"property": "onBreach", "value": "refuse", "vendor": "samite"}]}
    return entry | (own if refuses else {})


def product(folder, name, file_format, minutes_old, promises, **more):
    table = {"rows": COLUMNS}
    made = Product(file_format, name, [Version("1.0.0", table, format=file_format, path="data/rows", sla=promises, **more)])
    write(made.write(folder), file_format, rows(minutes_old))


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("promises")
    fresh = ("freshness", 2, "h", "rows.at")
    for file_format in FORMATS:
        product(folder, "young", file_format, YOUNG, [promise(*fresh), promise("retention", 1, "mo", "rows.at")])
        product(folder, "old", file_format, OLD, [promise(*fresh)])
        product(folder, "strict", file_format, OLD, [promise(*fresh, refuses=True)])
        product(folder, "kept_long", file_format, YOUNG, [promise("retention", 7, "d", "rows.at")])
        product(folder, "texts", file_format, YOUNG, [promise("freshness", 2, "h", "rows.text"), promise("availability", 99, "percent")])
        product(folder, "ended", file_format, OLD, [
            promise(*fresh, refuses=True), {"property": "endOfSupport", "value": "2026-01-01"}])
    return folder


@pytest.fixture(scope="module")
def server(samite, mesh):
    from conftest import Server
    running = Server(samite, mesh, "--pg-listen", "127.0.0.1:0")
    yield running
    running.stop()


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
    """The rows, and the warnings of the plan and of the rows."""
    factory = Factory()
    with flight.connect(server.uri, middleware=[factory]) as client:
        info = client.get_flight_info(query(sql))
        of_plan = list(factory.seen)
        factory.seen.clear()
        table = client.do_get(info.endpoints[0].ticket).read_all()
        return table, of_plan, list(factory.seen)


@pytest.mark.parametrize("file_format", FORMATS)
def test_kept_promise_says_nothing(server, file_format):
    table, of_plan, of_rows = ask(server, f"SELECT * FROM {file_format}.young.rows")
    assert (table.num_rows, of_plan, of_rows) == (10, [], [])


@pytest.mark.parametrize("file_format", FORMATS)
def test_broken_promise_warns_with_the_age(server, file_format):
    table, of_plan, of_rows = ask(server, f"SELECT * FROM {file_format}.old.rows")
    assert table.num_rows == 10
    [warning] = of_plan
    assert warning.startswith(f"promise broken: freshness 2 h of rows.at in {file_format}.old@1.0.0: the newest row is 5 h 1"), warning
    assert [text[:40] for text in of_rows] == [warning[:40]]


@pytest.mark.parametrize("file_format", FORMATS)
def test_promise_that_refuses_lets_no_row_out(server, file_format):
    for sql in (f"SELECT * FROM {file_format}.strict.rows", f"SELECT count(*) FROM {file_format}.strict.rows"):
        with pytest.raises(pa.ArrowInvalid, match="promise broken: freshness 2 h of rows.at") as caught:
            ask(server, sql)
        assert "5 h 1" in str(caught.value) and "onBreach" in str(caught.value)
    with server.connect() as connection, connection.cursor() as cursor, pytest.raises(Exception, match="promise broken"):
        cursor.execute(f"SELECT * FROM {file_format}.strict.rows WHERE id > $1", parameters=(-1,))
        cursor.fetchall()
    explained, _, _ = ask(server, f"EXPLAIN SELECT * FROM {file_format}.strict.rows")
    assert explained.num_rows > 0


@pytest.mark.parametrize("file_format", FORMATS)
def test_rows_that_are_kept_too_long_break_retention(server, file_format):
    _, of_plan, _ = ask(server, f"SELECT * FROM {file_format}.kept_long.rows")
    assert len(of_plan) == 1 and "the oldest row is 9 d" in of_plan[0], of_plan


@pytest.mark.parametrize("file_format", FORMATS)
def test_promise_without_support_refuses_nobody(server, file_format):
    table, of_plan, _ = ask(server, f"SELECT * FROM {file_format}.ended.rows")
    assert table.num_rows == 10
    assert len(of_plan) == 1 and "no longer supported" in of_plan[0], of_plan


def test_verdicts_are_listed_once_a_query_looked(serve, mesh):
    server = serve(mesh)
    listing = "SELECT product, property, status, age_s_at_least, age_s_at_most, on_breach FROM mesh.discovery.slo WHERE domain = '{}' AND property <> 'endOfSupport' ORDER BY product, property"
    before = ask(server, listing.format("delta"))[0].to_pylist()
    assert {row["status"] for row in before} == {"not looked at", "not judged", "no promise"}
    for name in ("young", "old", "texts", "kept_long"):
        ask(server, f"SELECT * FROM delta.{name}.rows")
    with pytest.raises(pa.ArrowInvalid, match="promise broken"):
        ask(server, "SELECT * FROM delta.strict.rows")
    after = {(row["product"], row["property"]): row for row in ask(server, listing.format("delta"))[0].to_pylist()}
    assert {key: row["status"] for key, row in after.items()} == {
        ("young", "freshness"): "kept", ("young", "retention"): "kept", ("old", "freshness"): "broken", ("kept_long", "retention"): "broken",
        ("strict", "freshness"): "broken", ("texts", "freshness"): "unknown", ("texts", "availability"): "not judged", ("ended", "freshness"): "no promise"}
    old = after["old", "freshness"]
    assert old["age_s_at_most"] - old["age_s_at_least"] in (0, 1) and OLD * 60 <= old["age_s_at_least"] < OLD * 60 + 900
    assert after["strict", "freshness"]["on_breach"] == "refuse"


def delta_with_a_deleted_row(place, minutes_old):
    """A Delta table whose first row, the newest, is deleted by a vector, with statistics as its writer left them."""
    case = types.SimpleNamespace(table=place)
    place.mkdir(parents=True)
    table = rows(minutes_old)
    pq.write_table(table, place / "a.parquet")
    data = struct.pack("<I", 1681511377) + BitMap64([0]).serialize()
    vector = {"storageType": "i", "pathOrInlineDv": delta_tables.z85(data), "sizeInBytes": len(data), "cardinality": 1}
    at = sorted(table["at"].to_pylist())
    bounds = {"minValues": {"at": at[0].isoformat(timespec="milliseconds")}, "maxValues": {"at": at[-1].isoformat(timespec="milliseconds")}}
    fields = [{"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in
              (("id", "long"), ("at", "timestamp_ntz"), ("text", "string"))]
    delta_tables.commit(case, 0, [delta_tables.protocol("deletionVectors", "timestampNtz"), delta_tables.metadata(fields), delta_tables.add(
        "a.parquet", place / "a.parquet", vector=vector, tightBounds=False, nullCount={"at": 0}, **bounds)])


def test_deleted_rows_leave_a_pass_open_and_a_breach_certain(serve, tmp_path):
    """Whether the newest row is the one that was deleted, only the rows tell."""
    for name, minutes_old in (("young", YOUNG), ("old", OLD)):
        place = Product("delta", name, [Version("1.0.0", {"rows": COLUMNS}, format="delta", path="data/rows",
                                                sla=[promise("freshness", 2, "h", "rows.at", refuses=True)])]).write(tmp_path)
        delta_with_a_deleted_row(place / "data" / "rows", minutes_old)
    server = serve(tmp_path)
    assert ask(server, "SELECT * FROM delta.young.rows")[0].num_rows == 9
    with pytest.raises(pa.ArrowInvalid, match="the newest row is at least 5 h 1"):
        ask(server, "SELECT * FROM delta.old.rows")
    found = ask(server, "SELECT product, status, age_s_at_most FROM mesh.discovery.slo ORDER BY product")[0].to_pylist()
    assert found == [{"product": "old", "status": "broken", "age_s_at_most": None}, {"product": "young", "status": "approximate", "age_s_at_most": None}]


def test_postgresql_client_gets_a_notice(server):
    host, port = server.postgresql
    notices = []
    with psycopg.connect(host=host, port=port, user="anna", dbname="delta", autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        assert len(connection.execute("SELECT * FROM delta.old.rows").fetchall()) == 10
        with pytest.raises(psycopg.Error, match="promise broken"):
            connection.execute("SELECT * FROM delta.strict.rows")
    assert len(notices) == 1 and notices[0].startswith("promise broken: freshness 2 h"), notices


def test_command_line_prints_warnings_from_here_and_from_a_server(samite, mesh, server):
    for place in (["--mesh", str(mesh)], ["--connect", server.uri]):
        done = subprocess.run([samite, "sql", *place, "--format", "csv", "SELECT count(*) AS n FROM iceberg.old.rows"],
                              capture_output=True, text=True, timeout=120)
        assert done.stdout.split() == ["n", "10"], done
        assert "warning: promise broken: freshness 2 h of rows.at in iceberg.old@1.0.0" in done.stderr


def test_check_looks_at_each_promise(samite, mesh):
    done = subprocess.run([samite, "check", "--mesh", str(mesh)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done
    for file_format in FORMATS:
        for line in (f"  promise kept: freshness 2 h of rows.at in {file_format}.young@1.0.0: the newest row is ",
                     f"  warning: promise broken: freshness 2 h of rows.at in {file_format}.old@1.0.0: the newest row is ",
                     f"  error: promise broken: freshness 2 h of rows.at in {file_format}.strict@1.0.0: the newest row is ",
                     f"  promise that metadata cannot tell: freshness 2 h of rows.text in {file_format}.texts@1.0.0",
                     f"  promise ended with its support: freshness 2 h of rows.at in {file_format}.ended@1.0.0: "):
            assert line in done.stdout, done.stdout
    assert done.stdout.strip().endswith("errors, 6 warnings"), done.stdout.strip().splitlines()[-1]
