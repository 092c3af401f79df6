"""Tables that other engines wrote (tests/fixtures), and those engines' own answers to what is in them, cell by cell.

A table that is refused must be refused with the name of what is in its way, and stands in REFUSED. That list only shrinks: a table
in it that is read fails its test until it is taken out.
"""

import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import tarfile

import pyarrow as pa
import pytest
import sample_mesh
from conftest import ROOT, Server

FIXTURES = ROOT / "tests/fixtures"
PLACE = pathlib.Path("/tmp/samite-fixtures")  # Iceberg's metadata and Delta's clones name their files by this location.
BYTES_MAX = 4_000_000

# A fixture, or one state of it, and what its refusal names.
REFUSED = {
    "delta/variant": "variantType",
    "delta/variant_shredded": "variantType",
    "parquet/arrow_types": "finer than a microsecond",
    "parquet/legacy_dates": "calendar before 1582",
    "parquet/legacy_int96": "calendar before 1582",
    "parquet/variant": "has type variant",
    "iceberg/avro_files": "files of format avro",
    "iceberg/geometry": "has type geometry",
    "iceberg/orc_files": "files of format orc",
    "iceberg/position_deletes_avro": "files of format avro",
    "iceberg/unknown_type": "has type unknown",
    "iceberg/variant": "has type variant",
}

# A fixture, or one state of it, that is read otherwise than by its writer, and why. This list only shrinks too: one that is read alike fails until it is taken out.
DIFFERENT = {}

# What a format is not asked yet: (format, kind of moment) -> what the refusal names.
REFUSED_MOMENTS = {}


def documents():
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FIXTURES.glob("*/*/fixture.json"))]


def states():
    for document in documents():
        for state in document["states"]:
            yield pytest.param(document, state, id=f"{document['format']}/{document['name']}/{state['name']}")


# ---- the mesh


def place(lock):
    """Puts the tables where their metadata says they are; runs at the same time share them."""
    PLACE.mkdir(exist_ok=True)
    fcntl.flock(lock, fcntl.LOCK_EX)
    for document in documents():
        source, target = FIXTURES / document["format"] / document["name"], PLACE / document["format"] / document["name"]
        seal = hashlib.sha256()
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            seal.update(str(path.relative_to(source)).encode() + path.read_bytes())
        sealed = target / "placed"
        if not sealed.is_file() or sealed.read_text(encoding="utf-8") != seal.hexdigest():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
            if (target / "table.tar.gz").is_file():
                with tarfile.open(target / "table.tar.gz") as packed:
                    packed.extractall(target, filter="data")
            sealed.write_text(seal.hexdigest(), encoding="utf-8")
        for name, milliseconds in document.get("log_times", {}).items():
            commit = target / "table/_delta_log" / name
            if commit.exists():
                os.utime(commit, ns=(milliseconds * 10**6, milliseconds * 10**6))
    fcntl.flock(lock, fcntl.LOCK_SH)


@pytest.fixture(scope="module")
def connection(samite, tmp_path_factory):
    """A connection to a server whose mesh has one product for each fixture: <format>.<fixture>.rows."""
    mesh = tmp_path_factory.mktemp("fixtures")
    with open(f"{PLACE}.lock", "w", encoding="utf-8") as lock:
        place(lock)
        for document in documents():
            version = sample_mesh.Version("1.0.0", {"rows": []}, format=document["format"], path=str(PLACE / document["format"] / document["name"] / "table"),
                                          server=document.get("server", {}))
            sample_mesh.Product(document["format"], document["name"], [version]).write(mesh)
            for state in filter(shows_lineage, document["states"]):
                # Row lineage is shown where a contract promises it.
                promised = [{"name": name} for name in expected(document, state).schema.names]
                version = dataclasses.replace(version, tables={"rows": promised})
                sample_mesh.Product(document["format"], f"{document['name']}_lineage", [version]).write(mesh)
        (mesh / "samite.toml").write_text(f'[locations]\nallow = ["file://{PLACE}/"]\n', encoding="utf-8")
        server = Server(samite, mesh, "--config", str(mesh / "samite.toml"))
        with server.connect() as connection:
            yield connection
        server.stop()


def shows_lineage(state):
    return "_row_id" in state.get("columns", "")


def query(document, state):
    moment = ""
    if "version" in state:
        version = state["version"]
        moment = f" VERSION AS OF {version}" if isinstance(version, int) else f" VERSION AS OF '{version}'"
    elif "timestamp" in state:
        moment = f" TIMESTAMP AS OF '{state['timestamp']}'"
    columns, where = state.get("columns", "*"), f" WHERE {state['where']}" if "where" in state else ""
    columns, where = (text.replace("`", '"') for text in (columns, where))
    # What the writer calls TIMESTAMP has a zone.
    where = re.sub(r"\bTIMESTAMP(_NTZ)? '", lambda found: "TIMESTAMP '" if found[1] else "TIMESTAMPTZ '", where)
    product = document["name"] + "_lineage" * shows_lineage(state)
    return f'SELECT {"*" if shows_lineage(state) else columns} FROM "{document["format"]}"."{product}".rows{moment}{where}'


