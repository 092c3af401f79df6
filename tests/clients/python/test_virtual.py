"""Virtual products as clients meet them: read by who may not read their inputs, and silent about what they leave out."""

import datetime
import subprocess
import time

import adbc_driver_manager
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from identity import add_user
from sample_mesh import Product, Version, column

CANARY = "Zanzibar"
PEOPLE = [column("id", "integer", "BIGINT", required=True, classification="public"),
          column("country", "string", required=True, classification="public"),
          column("name", "string", required=True, classification="confidential")]
SWEDES = [column("id", "integer", "BIGINT", required=True, classification="public"),
          column("label", "string", classification="confidential"),
          column("letters", "integer", classification="public")]
SQL = """-- The people of Sweden.
SELECT id, name AS label, length(name) AS letters, country, 10 / (id - 2) AS risky
FROM   staff.people.rows WHERE country = 'SE'
"""

GLOBAL = """
@id("global/see") permit (principal, action in [Mesh::Action::"discover", Mesh::Action::"describe"], resource)
unless { resource in Mesh::Product::"staff.people" && principal.clearance < 3 };
@id("global/rows") permit (principal, action == Mesh::Action::"readRow", resource);
@id("global/raw") permit (principal, action == Mesh::Action::"readRaw", resource)
when { resource.classification == "public" || principal.clearance >= 2 };
@id("global/mask") @mask("mask-alphanum") permit (principal, action == Mesh::Action::"readMasked", resource)
when { resource.classification == "confidential" };
@id("global/explain") permit (principal, action == Mesh::Action::"explain", resource) when { principal.clearance >= 1 };
@id("global/views") permit (principal, action == Mesh::Action::"select", resource)
unless { resource in Mesh::Domain::"staff" };
@id("global/chiefs") permit (principal in Mesh::Group::"chiefs", action == Mesh::Action::"select", resource);
"""

AGREEMENT = """apiVersion: v0.9.0
kind: AccessAgreement
id: swedes
name: swedes reads people
version: 1.0.0
status: {status}
startTimestamp: "2020-01-01T00:00:00Z"
endTimestamp: "{end}"
description: {{purpose: statistics}}
provider: {{teamId: staff, dataProductId: staff-people}}
consumer: {{teamId: sales, dataProductId: sales-swedes}}
"""


def view(mesh, domain, name, properties, sql):
    server = {"type": "custom", "format": "sql-view", "path": "view.sql"}
    folder = Product(domain, name, [Version("1.0.0", {"rows": properties}, server=server)]).write(mesh)
    if sql is not None:
        (folder / "view.sql").write_text(sql, encoding="utf-8")
    return folder / "view.sql"


def write_people(mesh):
    people = pa.table({"id": [1, 2, 3, 4], "country": ["SE", "NO", "SE", "NO"], "name": ["Ada 1", CANARY, "Bo 22", CANARY]})
    data = Product("staff", "people", [Version("1.0.0", {"rows": PEOPLE}, path="data/{model}.parquet")]).write(mesh) / "data"
    data.mkdir()
    pq.write_table(people, data / "rows.parquet")


def agree(mesh, status="approved", end="2099-01-01T00:00:00Z"):
    folder = mesh / "mesh/agreements"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "swedes.oaas.yaml").write_text(AGREEMENT.format(status=status, end=end), encoding="utf-8")


@pytest.fixture
def open_mesh(tmp_path):
    folder = tmp_path / "mesh"
    write_people(folder)
    view(folder, "sales", "swedes", SWEDES, SQL)
    return folder


@pytest.fixture
def mesh(open_mesh):
    (open_mesh / "mesh/policies").mkdir(parents=True)
    (open_mesh / "mesh/policies/global.cedar").write_text(GLOBAL, encoding="utf-8")
    agree(open_mesh)
    return open_mesh


@pytest.fixture
def start(serve, samite, tmp_path):
    def run(mesh, services='[services."sales.swedes"]\nattributes = { clearance = 2 }\n'):
        for name, *more in (("anna",), ("eva", "--attribute", "clearance=1"),
                            ("chief", "--group", "chiefs", "--attribute", "clearance=3")):
            assert add_user(samite, tmp_path / "users.toml", name, "secret", *more).returncode == 0
        text = f'[auth]\nusers_file = "users.toml"\n[mesh]\nrefresh = "200ms"\n{services}'
        (tmp_path / "samite.toml").write_text(text, encoding="utf-8")
        return serve(mesh, "--config", str(tmp_path / "samite.toml"))
    return run


