"""Bad input, end to end: each is refused with an error that names the thing and says what to do, and disturbs nothing else.

One mesh holds every broken port and document beside a good product; after each error the good product still answers.
"""

import json
import os
import pathlib
import shutil
import threading

import adbc_driver_manager
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import flight
from sample_mesh import Product, Version, column, write_iceberg

ROWS = pa.table({"id": pa.array(range(100), pa.int64()), "name": pa.array([f"row {n}" for n in range(100)])})
HINT = "hint: "


# ---- a mesh of broken things


def product(mesh, name, properties=(), domain="bad", **version):
    """A product of the domain `bad` with one table of its own name; the folder of its data."""
    made = Version("1.0.0", {name: list(properties)}, **({"path": "data"} | version))
    folder = Product(domain, name, [made]).write(mesh) / "data"
    return folder


def parquet(folder, name="part-0.parquet", rows=ROWS):
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, folder / name, row_group_size=10)
    return folder / name


def delta(folder, commits=4):
    from deltalake import write_deltalake

    for _ in range(commits):
        write_deltalake(str(folder), ROWS, mode="append")
    return folder


def iceberg(folder):
    from pyiceberg.catalog.sql import SqlCatalog

    folder.parent.mkdir(parents=True, exist_ok=True)
    return write_iceberg(folder, [ROWS, ROWS], SqlCatalog("bad", uri=f"sqlite:///{folder.parent}/catalog.db",
                                                          warehouse=f"file://{folder.parent}"))


def only(paths):
    found = sorted(paths)
    assert found, "the file to break is there"
    return found[0]


def write_ports(mesh, outside):
    """Every broken port, each a product of its own."""
    product(mesh, "missing_files", path="data/nothing.parquet")
    product(mesh, "missing_folder", path="data/")
    product(mesh, "empty_folder", path="data/").mkdir()
    (parquet(product(mesh, "empty_file", path="data/"), "part-1.parquet").parent / "part-0.parquet").write_bytes(b"")
    cut = parquet(product(mesh, "cut_short", path="data/"))
    cut.write_bytes(cut.read_bytes()[:-100])
    middle = parquet(product(mesh, "broken_page", path="data/"))
    content = bytearray(middle.read_bytes())
    content[100:400] = b"\xff" * 300
    middle.write_bytes(content)
    (parquet(product(mesh, "not_parquet", path="data/"), "part-1.parquet").parent / "part-0.parquet").write_text("id,name\n1,one\n" * 20)
    parquet(product(mesh, "wrong_type", [column("id", "string"), column("name", "string")], path="data/"))
    parquet(product(mesh, "absent_column", [column("id", "integer"), column("price", "number")], path="data/"))
    mixed = parquet(product(mesh, "mixed_types", [column("id", "integer")], path="data/")).parent
    parquet(mixed, "part-1.parquet", pa.table({"id": ["one"], "name": ["x"]}))

    only((delta(product(mesh, "delta_hole", format="delta")) / "_delta_log").glob("*1.json")).unlink()
    only(delta(product(mesh, "delta_file_gone", format="delta")).glob("*.parquet")).unlink()
    commit = only((delta(product(mesh, "delta_garbage", format="delta")) / "_delta_log").glob("*2.json"))
    commit.write_text("{this is not JSON\n")
    product(mesh, "delta_none", format="delta").mkdir()

    folder = product(mesh, "iceberg_nowhere", format="iceberg")
    iceberg(folder)
    (folder / "metadata/version-hint.text").write_text("00099-gone")
    folder = product(mesh, "iceberg_no_manifest", format="iceberg")
    iceberg(folder)
    for manifest in (folder / "metadata").glob("*-m0.avro"):
        manifest.unlink()
    folder = product(mesh, "iceberg_file_gone", format="iceberg")
    iceberg(folder)
    only((folder / "data").glob("*.parquet")).unlink()
    product(mesh, "iceberg_none", format="iceberg").mkdir()

    secret = parquet(outside, "secret.parquet")
    product(mesh, "outside_absolute", path=str(secret))
    product(mesh, "outside_dots", path="../" * len(mesh.parts) + "/".join(secret.parts[1:]))
    folder = product(mesh, "outside_link", path="data/")
    folder.mkdir()
    (folder / "part-0.parquet").symlink_to(secret)
    product(mesh, "outside_linked_folder", path="data/").symlink_to(outside)
    product(mesh, "outside_remote", server={"type": "s3", "location": "s3://elsewhere/secret.parquet"})
    folder = delta(product(mesh, "outside_delta", format="delta"), commits=1)
    commit = only((folder / "_delta_log").glob("*0.json"))
    actions = [json.loads(line) for line in commit.read_text().splitlines()]
    for action in actions:
        if "add" in action:
            action["add"]["path"] = f"file://{secret}"
    commit.write_text("\n".join(map(json.dumps, actions)) + "\n")
    folder = product(mesh, "outside_iceberg", format="iceberg")
    made = iceberg(folder)
    metadata = pathlib.Path(made.metadata_location.removeprefix("file://"))
    shutil.copytree(folder / "metadata", outside / "metadata")
    metadata.write_text(metadata.read_text().replace(f"file://{folder}/metadata/snap", f"file://{outside}/metadata/snap"))


