"""Policies as clients meet them: what is hidden is in no row, no listing and no error, over every way in."""

import time

import adbc_driver_manager
import pandas
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from identity import add_user
from sample_mesh import Product, Version, column
from test_adbc_metadata import tree

CANARY = "Zanzibar"
PEOPLE = [column("id", "integer", "BIGINT", required=True, classification="public"),
          column("country", "string", required=True, classification="public"),
          column("name", "string", required=True, classification="confidential"),
          column("iban", "string", classification="restricted")]
PLAIN = [column("id", "integer", "BIGINT", required=True, classification="public")]

GLOBAL = """
@id("global/see") permit (principal, action in [Mesh::Action::"discover", Mesh::Action::"describe"], resource)
unless { resource in Mesh::Product::"staff.secret" };
@id("global/open") permit (principal, action == Mesh::Action::"select", resource) when { context.purpose != "marketing" };
@id("global/rows") permit (principal, action == Mesh::Action::"readRow", resource);
@id("global/raw") permit (principal, action == Mesh::Action::"readRaw", resource)
when { resource.classification == "public" || principal.clearance >= 3 };
@id("global/mask") @mask("mask-alphanum") permit (principal, action == Mesh::Action::"readMasked", resource)
when { resource.classification == "confidential" };
@id("global/own-country") forbid (principal, action == Mesh::Action::"readRow", resource is Mesh::Row__staff__people__1)
unless { principal.clearance >= 3 || (principal has country && resource.country == principal.country) };
@id("global/secret") forbid (principal, action in [Mesh::Action::"select"], resource in Mesh::Product::"staff.secret")
unless { principal in Mesh::Group::"chiefs" };
@id("global/secret-seen") permit (principal in Mesh::Group::"chiefs", action in [Mesh::Action::"discover", Mesh::Action::"describe"], resource);
"""


def product(folder, name, properties, rows):
    data = Product("staff", name, [Version("1.0.0", {"rows": properties}, path="data/{model}.parquet")]).write(folder) / "data"
    data.mkdir()
    pq.write_table(rows, data / "rows.parquet")


@pytest.fixture
def mesh(tmp_path):
    folder = tmp_path / "mesh"
    people = pa.table({"id": [1, 2, 3, 4], "country": ["SE", "NO", "SE", "NO"], "name": ["Ada 1", CANARY, "Bo 22", CANARY],
                       "iban": [CANARY, CANARY, None, CANARY]})
    product(folder, "people", PEOPLE, people)
    product(folder, "plain", PLAIN, pa.table({"id": [1, 2]}))
    product(folder, "secret", PLAIN, pa.table({"id": [7]}))
    (folder / "mesh/policies").mkdir(parents=True)
    (folder / "mesh/policies/global.cedar").write_text(GLOBAL, encoding="utf-8")
    return folder


@pytest.fixture
def server(serve, samite, mesh, tmp_path):
    for name, *more in (("anna", "--attribute", "country=SE"), ("chief", "--group", "chiefs", "--attribute", "clearance=3")):
        assert add_user(samite, tmp_path / "users.toml", name, "secret", *more).returncode == 0
    (tmp_path / "samite.toml").write_text('[auth]\nusers_file = "users.toml"\n[mesh]\nrefresh = "200ms"\n', encoding="utf-8")
    return serve(mesh, "--config", str(tmp_path / "samite.toml"), "--pg-listen", "127.0.0.1:0")


def connect(server, name):
    return server.connect(username=name, password="secret")


def ask(server, name, sql):
    with connect(server, name) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table().to_pylist()


def refused(server, name, sql):
    with pytest.raises(adbc_driver_manager.Error) as caught:
        ask(server, name, sql)
    return str(caught.value)


def test_rows_and_columns_are_those_of_the_principal(server):
    assert ask(server, "anna", "SELECT * FROM staff.people.rows ORDER BY id") == [
        {"id": 1, "country": "SE", "name": "xxx n"}, {"id": 3, "country": "SE", "name": "xx nn"}]
    everything = ask(server, "chief", "SELECT * FROM staff.people.rows ORDER BY id")
    assert len(everything) == 4 and everything[1]["name"] == CANARY and list(everything[0]) == ["id", "country", "name", "iban"]
    assert ask(server, "anna", "SELECT count(*) AS n, min(name) AS least FROM staff.people.rows") == [{"n": 2, "least": "xx nn"}]
    for sql in ("SELECT iban FROM staff.people.rows", "SELECT id FROM staff.people.rows WHERE iban IS NULL"):
        assert CANARY not in refused(server, "anna", sql)
    assert ask(server, "anna", "SELECT count(*) AS n FROM staff.people.rows WHERE 100 / (id - 2) <> 0 AND CAST(right(name, 1) AS TEXT) = 'n'") == [{"n": 2}]