def ask(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


# ---- cells


def plain(type):
    """A type without what says nothing of its values: views, dictionaries, names of items, nullability, units of the time of day, zones."""
    if isinstance(type, pa.UuidType):
        return pa.binary(16)
    if pa.types.is_dictionary(type):
        return plain(type.value_type)
    if pa.types.is_string_view(type) or pa.types.is_large_string(type):
        return pa.string()
    if pa.types.is_binary_view(type) or pa.types.is_large_binary(type):
        return pa.binary()
    if pa.types.is_struct(type):
        return pa.struct([(field.name, plain(field.type)) for field in type])
    if pa.types.is_map(type):
        return pa.map_(plain(type.key_type), plain(type.item_type))
    if pa.types.is_list(type) or pa.types.is_large_list(type) or pa.types.is_list_view(type):
        return pa.list_(plain(type.value_type))
    if pa.types.is_timestamp(type) and type.tz:
        return pa.timestamp(type.unit, "UTC")
    if pa.types.is_time(type):
        return pa.time64("ns")
    return type


def described(table):
    return [f"{field.name}: {plain(field.type)}" for field in table.schema]


def cells(table):
    """Rows in an order of their own; texts, so that NaN is itself and -0.0 is not 0.0."""
    columns = []
    for field, column in zip(table.schema, table.columns):
        if isinstance(field.type, pa.UuidType):
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], pa.binary(16))
        elif pa.types.is_temporal(field.type) and not pa.types.is_date(field.type):
            column = column.cast(plain(field.type))
        if pa.types.is_time(field.type) or pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            column = column.cast(pa.int64())  # Python has no nanoseconds.
        columns.append(column.to_pylist())
    return sorted(repr(tuple(row)) for row in zip(*columns)) if columns else []


def expected(document, state):
    folder = FIXTURES / document["format"] / document["name"] / "answers"
    with pa.OSFile(str(folder / f"{state['name']}.arrow")) as file:
        return pa.ipc.open_stream(file).read_all()


def refusal(document, state):
    """What a refusal of this state must name, if it is refused. What stands for a moment goes before what stands for a table."""
    kind = next((kind for kind in ("version", "timestamp") if kind in state), None)
    kind = "reference" if isinstance(state.get("version"), str) else kind
    fixture = f"{document['format']}/{document['name']}"
    return REFUSED_MOMENTS.get((document["format"], kind)) or REFUSED.get(f"{fixture}/{state['name']}") or REFUSED.get(fixture)


@pytest.mark.parametrize(("document", "state"), list(states()))
def test_writers_answer_is_ours(connection, document, state):
    sql, named = query(document, state), refusal(document, state)
    if named:
        try:
            ask(connection, sql)
        except Exception as error:
            message = str(error)
        else:
            pytest.fail(f"it is read: take it out of REFUSED (or REFUSED_MOMENTS)\n{sql}")
        assert named.lower() in message.lower(), sql
        return
    ours, wanted, fixture = ask(connection, sql), expected(document, state), f"{document['format']}/{document['name']}"
    if fixture in DIFFERENT or f"{fixture}/{state['name']}" in DIFFERENT:
        assert (described(ours), cells(ours)) != (described(wanted), cells(wanted)), f"{fixture} is read as its writer does: take it out of DIFFERENT"
        return
    assert described(ours) == described(wanted), sql
    assert cells(ours) == cells(wanted), sql


@pytest.mark.parametrize("document", [pytest.param(document, id=f"{document['format']}/{document['name']}") for document in documents()])
def test_counts_are_those_of_the_writer(connection, document):
    """count(*) comes from metadata where that knows it: it must know it right."""
    for state in document["states"]:
        if state["name"] != "latest" or refusal(document, state):
            continue
        sql = f'SELECT count(*) AS n FROM "{document["format"]}"."{document["name"]}".rows'
        assert ask(connection, sql).to_pylist() == [{"n": expected(document, state).num_rows}], sql


def test_exceptions_name_fixtures_that_exist():
    tables = {f"{document['format']}/{document['name']}": document["states"] for document in documents()}
    names = set(tables) | {f"{table}/{state['name']}" for table, states in tables.items() for state in states}
    listed = {*REFUSED, *DIFFERENT}
    assert listed <= names, listed - names


def test_fixtures_are_small_and_name_no_machine():
    files = [path for path in FIXTURES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < BYTES_MAX
    for path in files:
        assert path.suffix != ".crc", path
        if path.suffix in (".json", ".parquet", ".avro", ".arrow"):
            content = path.read_bytes()
            assert not any(place in content for place in (b"/work/", b"/home/", b"/root/")), path


def test_answers_are_all_asked_for():
    for document in documents():
        folder = FIXTURES / document["format"] / document["name"] / "answers"
        assert {path.stem for path in folder.iterdir()} == {state["name"] for state in document["states"]}, folder
