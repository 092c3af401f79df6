"""Shared meanings, drafts and purposes as people meet them: joins by meaning, what disagrees, what is not for everybody yet."""

import subprocess

import adbc_driver_manager
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from identity import add_user
from sample_mesh import Product, Version, column

DEFINITIONS = """
apiVersion: v1.0.0
kind: SemanticDefinition
id: 0d1f
definitions:
  - {id: artist-id, name: Artist, logicalType: string, classification: public}
  - {id: isni, logicalType: string, relationships: [{to: definitions/artist-id, type: sameAs}]}
"""

POLICIES = """
@id("global/see") permit (principal, action in [Mesh::Action::"discover", Mesh::Action::"describe", Mesh::Action::"select"], resource);
@id("global/rows") permit (principal, action == Mesh::Action::"readRow", resource);
@id("global/raw") permit (principal, action == Mesh::Action::"readRaw", resource)
when { !(resource has semantic) || principal.clearance >= 2 || resource in Mesh::Product::"labels.records" };
@id("global/masked") @mask("sha-256-query-local")
permit (principal, action == Mesh::Action::"readMasked", resource) when { resource has semantic };
@id("global/testers") permit (principal in Mesh::Group::"testers", action == Mesh::Action::"selectDraft", resource);
"""


def bound(name, definition, **more):
    url = f"../../../mesh/semantics/music.osds.yaml#/definitions/{definition}"
    return column(name, "string", classification="public", authoritativeDefinitions=[{"type": "semanticDefinition", "url": url}], **more)


def product(folder, domain, name, versions, rows):
    data = Product(domain, name, versions).write(folder) / "data"
    data.mkdir()
    pq.write_table(rows, data / "rows.parquet")


@pytest.fixture
def mesh(tmp_path):
    folder = tmp_path / "mesh"
    path, names = "data/{model}.parquet", column("name", "string", classification="public")
    artists = {"rows": [bound("id", "artist-id"), names]}
    draft = Version("2.0.0", artists, path=path, status="draft")
    product(folder, "artists", "profiles", [Version("1.0.0", artists, path=path), draft], pa.table({"id": ["a", "b"], "name": ["Ada", "Bo"]}))
    plays = Version("1.0.0", {"rows": [bound("performer", "artist-id"), column("day", "integer", classification="public")]}, path=path,
                    contract={"customProperties": [{"property": "allowedPurposes", "value": ["charts"], "vendor": "samite"}]})
    product(folder, "media", "plays", [plays], pa.table({"performer": ["a", "a", "b", None], "day": [1, 2, 3, 4]}))
    records = Version("1.0.0", {"rows": [bound("isni", "isni"), column("title", "string", classification="public")]}, path=path)
    product(folder, "labels", "records", [records], pa.table({"isni": ["1", "9"], "title": ["One", "Nine"]}))
    numbers = Version("1.0.0", {"rows": [bound("artist", "artist-id"), bound("isni", "isni")]}, path=path)
    product(folder, "artists", "numbers", [numbers], pa.table({"artist": ["a", "a"], "isni": ["1", "1"]}))
    (folder / "mesh/semantics").mkdir(parents=True)
    (folder / "mesh/semantics/music.osds.yaml").write_text(DEFINITIONS, encoding="utf-8")
    return folder


def ask(server, sql, **login):
    with server.connect(**login) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table().to_pylist()


def refused(server, sql, **login):
    with pytest.raises(adbc_driver_manager.Error) as caught:
        ask(server, sql, **login)
    return str(caught.value)


CHART = "SELECT a.name, count(*) AS n FROM artists.profiles.rows a JOIN media.plays.rows p ON POLYSEME('artist') GROUP BY a.name ORDER BY a.name"