def ask(server, name, sql):
    with server.connect(username=name, password="secret") as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table().to_pylist()


def refused(server, name, sql):
    with pytest.raises(adbc_driver_manager.Error) as caught:
        ask(server, name, sql)
    return str(caught.value)


def soon(check, seconds=15):
    """What `check` gives once it gives something true."""
    end = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def check(samite, mesh, *more):
    done = subprocess.run([samite, "check", "--mesh", str(mesh), *more], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_open_view_is_as_fast_as_its_query(serve, open_mesh):
    server = serve(open_mesh)
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sales.swedes.rows ORDER BY id")
        assert cursor.fetch_arrow_table().to_pylist() == [
            {"id": 1, "label": "Ada 1", "letters": 5}, {"id": 3, "label": "Bo 22", "letters": 5}]
        cursor.execute("EXPLAIN ANALYZE SELECT label FROM sales.swedes WHERE id = 3")
        plan = str(cursor.fetch_arrow_table().to_pylist())
        assert "staff.people@1.rows: version 1.0.0" in plan and "id@0 = 3" in plan, plan
        cursor.execute("SELECT table_type FROM information_schema.tables WHERE table_schema = 'swedes'")
        assert cursor.fetchone() == ("VIEW",)


def test_view_is_read_without_its_inputs_and_masked(start, mesh):
    server = start(mesh)
    assert ask(server, "anna", "SELECT * FROM sales.swedes ORDER BY id") == [
        {"id": 1, "label": "xxx n", "letters": 5}, {"id": 3, "label": "xx nn", "letters": 5}]
    assert "does not exist" in refused(server, "anna", "SELECT * FROM staff.people.rows")
    assert ask(server, "chief", "SELECT label FROM sales.swedes WHERE id = 1") == [{"label": "Ada 1"}]


def test_nothing_tells_of_what_the_view_leaves_out(start, mesh):
    server = start(mesh)
    for question in ("SELECT * FROM sales.swedes WHERE 100 / (id - 2) <> 0", "SELECT * FROM sales.swedes WHERE CAST(label AS INT) = 1",
                     "SELECT * FROM sales.swedes WHERE id = 2", "SELECT min(label), max(label), count(*) FROM sales.swedes",
                     "SELECT * FROM sales.swedes WHERE letters > 7", "SELECT * FROM sales.swedes VERSION AS OF 1",
                     "SELECT v.* FROM (VALUES (2), (4)) q(id) JOIN sales.swedes.rows v USING (id)", "SELECT risky FROM sales.swedes"):
        for explain in ("", "EXPLAIN ", "EXPLAIN VERBOSE ", "EXPLAIN ANALYZE "):
            for user in ("anna", "eva"):
                try:
                    answer = str(ask(server, user, explain + question))
                except adbc_driver_manager.Error as error:
                    answer = str(error)
                for told in (CANARY, "people", "staff", "data/rows"):
                    assert told not in answer, (user, explain + question, answer)
    assert len(ask(server, "anna", "SELECT id FROM sales.swedes WHERE 100 / (id - 2) <> 0")) == 2
    for listing in ("mesh.discovery.lineage", "mesh.discovery.problems", "mesh.discovery.tables", "mesh.runtime.queries"):
        # The questions of this test name the canary's table nowhere.
        assert "people" not in str(ask(server, "anna", f"SELECT * FROM {listing}")), listing


def test_service_without_agreement_is_refused_by_the_name_of_the_view(start, samite, mesh):
    server = start(mesh)
    sql = "SELECT count(*) AS n FROM sales.swedes"
    assert ask(server, "anna", sql) == [{"n": 2}]
    past = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    agree(mesh, end=past)

    def denial():
        try:
            ask(server, "anna", sql)
        except adbc_driver_manager.Error as error:
            return str(error)
    told = soon(denial)
    assert 'virtual table "sales.swedes@1.rows" cannot be read' in told and "people" not in told, told
    code, text = check(samite, mesh)
    assert code == 1 and 'view.sql:3: error: service "sales.swedes" may not read "staff.people@1.rows"' in text, text
    agree(mesh)
    assert soon(lambda: denial() is None)


def test_prepared_statement_ends_with_its_agreement(start, mesh):
    server = start(mesh)
    with server.connect(username="anna", password="secret") as connection, connection.cursor() as cursor:
        cursor.adbc_prepare("SELECT count(*) AS n FROM sales.swedes")
        cursor.execute("SELECT count(*) AS n FROM sales.swedes")
        assert cursor.fetchall() == [(2,)]
        agree(mesh, status="draft")

        def denial():
            try:
                cursor.execute("SELECT count(*) AS n FROM sales.swedes")
                cursor.fetchall()
            except adbc_driver_manager.Error as error:
                return str(error)
        assert "cannot be read" in soon(denial)


def test_changed_query_counts_without_a_restart(serve, open_mesh, tmp_path):
    (tmp_path / "samite.toml").write_text('[mesh]\nrefresh = "200ms"\n', encoding="utf-8")
    server = serve(open_mesh, "--config", str(tmp_path / "samite.toml"))
    file = open_mesh / "domains/sales/swedes/view.sql"

    def count():
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM sales.swedes")
            return cursor.fetchone()[0]

    def error():
        try:
            count()
        except adbc_driver_manager.Error as error:
            return str(error)
    assert count() == 2
    file.write_text(SQL.replace("'SE'", "'NO' AND id > 2"), encoding="utf-8")
    assert soon(lambda: count() == 1)
    file.write_text("SELECT FROM WHERE", encoding="utf-8")
    assert "cannot be read" in soon(error)
    file.unlink()
    assert soon(lambda: "no server" in (error() or ""))
    file.write_text(SQL, encoding="utf-8")
    assert soon(lambda: error() is None) and count() == 2


@pytest.mark.parametrize("sql, problem", [
    ("SELECT * FROM staff.gone.rows", "gone"),
    ("SELECT id, label, letters FROM sales.second.rows", "read each other in a circle"),
    ("SELECT id, label FROM people", "is not whole"),
    ("DROP TABLE staff.people.rows", "read-only"),
    ("SELECT id, name AS label FROM staff.people.rows", 'lacks column "letters"'),
    ("SELECT id, id AS label, id AS letters FROM staff.people.rows", "promised is string"),
    ("SELECT * FROM staff.broken.rows", "cannot be read"),
    ("SELECT * FROM staff.retired.rows", "is retired"),
    (None, "is not there"),
])
def test_broken_view_disturbs_no_other(serve, samite, open_mesh, sql, problem):
    view(open_mesh, "sales", "first", SWEDES, sql)
    view(open_mesh, "sales", "second", SWEDES, "SELECT * FROM sales.first.rows")
    broken = Product("staff", "broken", [Version("1.0.0", {"rows": PEOPLE}, path="data/{model}.parquet")]).write(open_mesh) / "data"
    broken.mkdir()
    (broken / "rows.parquet").write_bytes(b"this is no Parquet file")
    Product("staff", "retired", [Version("1.0.0", {"rows": PEOPLE}, status="retired")]).write(open_mesh)
    code, text = check(samite, open_mesh)
    assert code == 1 and problem in text, text
    assert "swedes@1.0.0.rows: ok, 3 columns" in text, text
    server = serve(open_mesh)
    with server.connect() as connection, connection.cursor() as cursor:
        with pytest.raises(adbc_driver_manager.Error):
            cursor.execute("SELECT * FROM sales.first.rows")
        cursor.execute("SELECT count(*) FROM sales.swedes")
        assert cursor.fetchone() == (2,)


def test_lineage_goes_from_column_to_column(serve, start, mesh):
    server = start(mesh)
    sql = """SELECT "column", source_product, source_column, transformation, origin FROM mesh.discovery.lineage
             WHERE product = 'swedes' AND source_domain = 'staff' ORDER BY 1, 3, 4"""
    rows = [tuple(row.values()) for row in ask(server, "chief", sql)]
    assert ("id", "people", "id", "direct", "query") in rows and ("label", "people", "name", "direct", "query") in rows, rows
    assert ("letters", "people", "name", "derived", "query") in rows, rows
    assert (None, "people", "country", "filter", "query") in rows and (None, "people", None, "read", "query") in rows, rows
    assert ask(server, "anna", sql) == []


def test_describe_names_the_inputs(samite, open_mesh):
    done = subprocess.run([samite, "describe", "--mesh", str(open_mesh), "sales.swedes"], capture_output=True, text=True, timeout=60)
    assert "virtual, sql-view" in done.stdout and "staff.people.rows (domains/sales/swedes/view.sql)" in done.stdout, done.stdout