def write_documents(mesh):
    """Every broken document; each takes only its own product out."""
    folder = Product("bad", "not_yaml", [Version("1.0.0", {"t": []})]).write(mesh)
    (folder / "not_yaml.odps.yaml").write_text("kind: [DataProduct\n  name: 'x\n")
    folder = Product("bad", "breaks_schema", [Version("1.0.0", {"t": []})]).write(mesh)
    text = (folder / "breaks_schema.v1.odcs.yaml").read_text()
    (folder / "breaks_schema.v1.odcs.yaml").write_text(text.replace("status: active", "status: 7\nsurprise: yes"))
    folder = Product("bad", "no_contract", [Version("1.0.0", {"t": []})]).write(mesh)
    (folder / "no_contract.v1.odcs.yaml").unlink()
    first = Product("bad", "twice", [Version("1.0.0", {"t": []}, path="data.parquet")]).write(mesh)
    pq.write_table(ROWS, first / "data.parquet")
    shutil.copytree(first, first.parent / "twice_again")
    Product("bad", "wrong_domain", [Version("1.0.0", {"t": []})], {"domain": "good"}).write(mesh)


@pytest.fixture(scope="module")
def bad_mesh(tmp_path_factory):
    mesh = tmp_path_factory.mktemp("bad_mesh")
    folder = Product("good", "rows", [Version("1.0.0", {"rows": []}, path="data.parquet")]).write(mesh)
    pq.write_table(ROWS, folder / "data.parquet")
    ended = Version("1.0.0", {"rows": []}, path="data.parquet", sla=[{"property": "endOfLife", "value": "2020-01-01T00:00:00Z"}])
    folder = Product("good", "ended", [ended, Version("2.0.0", {"rows": []}, path="data.parquet")]).write(mesh)
    pq.write_table(ROWS, folder / "data.parquet")
    write_ports(mesh, tmp_path_factory.mktemp("outside"))
    write_documents(mesh)
    return mesh


@pytest.fixture(scope="module")
def bad_server(samite, bad_mesh):
    from conftest import Server

    server = Server(samite, bad_mesh)
    yield server
    assert server.process.poll() is None, f"the server ended:\n{server.log()}"
    assert server.stop() == 0
    assert "panicked" not in server.log()


@pytest.fixture
def ask(bad_server):
    """Asks, and afterwards finds the good product unharmed."""
    with bad_server.connect() as connection, connection.cursor() as cursor:
        def ask(sql):
            cursor.execute(sql)
            return cursor.fetchall()

        yield ask
        assert ask("SELECT count(*), sum(id) FROM good.rows.rows") == [(100, 4950)]


def refusal(ask, sql):
    """The text of the error that `sql` is refused with."""
    with pytest.raises(adbc_driver_manager.Error) as refused:
        rows = ask(sql)
        pytest.fail(f"{len(rows)} rows instead of an error for {sql[:100]}")
    return str(refused.value)


def check(text, *words):
    """The error names these words, says what to do, and nothing of how Samite is made."""
    for word in words:
        assert word.lower() in text.lower(), f"{word!r} is not in: {text}"
    assert HINT in text or "did you mean" in text.lower(), f"nothing says what to do: {text}"
    for word in ("panicked", "DataFusion", "Arrow error", "src/"):
        assert word not in text, text