def test_prepared_statement_and_postgresql_see_the_same(server):
    with connect(server, "anna") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM staff.people.rows WHERE id <> $1 ORDER BY id", parameters=(1,))
        assert cursor.fetch_arrow_table().to_pylist() == [{"id": 3, "name": "xx nn"}]
    host, port = server.postgresql
    with psycopg.connect(host=host, port=port, user="anna", password="secret", dbname="staff", autocommit=True) as connection:
        assert connection.execute("SELECT id, name FROM people.rows ORDER BY id").fetchall() == [(1, "xxx n"), (3, "xx nn")]
        names = connection.execute("SELECT nspname FROM pg_catalog.pg_namespace").fetchall()
        assert ("plain",) in names and ("secret",) not in names
        columns = connection.execute("SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = 'people.rows'::regclass AND attnum > 0").fetchall()
        assert sorted(columns) == [("country",), ("id",), ("name",)]


def test_what_may_not_be_discovered_does_not_exist(server):
    hidden, wrong = (refused(server, "anna", f"SELECT * FROM staff.{name}.rows") for name in ("secret", "secreu"))
    assert hidden.replace("secret", "#") == wrong.replace("secreu", "#")
    assert "secret" not in refused(server, "anna", "SELECT * FROM staff.secre.rows").replace("staff.secre", "")
    for listing in ("SELECT * FROM mesh.discovery.products", "SELECT * FROM mesh.discovery.ports", "SELECT * FROM mesh.discovery.tables",
                    "SELECT * FROM mesh.discovery.columns", "SELECT * FROM information_schema.tables", "SELECT * FROM information_schema.columns",
                    "SELECT * FROM information_schema.schemata", "SELECT * FROM information_schema.key_column_usage", "SHOW TABLES",
                    "SELECT * FROM mesh.discovery.slo", "SELECT * FROM mesh.discovery.problems"):
        rows = str(ask(server, "anna", listing))
        assert "secret" not in rows and "iban" not in rows, listing
    assert "secret" in str(ask(server, "chief", "SELECT * FROM mesh.discovery.products"))
    assert ask(server, "chief", "SELECT * FROM staff.secret.rows") == [{"id": 7}]
    with connect(server, "anna") as connection:
        found = tree(connection, depth="all")["staff"]
        assert found["people"] == {"rows": ["id", "country", "name"]} and "secret" not in found
        assert [field.name for field in connection.adbc_get_table_schema("rows", catalog_filter="staff", db_schema_filter="people")] == ["id", "country", "name"]


def test_purpose_decides(server):
    with connect(server, "anna") as connection, connection.cursor() as cursor:
        cursor.execute("SET mesh.purpose = 'marketing'")
        with pytest.raises(adbc_driver_manager.Error, match="may not be read"):
            cursor.execute("SELECT * FROM staff.plain.rows")
        cursor.execute("SET mesh.purpose = 'billing'")
        cursor.execute("SELECT count(*) AS n FROM staff.plain.rows")
        assert pandas.DataFrame(cursor.fetch_df()).n.tolist() == [2]


def test_changed_policies_count_without_a_restart_and_broken_ones_do_not(server, mesh):
    file = mesh / "mesh/policies/global.cedar"
    sql = "SELECT count(*) AS n FROM staff.plain.rows"
    assert ask(server, "anna", sql) == [{"n": 2}]
    file.write_text("this is no policy", encoding="utf-8")
    time.sleep(1)
    assert ask(server, "anna", sql) == [{"n": 2}], "the last good set stays"
    file.write_text(GLOBAL.replace('context.purpose != "marketing"', 'context.purpose == "audit"'), encoding="utf-8")
    deadline = time.monotonic() + 20
    while True:
        try:
            ask(server, "anna", sql)
        except adbc_driver_manager.Error as error:
            assert "may not be read" in str(error)
            break
        assert time.monotonic() < deadline, "the new policies were not seen"
        time.sleep(0.2)


def test_broken_policies_from_the_start_deny_everything(serve, samite, mesh, tmp_path):
    (mesh / "mesh/policies/global.cedar").write_text("this is no policy", encoding="utf-8")
    server = serve(mesh)
    with server.connect() as connection, connection.cursor() as cursor, pytest.raises(adbc_driver_manager.Error, match="does not exist"):
        cursor.execute("SELECT * FROM staff.plain.rows")


def test_explain_of_a_table_in_part_is_one_line(server):
    plan = str(ask(server, "anna", "EXPLAIN SELECT * FROM staff.people.rows WHERE id > 1"))
    assert "rows.parquet" not in plan and CANARY not in plan and "country" not in plan.replace("staff.people", "")
    analysed = str(ask(server, "anna", "EXPLAIN ANALYZE SELECT * FROM staff.people.rows"))
    assert "rows.parquet" not in analysed and CANARY not in analysed
