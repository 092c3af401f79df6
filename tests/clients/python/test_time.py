"""Products as of an instant and at named states, across formats and domains, and the same question asked of the same data."""

import datetime
import json
import os
import pathlib

import adbc_driver_manager
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.flight as flight
import pytest
from flight_sql import query
from sample_mesh import Product, Version

JANUARY, FEBRUARY, MARCH = (datetime.datetime(2026, month, 1, tzinfo=datetime.timezone.utc) for month in (1, 2, 3))
STATES = [(JANUARY, [1, 2]), (FEBRUARY, [3]), (MARCH, [4, 5])]
BOTH = "SELECT d.id FROM west.plays.rows d JOIN east.tracks.rows i ON d.id = i.id ORDER BY d.id"


@pytest.fixture(scope="module")
def timed(samite, tmp_path_factory):
    """A server over a Delta and an Iceberg table with a commit at the start of three months, and plain Parquet."""
    from conftest import Server

    mesh = tmp_path_factory.mktemp("time")
    write_delta(Product("west", "plays", [Version("1.0.0", {"rows": []}, format="delta")]).write(mesh) / "data/rows")
    write_iceberg(Product("east", "tracks", [Version("1.0.0", {"rows": []}, format="iceberg")]).write(mesh) / "data/rows")
    folder = Product("east", "plain", [Version("1.0.0", {"rows": []}, path="data/rows")]).write(mesh) / "data/rows"
    folder.mkdir(parents=True)
    pq.write_table(ids([1, 2]), folder / "a.parquet")
    running = Server(samite, mesh)
    running.folder = mesh
    yield running
    running.stop()


def ids(numbers):
    return pa.table({"id": pa.array(numbers, pa.int64())})


def write_delta(location):
    from deltalake import write_deltalake

    for version, (moment, numbers) in enumerate(STATES):
        write_deltalake(str(location), ids(numbers), mode="append")
        os.utime(location / f"_delta_log/{version:020}.json", (moment.timestamp(),) * 2)
        # The commit's own time is what some engines go by; here it is that of the file, as Delta's protocol has it.


def write_iceberg(location):
    from pyiceberg.catalog.sql import SqlCatalog

    location.mkdir(parents=True)
    catalog = SqlCatalog("time", uri=f"sqlite:///{location.parent}/catalog.db", warehouse=f"file://{location}")
    catalog.create_namespace("main")
    table = catalog.create_table("main.rows", schema=ids([]).schema, location=f"file://{location}")
    for _, numbers in STATES:
        table.append(ids(numbers))
    table.manage_snapshots().create_tag(table.metadata.snapshots[1].snapshot_id, "audited").commit()
    newest = pathlib.Path(table.metadata_location.removeprefix("file://"))
    metadata = json.loads(newest.read_text())
    for kept in ("snapshots", "snapshot-log"):
        for entry, (moment, _) in zip(metadata[kept], STATES):
            entry["timestamp-ms"] = int(moment.timestamp() * 1000)
    newest.write_text(json.dumps(metadata))
    (location / "metadata/version-hint.text").write_text(newest.name.removesuffix(".metadata.json"))


@pytest.fixture
def cursor(timed):
    with timed.connect() as connection, connection.cursor() as cursor:
        yield cursor


def numbers(cursor, sql):
    cursor.execute(sql)
    return [row[0] for row in cursor.fetchall()]


def refused(cursor, sql):
    with pytest.raises(adbc_driver_manager.Error) as error:
        numbers(cursor, sql)
    return str(error.value)