# ---- names and life cycle


@pytest.mark.parametrize("sql, words", [
    ("SELECT * FROM gud.rows.rows", ['domain "gud"', "good"]),
    ("SELECT * FROM good.row.rows", ['"good.row"', "rows"]),
    ("SELECT * FROM good.rows.rwos", ["good.rows.rwos", "rows"]),
    ('SELECT * FROM good."rows@7".rows', ["version 7", "good.rows", "1.0.0"]),
    ('SELECT * FROM good."ended@1".rows', ["ended", "2020-01-01", "ended@2"]),
    ("SELECT nmae FROM good.rows.rows", ["nmae", "name"]),
])
def test_unknown_name_is_refused_with_the_nearest(ask, sql, words):
    check(refusal(ask, sql), *words)


# ---- ports


@pytest.mark.parametrize("name, words", [
    ("missing_files", ["nothing.parquet"]),
    ("missing_folder", ["missing_folder"]),
    ("empty_folder", ["empty_folder"]),
    ("empty_file", ["part-0.parquet"]),
    ("cut_short", ["part-0.parquet"]),
    ("broken_page", ["part-0.parquet"]),
    ("not_parquet", ["part-0.parquet"]),
    ("wrong_type", ['"id"', "string", "int64"]),
    ("absent_column", ['"price"']),
    ("mixed_types", ['"id"', "part-"]),
    ("delta_hole", ["version"]),
    ("delta_file_gone", [".parquet"]),
    ("delta_garbage", ["delta_garbage"]),
    ("delta_none", ["delta_none"]),
    ("iceberg_nowhere", ["00099-gone"]),
    ("iceberg_no_manifest", [".avro"]),
    ("iceberg_file_gone", [".parquet"]),
    ("iceberg_none", ["iceberg_none"]),
    ("outside_absolute", ["[locations] allow"]),
    ("outside_dots", ["[locations] allow"]),
    ("outside_link", ["part-0.parquet", "[locations] allow"]),
    ("outside_linked_folder", ["[locations] allow"]),
    ("outside_remote", ["s3://elsewhere", "[locations] allow"]),
    ("outside_delta", ["[locations] allow"]),
    ("outside_iceberg", ["[locations] allow"]),
])
def test_broken_port_is_refused_by_name(ask, name, words):
    check(refusal(ask, f"SELECT * FROM bad.{name}.{name}"), f"bad.{name}", *words)


@pytest.mark.parametrize("name", ["cut_short", "not_parquet", "mixed_types", "delta_hole", "iceberg_nowhere", "outside_link", "outside_delta"])
def test_broken_port_gives_no_count_either(ask, name):
    refusal(ask, f"SELECT count(*) FROM bad.{name}.{name}")


# ---- documents


@pytest.mark.parametrize("name, words", [
    ("not_yaml", ["not_yaml.odps.yaml"]),
    ("breaks_schema", ["breaks_schema.v1.odcs.yaml"]),
    ("no_contract", ["bad.no_contract.main.1"]),
    ("twice", ["twice"]),
    ("wrong_domain", ["wrong_domain"]),
])
def test_broken_document_is_a_problem_and_takes_its_product_out(ask, name, words):
    problems = ask("SELECT * FROM mesh.discovery.problems")
    told = [" ".join(map(str, problem)) for problem in problems if name in " ".join(map(str, problem))]
    assert told, problems
    for word in words:
        assert any(word in text for text in told), told
    check(refusal(ask, f"SELECT * FROM bad.{name}.t"), name)


def test_problem_names_file_and_line(ask):
    rows = ask("SELECT document, line FROM mesh.discovery.problems WHERE document LIKE '%breaks_schema%' AND line IS NOT NULL")
    assert any(line >= 1 for _, line in rows), rows


# ---- SQL