def test_tables_are_joined_by_what_their_columns_mean(serve, mesh):
    server = serve(mesh)
    assert ask(server, CHART) == [{"name": "Ada", "n": 2}, {"name": "Bo", "n": 1}]
    records = "SELECT * FROM artists.profiles.rows a JOIN labels.records.rows r ON POLYSEME('artist')"
    assert ask(server, records) == [{"id": "a", "name": "Ada", "isni": "1", "title": "One"}]
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(CHART.replace("GROUP", "WHERE p.day > ? GROUP"), parameters=(1,))
        assert cursor.fetch_arrow_table().to_pylist() == [{"name": "Ada", "n": 1}, {"name": "Bo", "n": 1}]
    found = ask(server, "SELECT definition, domain, \"column\" FROM mesh.discovery.polysemes WHERE version = '1.0.0' ORDER BY 1, 2, 3")
    assert [tuple(row.values()) for row in found] == [
        ("artist-id", "artists", "artist"), ("artist-id", "artists", "id"), ("artist-id", "media", "performer"),
        ("isni", "artists", "isni"), ("isni", "labels", "isni")]
    assert 'no definition is called "song"' in refused(server, CHART.replace("artist')", "song')"))


def test_masked_identifiers_join_and_half_masked_ones_are_refused(serve, samite, mesh, tmp_path):
    (mesh / "mesh/policies").mkdir()
    (mesh / "mesh/policies/global.cedar").write_text(POLICIES, encoding="utf-8")
    for name, *more in (("anna", "--attribute", "clearance=1"), ("tess", "--group", "testers", "--attribute", "clearance=2")):
        assert add_user(samite, tmp_path / "users.toml", name, "secret", *more).returncode == 0
    (tmp_path / "samite.toml").write_text('[auth]\nusers_file = "users.toml"\n', encoding="utf-8")
    server = serve(mesh, "--config", str(tmp_path / "samite.toml"))
    anna, tess = ({"username": name, "password": "secret"} for name in ("anna", "tess"))

    without = refused(server, CHART, **anna)
    assert "may not be read without a purpose" in without and "its contract allows charts" in without
    with server.connect(**anna) as connection, connection.cursor() as cursor:
        cursor.execute("SET mesh.purpose = 'charts'")
        cursor.execute(CHART)
        assert cursor.fetch_arrow_table().to_pylist() == [{"name": "Ada", "n": 2}, {"name": "Bo", "n": 1}]
        cursor.execute("SELECT id FROM artists.profiles.rows ORDER BY id")
        assert all(len(row["id"]) == 64 for row in cursor.fetch_arrow_table().to_pylist())
    half = refused(server, "SELECT 1 FROM labels.records.rows JOIN artists.numbers.rows n ON POLYSEME('isni')", **anna)
    assert "cannot be joined as you may see them" in half
    assert ask(server, "SELECT n.artist FROM labels.records.rows JOIN artists.numbers.rows n ON POLYSEME('isni')", **tess) == [{"artist": "a"}] * 2

    draft = 'SELECT count(*) AS n FROM artists."profiles@draft".rows'
    assert "has no draft" in refused(server, draft, **anna)
    assert ask(server, draft, **tess) == [{"n": 2}]
    versions = "SELECT version FROM mesh.discovery.ports WHERE product = 'profiles' ORDER BY version"
    assert [row["version"] for row in ask(server, versions, **anna)] == ["1.0.0"]
    assert [row["version"] for row in ask(server, versions, **tess)] == ["1.0.0", "2.0.0"]


def test_check_finds_what_disagrees_and_what_ends_too_soon(samite, mesh, tmp_path):
    def check(*more):
        done = subprocess.run([samite, "check", "--mesh", mesh, *more], capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout

    assert check()[0] == 0
    other = tmp_path / "other"
    Product("labels", "other", [Version("1.0.0", {"rows": [bound("isni", "artist-id", physicalType="VARCHAR") | {"classification": "internal"}]},
                                        path="../records/data/{model}.parquet")]).write(mesh)
    code, told = check()
    assert code == 0 and 'warning: column "isni" of rows is bound to "artist-id": the classification is internal, that of its definition is public' in told
    subprocess.run(["cp", "-r", mesh, other], check=True)
    contract = mesh / "domains/labels/records/records.v1.odcs.yaml"
    contract.write_text(contract.read_text(encoding="utf-8") + "slaProperties:\n  - {property: endOfLife, value: '2999-01-01'}\n", encoding="utf-8")
    assert check("--against", str(other))[0] == 0
    (tmp_path / "samite.toml").write_text('[mesh]\ndeprecation_window = "400000d"\n', encoding="utf-8")
    code, told = check("--against", str(other), "--config", str(tmp_path / "samite.toml"))
    assert code == 1 and "endOfLife of labels.records@1 is in" in told