@pytest.mark.parametrize("table, clause, expected", [
    ("west.plays.rows", "VERSION AS OF 0", [1, 2]),
    ("west.plays.rows", "FOR VERSION AS OF 1", [1, 2, 3]),
    ("east.tracks.rows", "VERSION AS OF 'audited'", [1, 2, 3]),
    ("east.tracks.rows", "FOR VERSION AS OF 'main'", [1, 2, 3, 4, 5]),
    *[(table, f"{words} AS OF '{instant}'", expected)
      for table in ("west.plays.rows", "east.tracks.rows")
      for words in ("TIMESTAMP", "FOR TIMESTAMP", "FOR SYSTEM_TIME")
      for instant, expected in [("2026-01-15", [1, 2]), ("2026-02-01 00:00:00", [1, 2, 3]), ("2026-01-31T23:59:59.999Z", [1, 2]),
                                ("2026-10-01", [1, 2, 3, 4, 5])]],
])
def test_table_is_read_as_it_was(cursor, table, clause, expected):
    assert numbers(cursor, f"SELECT id FROM {table} {clause} ORDER BY id") == expected
    assert numbers(cursor, f"SELECT count(*) FROM {table} {clause} AS t WHERE t.id > 0") == [len(expected)]


@pytest.mark.parametrize("table, clause, named", [
    ("west.plays.rows", "TIMESTAMP AS OF '2025-12-31'", "2025"),
    ("east.tracks.rows", "TIMESTAMP AS OF '2025-12-31'", "2025"),
    ("west.plays.rows", "VERSION AS OF 3", "3"),
    ("east.tracks.rows", "VERSION AS OF 3", "3"),
    ("east.tracks.rows", "VERSION AS OF 'audite'", "audited"),
    ("west.plays.rows", "VERSION AS OF 'audited'", "audited"),
    ("east.plain.rows", "VERSION AS OF 0", "history"),
    ("east.plain.rows", "TIMESTAMP AS OF '2026-01-15'", "history"),
])
def test_state_that_is_not_there_is_an_error_that_names_it(cursor, table, clause, named):
    assert named in refused(cursor, f"SELECT * FROM {table} {clause}")


def test_session_reads_every_product_as_of_one_instant(cursor):
    for instant, expected in [("2026-01-15", [1, 2]), ("2026-02-15 12:00:00", [1, 2, 3]), ("2026-03-01", [1, 2, 3, 4, 5])]:
        cursor.execute(f"SET mesh.as_of = '{instant}'")
        assert numbers(cursor, BOTH) == expected
        assert numbers(cursor, "SELECT id FROM west.plays.rows VERSION AS OF 0 ORDER BY id") == [1, 2]
    assert "history" in refused(cursor, "SELECT * FROM east.plain.rows")
    cursor.execute("RESET mesh.as_of")
    assert numbers(cursor, "SELECT id FROM east.plain.rows ORDER BY id") == [1, 2]


def test_token_of_a_result_asks_the_same_data_again(timed, cursor):
    from deltalake import write_deltalake

    with flight.connect(timed.uri) as client:
        info = client.get_flight_info(query(BOTH))
        token = info.app_metadata.decode()
        rows = client.do_get(info.endpoints[0].ticket).read_all().num_rows
        assert client.get_flight_info(query("SELECT 1")).app_metadata == b""
    assert rows == 5
    assert json.loads(token).keys() == {"west.plays@1.rows", "east.tracks@1.rows"}
    cursor.execute("SELECT snapshots, state, rows FROM mesh.runtime.queries WHERE sql = ? ORDER BY started_at DESC LIMIT 1", (BOTH,))
    assert cursor.fetchall() == [(token, "finished", 5)]
    cursor.execute(f"EXPLAIN {BOTH}")
    ports = [text for kind, text in cursor.fetchall() if kind == "port"]
    assert all(any(snapshot in port for port in ports) for snapshot in json.loads(token).values())
    write_deltalake(str(timed.folder / "domains/west/plays/data/rows"), ids([5]), mode="append")
    assert numbers(cursor, BOTH) == [1, 2, 3, 4, 5, 5]
    cursor.execute(f"SET mesh.snapshots = '{token}'")
    assert numbers(cursor, BOTH) == [1, 2, 3, 4, 5]
    cursor.execute('SET mesh.snapshots = \'{"west.plays@1.rows": "delta:77"}\'')
    assert "77" in refused(cursor, "SELECT * FROM west.plays.rows")
    assert "east.tracks@1.rows" in refused(cursor, "SELECT * FROM east.tracks.rows")
    cursor.execute("RESET mesh.snapshots")
    assert numbers(cursor, "SELECT count(*) FROM west.plays.rows") == [6]