@pytest.mark.parametrize("sql, words", [
    ("SELECT " + "1," * 200_000 + "1", ["too long"]),
    ("SELECT " + "(" * 5000 + "1" + ")" * 5000, ["too deep"]),
    ("SELECT " + "1+" * 50_000 + "1", ["deep"]),
    ("SELECT " + "NOT " * 10_000 + "true", ["deep"]),
    ("SELECT 1 WHERE " + "1=1 OR " * 20_000 + "1=1", ["deep"]),
    ("SELECT " + "-" * 1 + " -" * 20_000 + "1", ["deep"]),
    ("SELECT " + "CASE WHEN true THEN " * 5000 + "1" + " END" * 5000, ["deep"]),
    ("SELECT * FROM " + "(SELECT * FROM " * 3000 + "good.rows.rows" + ")" * 3000, ["deep"]),
    (" UNION ALL ".join(["SELECT 1"] * 12_000), ["deep"]),
    ("SELECT id FROM good.rows.rows a, good.rows.rows b", ["id"]),
    ("DROP TABLE good.rows.rows", ["DROP TABLE", "read-only"]),
    ("INSERT INTO good.rows.rows VALUES (1, 'x')", ["INSERT", "read-only"]),
    ("COPY good.rows.rows TO 'out.parquet'", ["COPY", "read-only"]),
    ("SELECT 1; SELECT 2", ["2 statements"]),
    (" ", ["empty"]),
    ("SELEC 1", ["SELEC"]),
    ("SET datafusion.execution.batch_size = 1", ["datafusion.execution.batch_size"]),
])
def test_statement_that_is_no_query_is_refused(ask, sql, words):
    text = refusal(ask, sql)
    for word in words:
        assert word.lower() in text.lower(), text


def test_deep_statement_within_bounds_is_answered(ask):
    assert ask("SELECT " + "1+" * 900 + "1") == [(901,)]


# ---- clients


@pytest.mark.parametrize("ticket", [b"", b"\x00", b"x" * 100_000, b"\x08\x01\xff\xff", os.urandom(64)])
def test_forged_ticket_is_refused(ask, bad_server, ticket):
    with flight.connect(bad_server.uri) as client, pytest.raises((flight.FlightError, pa.ArrowException)) as refused:
        client.do_get(flight.Ticket(ticket)).read_all()
    assert "ticket" in str(refused.value).lower() or "command" in str(refused.value).lower(), refused.value


def test_changed_ticket_is_refused(ask, bad_server):
    with bad_server.connect() as connection, connection.cursor() as cursor:
        partitions, _ = cursor.adbc_execute_partitions("SELECT count(*) FROM good.rows.rows")
    with flight.connect(bad_server.uri) as client:
        ticket = flight.FlightInfo.deserialize(partitions[0]).endpoints[0].ticket.ticket
        for position in (len(ticket) // 2, len(ticket) - 1):
            changed = bytearray(ticket)
            changed[position] ^= 1
            with pytest.raises((flight.FlightError, pa.ArrowException)):
                client.do_get(flight.Ticket(bytes(changed))).read_all()


def test_garbage_commands_are_refused(ask, bad_server):
    with flight.connect(bad_server.uri) as client:
        for command in (b"", b"\xff" * 50, b"\n\x05hello"):
            with pytest.raises((flight.FlightError, pa.ArrowException)):
                client.get_flight_info(flight.FlightDescriptor.for_command(command))
            with pytest.raises((flight.FlightError, pa.ArrowException)):
                list(client.do_action(flight.Action("CreatePreparedStatement", command)))
        with pytest.raises((flight.FlightError, pa.ArrowException)):
            list(client.do_action(flight.Action("NoSuchAction", b"")))
        with pytest.raises((flight.FlightError, pa.ArrowException)):
            client.get_flight_info(flight.FlightDescriptor.for_path("a", "b"))


def test_garbage_on_the_wire_ends_only_that_connection(ask, bad_server):
    import socket

    host, port = bad_server.uri.rsplit("/", 1)[1].rsplit(":", 1)
    for content in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 1000, b""):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(content)


def test_clients_that_go_away_leave_nothing_running(ask, bad_server):
    def leave():
        connection = bad_server.connect()
        cursor = connection.cursor()
        cursor.execute("SELECT a.id, b.name FROM good.rows.rows a, good.rows.rows b, good.rows.rows c, good.rows.rows d")
        cursor.fetchone()
        cursor.close()
        connection.close()

    threads = [threading.Thread(target=leave) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a client hangs"
    assert ask("SELECT 1") == [(1,)]
