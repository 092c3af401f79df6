"""The ledger as operators and clients meet it: every statement leaves a record, in memory, in a chain of lines, and as lineage."""

import contextlib
import hashlib
import http.server
import json
import pathlib
import re
import signal
import subprocess
import threading
import time
import urllib.request

import adbc_driver_flightsql
import adbc_driver_manager
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Server
from identity import add_user
from sample_mesh import Product, Version, column

WAIT_SECONDS_MAX = 20
CANARY = "Zanzibar"
SECRET = "hunter2"
BEGINNING = "sha256:" + "0" * 64
LONG = "SELECT sum(a.value * b.value) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"
PEOPLE = [column("id", "integer", "BIGINT", required=True, classification="public"),
          column("country", "string", required=True, classification="public"),
          column("name", "string", required=True, classification="confidential"),
          column("iban", "string", classification="restricted")]
PLAIN = [column("id", "integer", "BIGINT", required=True, classification="public")]

GLOBAL = """
@id("global/see") permit (principal, action in [Mesh::Action::"discover", Mesh::Action::"describe"], resource)
unless { resource in Mesh::Product::"staff.secret" };
@id("global/open") permit (principal, action == Mesh::Action::"select", resource);
@id("global/no-marketing") forbid (principal, action == Mesh::Action::"select", resource) when { context.purpose == "marketing" };
@id("global/rows") permit (principal, action == Mesh::Action::"readRow", resource);
@id("global/raw") permit (principal, action == Mesh::Action::"readRaw", resource) when { resource.classification == "public" };
@id("global/mask") @mask("mask-alphanum") permit (principal, action == Mesh::Action::"readMasked", resource)
when { resource.classification == "confidential" };
@id("global/own-country") forbid (principal, action == Mesh::Action::"readRow", resource is Mesh::Row__staff__people__1)
unless { principal has country && resource.country == principal.country };
@id("global/stewards") permit (principal in Mesh::Group::"stewards", action == Mesh::Action::"administer", resource in Mesh::Product::"staff.plain");
"""


def product(folder, name, properties, rows):
    data = Product("staff", name, [Version("1.2.0", {"rows": properties}, path="data/{model}.parquet")]).write(folder) / "data"
    data.mkdir()
    pq.write_table(rows, data / "rows.parquet")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger") / "mesh"
    people = pa.table({"id": [1, 2, 3, 4], "country": ["SE", "NO", "SE", "NO"], "name": ["Ada 1", CANARY, "Bo 22", CANARY],
                       "iban": [CANARY, CANARY, None, CANARY]})
    product(folder, "people", PEOPLE, people)
    product(folder, "plain", PLAIN, pa.table({"id": list(range(1000))}))
    product(folder, "secret", PLAIN, pa.table({"id": [7]}))
    (folder / "mesh/policies").mkdir(parents=True)
    (folder / "mesh/policies/global.cedar").write_text(GLOBAL, encoding="utf-8")
    return folder


@pytest.fixture
def start(serve, samite, mesh, tmp_path):
    """Starts servers whose records are in a file: start(more of the configuration, ...)."""
    for name, *more in (("anna", "--attribute", "country=SE", "--attribute", "domain=finance", "--group", "analysts"),
                        ("steward", "--group", "stewards"), ("chief", "--group", "operators")):
        assert add_user(samite, tmp_path / "users.toml", name, "secret", *more).returncode == 0

    def begin(audit="", rest="", *arguments, run=serve):
        configuration = tmp_path / "samite.toml"
        configuration.write_text('[auth]\nusers_file = "users.toml"\nadministrators = ["operators"]\n'
                                 f'[audit]\nfile = "audit.jsonl"\n{audit}\n{rest}', encoding="utf-8")
        return run(mesh, "--config", str(configuration), "--pg-listen", "127.0.0.1:0", *arguments)

    begin.folder, begin.file = tmp_path, tmp_path / "audit.jsonl"
    return begin


def connect(server, name):
    return server.connect(username=name, password="secret")


def ask(server, name, sql, parameters=None):
    with connect(server, name) as connection, connection.cursor() as cursor:
        cursor.execute(sql, parameters=parameters)
        return cursor.fetch_arrow_table().to_pylist()


def refused(server, name, sql):
    with pytest.raises(adbc_driver_manager.Error) as caught:
        ask(server, name, sql)
    return str(caught.value)


def eventually(found, wanted=bool):
    end = time.monotonic() + WAIT_SECONDS_MAX
    while not wanted(result := found()):
        assert time.monotonic() < end, result
        time.sleep(0.05)
    return result


def lines(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def records(file, statement=None, is_running=False):
    """The records about statements that ended, or began to run; those of one text."""
    found = [line for line in lines(file) if line["class_uid"] == 6005 and (line["unmapped"]["outcome"] == "running") is is_running]
    return [it for it in found if statement is None or it["query_info"]["query_string"] == statement]


def record(file, statement, count=1):
    found = eventually(lambda: records(file, statement), lambda found: len(found) >= count)
    assert len(found) == count, found
    return found[-1]


def verify(samite, *arguments):
    return subprocess.run([samite, "audit", "verify", *map(str, arguments)], capture_output=True, text=True)


def test_record_says_who_asked_what_and_what_was_decided(start, samite):
    server = start()
    ask(server, "anna", "SET mesh.purpose = 'ignored by other sessions'")
    assert ask(server, "anna", f"SELECT id, name FROM staff.people.rows WHERE name <> '{SECRET}' -- {SECRET}") == [
        {"id": 1, "name": "xxx n"}, {"id": 3, "name": "xx nn"}]
    found = record(start.file, "SELECT id, name FROM staff.people.rows WHERE name <> ?")
    assert (found["category_uid"], found["class_uid"], found["activity_id"], found["type_uid"]) == (6, 6005, 4, 600504)
    assert (found["severity_id"], found["status_id"], found["action_id"], found["disposition_id"]) == (1, 1, 4, 1)
    assert found["metadata"]["version"] == "1.8.0" and found["metadata"]["product"]["name"] == "samite"
    assert found["metadata"]["uid"] == found["query_info"]["uid"] + "/0"
    assert found["actor"]["user"]["uid"] == "anna" and found["actor"]["user"]["groups"] == [{"name": "analysts"}]
    assert found["src_endpoint"] == {"ip": "127.0.0.1"} and abs(found["time"] / 1000 - time.time()) < 60
    assert found["type_id"] == 3 and found["table"]["name"] == "staff.people@1.rows"
    policies = {entry["policy"]["uid"] for entry in found["authorizations"]}
    assert {"global/open", "global/own-country", "global/mask"} <= policies
    digest = hashlib.sha256(GLOBAL.encode()).hexdigest()
    assert {entry["policy"]["version"] for entry in found["authorizations"]} == {f"sha256:{digest}"}, "the file's, as sha256sum prints it"
    texts = "sha256:" + hashlib.sha256(f"{digest}  mesh/policies/global.cedar\n".encode()).hexdigest()
    assert found["unmapped"]["policyTexts"] == texts
    shown = ask(server, "chief", "SELECT DISTINCT policy_texts FROM mesh.runtime.audit WHERE domain = 'staff'")
    assert shown == [{"policy_texts": texts}]
    more = found["unmapped"]
    assert (more["rowFiltered"], more["masked"], more["absent"], more["decision"]) == (True, ["name"], ["iban"], "modified")
    assert (more["contractVersion"], more["channel"], more["principalDomain"]) == ("1.2.0", "flight-sql", "finance")
    assert more["snapshot"].startswith("parquet:") and len(more["restrictionFingerprint"]) == 64
    assert more["rowsRead"] in (2, 4) and more["rowsPassed"] == 2 and more["bytesRead"] > 0 and more["rowsReturned"] == 2

    ask(server, "anna", "SELECT count(*) AS n FROM staff.plain.rows")
    found = record(start.file, "SELECT count(*) AS n FROM staff.plain.rows")
    assert (found["action_id"], found["unmapped"]["decision"], found["unmapped"]["masked"]) == (1, "allowed", [])

    with connect(server, "anna") as connection, connection.cursor() as cursor:
        cursor.execute("SET mesh.purpose = 'marketing'")
        with pytest.raises(adbc_driver_manager.Error, match="may not be read"):
            cursor.execute("SELECT id FROM staff.plain.rows")
    found = record(start.file, "SELECT id FROM staff.plain.rows")
    assert (found["action_id"], found["disposition_id"], found["status_id"], found["severity_id"]) == (2, 26, 2, 3)
    assert found["unmapped"]["purpose"] == "marketing" and found["status_code"] == "permission_denied"
    assert found["authorizations"] == [
        {"decision": "Deny", "policy": {"uid": "global/no-marketing", "is_applied": True, "version": f"sha256:{digest}"}}]
    assert found["unmapped"]["policyTexts"] == texts
    assert record(start.file, "SET mesh.purpose = ?", 2)["unmapped"]["action"] == "set"

    hidden, wrong = (refused(server, "anna", f"SELECT * FROM staff.{name}.rows") for name in ("secret", "secreu"))
    assert hidden.replace("secret", "#") == wrong.replace("secreu", "#")
    found = record(start.file, "SELECT * FROM staff.secret.rows")
    assert (found["table"]["name"], found["unmapped"]["decision"]) == ("staff.secret@1.rows", "hidden")
    found = record(start.file, "SELECT * FROM staff.secreu.rows")
    assert (found["table"]["name"], found["unmapped"]["decision"]) == ("staff.secreu.rows", "unknown")

    refused(server, "anna", f"SELECT CAST(name AS BIGINT) AS n FROM staff.people.rows WHERE name <> '{SECRET}'")
    found = record(start.file, "SELECT CAST(name AS BIGINT) AS n FROM staff.people.rows WHERE name <> ?")
    assert (found["status_id"], found["action_id"]) == (2, 4)
    refused(server, "anna", f"SELECT '{SECRET} FROM staff.plain.rows")
    assert record(start.file, "SELECT ?")["unmapped"]["action"] == "unread"
    server.stop()
    text = start.file.read_text(encoding="utf-8")
    assert CANARY not in text and SECRET not in text
    result = verify(samite, "--after", BEGINNING, start.file)
    assert result.returncode == 0, result
    assert f"{len(text.splitlines())} records" in result.stdout
    assert [line["activity_id"] for line in lines(start.file) if line["class_uid"] == 6002] == [3, 4]
    ended = {it["query_info"]["uid"] for it in records(start.file)}
    assert f"\n{len(ended)} statements ended\nafter" in result.stdout, "each that began has ended"


def test_statement_that_the_process_did_not_outlive_has_a_record_of_its_beginning(start, samite):
    server = start()
    sql = "SELECT a.id, b.id, c.id FROM staff.plain.rows a, staff.plain.rows b, staff.people.rows c"
    # Nobody is there any more when the connection is closed.
    with contextlib.suppress(adbc_driver_manager.Error), connect(server, "anna") as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        reader = cursor.fetch_record_batch()
        assert reader.read_next_batch().num_rows > 0
        # Rows have left, and whoever took them is known.
        begun = records(start.file, sql, is_running=True)
        begun.sort(key=lambda it: it["table"]["name"], reverse=True)
        assert [it["table"]["name"] for it in begun] == ["staff.plain@1.rows", "staff.people@1.rows"] and not records(start.file, sql)
        running = ask(server, "chief", "SELECT \"table\", outcome, ended_at, rows, rows_read, masked FROM mesh.runtime.audit "
                                       f"WHERE query_id = '{begun[0]['query_info']['uid']}' ORDER BY 1")
        assert [(it["table"], it["outcome"], it["ended_at"], it["rows"], it["rows_read"], it["masked"]) for it in running] == [
            ("staff.people@1.rows", "running", None, None, None, "name"), ("staff.plain@1.rows", "running", None, None, None, None)]
        result = verify(samite, start.file)
        assert "1 began, and have not ended where the records end\n  " + begun[0]["query_info"]["uid"] in result.stdout, result
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    one, other = begun
    assert (one["status_id"], one["status_code"], one["activity_id"], one["action_id"], other["action_id"]) == (0, "running", 4, 1, 4)
    assert {it["metadata"]["uid"] for it in begun} == {f"{one['query_info']['uid']}/{number}/begun" for number in (0, 1)}
    assert "duration" not in one and "bytes" not in one["query_info"]
    assert one["actor"]["user"]["uid"] == "anna" and other["unmapped"]["masked"] == ["name"] and other["unmapped"]["snapshot"]
    assert other["unmapped"]["restrictionFingerprint"] and "rowsRead" not in other["unmapped"]
    start().stop()
    result = verify(samite, "--after", BEGINNING, start.file)
    assert result.returncode == 0, result
    assert "1 began and never ended: the process ended before them\n  " + one["query_info"]["uid"] in result.stdout


def test_ticket_is_fetched_with_what_is_known_of_its_owner_then(start):
    server = start()
    users = start.folder / "users.toml"
    with connect(server, "anna") as connection:
        def planned():
            with connection.cursor() as cursor:
                [ticket], _ = cursor.adbc_execute_partitions("SELECT id FROM staff.people.rows")
                return ticket

        def fetched(ticket):
            with connection.cursor() as cursor:
                cursor.adbc_read_partition(ticket)
                return sorted(id for id, in cursor.fetchall())
        assert fetched(planned()) == [1, 3]
        before = planned()
        users.write_text(users.read_text(encoding="utf-8").replace('"SE"', '"NO"'), encoding="utf-8")
        eventually(lambda: fetched(planned()), lambda found: found == [2, 4])
        assert fetched(before) == [2, 4], "the country of now, not that of the plan"


def test_connection_of_postgresql_goes_on_with_what_is_known_of_its_user_then(start):
    server = start()
    users = start.folder / "users.toml"
    host, port = server.postgresql
    options = {"host": host, "port": port, "user": "anna", "password": "secret", "dbname": "staff", "autocommit": True}
    with psycopg.connect(**options) as connection:
        def ids():
            return [id for id, in connection.execute("SELECT id FROM people.rows ORDER BY id", prepare=True).fetchall()]
        assert ids() == [1, 3]
        text = users.read_text(encoding="utf-8")
        users.write_text(text.replace('"SE"', '"NO"'), encoding="utf-8")
        eventually(ids, lambda found: found == [2, 4])
        users.write_text(text.replace('"anna"', '"hannah"'), encoding="utf-8")

        def is_over():
            try:
                return ids() and False
            except psycopg.OperationalError as error:
                return "not there any more" in str(error)
        assert eventually(is_over)


def test_transactions_and_listings_of_protocols_are_recorded_and_take_no_place_from_statements(start):
    server = start("history = 20")
    ask(server, "anna", "SELECT max(id) AS first FROM staff.plain.rows")
    host, port = server.postgresql
    options = {"host": host, "port": port, "user": "anna", "password": "secret", "dbname": "staff", "autocommit": True}
    with psycopg.connect(**options) as connection:
        for _ in range(10):
            for text in ("BEGIN", "SAVEPOINT a", "ROLLBACK TO a", "RELEASE a", "COMMIT"):
                connection.execute(text)
        with pytest.raises(psycopg.Error):
            connection.execute("SAVEPOINT outside")
        connection.execute("DISCARD ALL")
    with connect(server, "anna") as connection:
        for _ in range(10):
            connection.adbc_get_objects(depth="tables", catalog_filter="staff").read_all()
    found = eventually(lambda: records(start.file), lambda found: sum(it["unmapped"]["action"] == "transaction" for it in found) == 51)
    texts = {it["query_info"]["query_string"] for it in found if it["unmapped"]["action"] == "transaction"}
    assert texts == {"BEGIN", "SAVEPOINT", "ROLLBACK TO SAVEPOINT", "RELEASE SAVEPOINT", "COMMIT"}
    assert [it["status_code"] for it in found if it["query_info"]["query_string"] == "SAVEPOINT"][-1] == "invalid_query"
    assert record(start.file, "DISCARD ALL")["unmapped"]["action"] == "set"
    listings = eventually(lambda: [it for it in records(start.file) if it["unmapped"]["action"] == "metadata"], lambda it: len(it) >= 10)
    assert all((it["activity_id"], it["status_id"], it["database"]["name"]) == (8, 1, "samite") for it in listings)
    assert "GetTables" in {it["query_info"]["query_string"] for it in listings}
    assert any(it["unmapped"]["rowsReturned"] > 0 for it in listings) and "staff" not in {it["query_info"]["query_string"] for it in listings}
    actions = ask(server, "chief", "SELECT action, statement FROM mesh.runtime.audit")
    assert {"action": "select", "statement": "SELECT max(id) AS first FROM staff.plain.rows"} in actions
    assert 1 <= sum(it["action"] in ("transaction", "metadata", "set") for it in actions) <= 2


def test_each_run_over_each_way_in_is_recorded_and_nothing_turns_it_off(start):
    server = start()
    sql, text = "SELECT id FROM staff.plain.rows WHERE id < $1", "SELECT id FROM staff.plain.rows WHERE id < $1"
    with connect(server, "anna") as connection, connection.cursor() as cursor:
        cursor.adbc_prepare(sql)
        for limit in (1, 2):
            cursor.execute(sql, parameters=(limit,))
            assert len(cursor.fetchall()) == limit
    assert record(start.file, text, 2)["unmapped"]["rowsReturned"] == 2
    host, port = server.postgresql
    with psycopg.connect(host=host, port=port, user="anna", password="secret", dbname="staff", autocommit=True) as connection:
        for number in range(3):
            rows = connection.execute("SELECT id FROM plain.rows WHERE id = %s", (number,), prepare=True).fetchall()
            assert rows == [(number,)]
        connection.execute("BEGIN")
    found = record(start.file, "SELECT id FROM plain.rows WHERE id = $1", 3)
    assert found["unmapped"]["channel"] == "postgresql" and found["src_endpoint"] == {"ip": "127.0.0.1"}
    options = {"username": "anna", "password": "secret"}
    for header in ("x-audit", "x-mesh-audit", "audit", "x-samite-audit-file"):
        options[adbc_driver_flightsql.DatabaseOptions.RPC_CALL_HEADER_PREFIX.value + header] = "off"
    with server.connect(**options) as connection, connection.cursor() as cursor:
        for attempt in ("SET audit.file = ''", "SET mesh.audit = 'off'", "SET audit TO off", "SET log_statement = 'none'",
                        "RESET ALL", "/*+ NO_AUDIT */ SELECT 1", "SET SESSION AUTHORIZATION chief"):
            try:
                cursor.execute(attempt)
                cursor.fetchall()
            except adbc_driver_manager.Error:
                pass
        cursor.execute("SELECT /* audit: off */ max(id) AS m FROM staff.plain.rows")
        assert cursor.fetchall() == [(999,)]
    assert record(start.file, "SELECT max(id) AS m FROM staff.plain.rows")["actor"]["user"]["uid"] == "anna"


def test_cancelled_statement_is_recorded(start):
    server = start()
    failures = []

    def run():
        try:
            ask(server, "anna", LONG)
        except adbc_driver_manager.Error as error:
            failures.append(str(error))

    running = threading.Thread(target=run)
    running.start()
    with connect(server, "anna") as connection, connection.cursor() as cursor:
        def id_of():
            cursor.execute("SELECT query_id FROM mesh.runtime.queries WHERE state = 'running' AND sql LIKE 'SELECT sum%'")
            return cursor.fetchall()
        [(id,)] = eventually(id_of)
        cursor.execute(f"KILL QUERY '{id}'")
    running.join()
    assert "cancelled" in failures[0]
    found = eventually(lambda: [it for it in records(start.file) if it["query_info"]["uid"] == id])
    assert [(it["status_id"], it["unmapped"]["outcome"]) for it in found] == [(99, "cancelled")]
    assert record(start.file, "KILL QUERY ?")["unmapped"]["action"] == "kill"


def test_tables_of_the_ledger_are_for_administrators_and_sum_up_what_was_read(start):
    server = start()
    for purpose in ("billing", "billing", "research"):
        with connect(server, "anna") as connection, connection.cursor() as cursor:
            cursor.execute(f"SET mesh.purpose = '{purpose}'")
            cursor.execute("SELECT p.id FROM staff.people.rows p JOIN staff.plain.rows q ON p.id = q.id")
            assert len(cursor.fetchall()) == 2
    ask(server, "steward", "SELECT count(*) AS n FROM staff.plain.rows WHERE id > 10")
    audit = "SELECT \"table\", principal, statement, rows_read, rows_passed, bytes_read, rows FROM mesh.runtime.audit WHERE domain = 'staff'"
    everything = eventually(lambda: ask(server, "chief", audit), lambda found: len(found) == 7)
    movement = ask(server, "chief", "SELECT from_product, to_domain, principal_kind, purpose, is_crossing, statements, rows, bytes "
                                    "FROM mesh.runtime.data_movement ORDER BY from_product, to_domain, purpose")
    assert [(it["from_product"], it["to_domain"], it["purpose"], it["statements"], it["is_crossing"]) for it in movement] == [
        ("people", "finance", "billing", 2, True), ("people", "finance", "research", 1, True), ("plain", "finance", "billing", 2, True),
        ("plain", "finance", "research", 1, True), ("plain", "unspecified", "unspecified", 1, True)]
    assert {it["rows"] for it in movement if it["from_product"] == "people"} == {4, 2}, "hidden rows are not counted"
    for name in ("bytes", "rows"):
        column = {"bytes": "bytes_read", "rows": "rows_passed"}[name]
        assert sum(it[name] for it in movement) == sum(it[column] for it in everything)
    read = ask(server, "chief", "SELECT sum(bytes_read) AS n FROM mesh.runtime.queries WHERE snapshots IS NOT NULL")
    assert sum(it["bytes"] for it in movement) == read[0]["n"]
    for table in ("audit", "data_movement"):
        assert ask(server, "anna", f"SELECT count(*) AS n FROM mesh.runtime.{table}") == [{"n": 0}], table
    own = ask(server, "steward", audit)
    assert {it["table"] for it in own} == {"staff.plain@1.rows"} and len(own) == 4
    assert [it["statement"] for it in own if it["principal"] == "anna"] == [None] * 3, "it names other tables"
    assert ask(server, "steward", "SELECT count(*) AS n FROM mesh.runtime.data_movement") == [{"n": 0}]


def test_chain_and_sums_go_on_after_a_restart_and_over_full_files(start, samite):
    movement = "SELECT from_product, statements, rows, bytes FROM mesh.runtime.data_movement ORDER BY from_product, statements"
    before = None
    for number in range(3):
        server = start('file_size = "4KiB"')
        assert before is None or ask(server, "chief", movement) == before
        for id in range(1, 6):
            ask(server, "anna", f"SELECT id FROM staff.plain.rows WHERE id < {id}")
        before = eventually(lambda: ask(server, "chief", movement), lambda found: found and found[0]["statements"] == 5 * (number + 1))
        assert server.stop() == 0
        assert "audit file ended" in server.log()
    full = sorted(start.folder.glob("audit.jsonl.0*"))
    assert len(full) >= 2
    files = [*full, start.file]
    assert [line["metadata"]["sequence"] for file in files for line in lines(file)] == list(range(1, 1 + sum(len(lines(it)) for it in files)))
    result = verify(samite, "--after", BEGINNING, *files)
    assert result.returncode == 0, result
    assert result.stdout.split()[-1] in server.log(), "the last hash is in the log"
    second = verify(samite, files[1])
    assert second.returncode == 0 and BEGINNING not in second.stdout
    missing = verify(samite, files[0], *files[2:])
    assert missing.returncode == 1 and "line 1 of audit file" in missing.stderr and "does not follow" in missing.stderr
    text = full[0].read_text(encoding="utf-8").splitlines(keepends=True)
    changed = start.folder / "changed.jsonl"
    changed.write_text("".join([*text[:1], text[1].replace("anna", "bert", 1), *text[2:]]), encoding="utf-8")
    result = verify(samite, changed)
    assert result.returncode == 1 and "line 2" in result.stderr and "not as it was written" in result.stderr
    last = json.loads(text[-1])["unmapped"]["hash"]
    changed.write_text("".join(text[:-1]), encoding="utf-8")
    assert verify(samite, changed).returncode == 0, "the end of a chain is known by its hash alone"
    assert verify(samite, "--last", last, changed).returncode == 1
    line = text[0].encode().rstrip(b"\n")
    end = len(b',"hash":"sha256:"}}') + 64
    assert json.loads(line)["unmapped"]["hash"] == "sha256:" + hashlib.sha256(line[:-end]).hexdigest(), "as docs/audit.md says"


def test_what_is_left_after_a_kill_can_be_verified_and_gone_on_with(start, samite):
    server = start()
    stop = threading.Event()

    def keep_asking():
        while not stop.is_set():
            try:
                ask(server, "anna", "SELECT count(*) AS n FROM staff.plain.rows")
            except adbc_driver_manager.Error:
                return

    asking = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in asking:
        thread.start()
    eventually(lambda: start.file.exists() and start.file.read_bytes().count(b"\n") > 30)
    server.process.send_signal(signal.SIGKILL)
    stop.set()
    server.process.wait()
    for thread in asking:
        thread.join()
    whole = start.file.read_bytes().rpartition(b"\n")[0] + b"\n"
    start.file.write_bytes(whole)
    assert verify(samite, start.file).returncode == 0
    start.file.write_bytes(whole + b'{"category_uid":6,"cla')
    result = verify(samite, start.file)
    assert result.returncode == 1 and "torn" in result.stderr and f"line {whole.count(10) + 1} " in result.stderr
    again = start()
    ask(again, "anna", "SELECT 42 AS answer")
    record(start.file, "SELECT ? AS answer")
    again.stop()
    assert "torn" in again.log()
    assert verify(samite, "--after", BEGINNING, start.file).returncode == 0
    begun = [line for line in lines(start.file) if line["class_uid"] == 6002]
    assert begun[1]["unmapped"]["tornBytes"] == 22


def test_file_has_one_writer(start):
    start()
    with pytest.raises(RuntimeError, match="another process"):
        start()


def limited(samite, folder, kilobytes):
    """The program with a bound on the size of a file, as a disk has one."""
    script = folder / "limited"
    script.write_text(f"#!/bin/bash\ntrap '' XFSZ\nulimit -f {kilobytes}\nexec {samite} \"$@\"\n", encoding="utf-8")
    script.chmod(0o755)
    return script


def test_full_disk_refuses_statements(start, samite):
    program = limited(samite, start.folder, 48)
    server = start(run=lambda *arguments: Server(program, *arguments))
    try:
        failure = None
        for number in range(200):
            try:
                ask(server, "anna", "SELECT count(*) AS n FROM staff.plain.rows")
            except adbc_driver_manager.Error as error:
                failure = str(error)
                break
        assert failure and "cannot be recorded" in failure, failure
        for sql in ("SELECT 1", "SHOW ALL", "SELECT * FROM mesh.runtime.audit", "SELECT 'unread"):
            assert "cannot be recorded" in refused(server, "chief", sql), sql
        assert "the audit file cannot be written" in server.log()
        assert verify(samite, start.file).returncode == 0, "what was written before is whole"
    finally:
        server.process.kill()
        server.process.wait()


def test_device_without_room_is_refused_at_the_start_or_warned_of(start, samite):
    full = pathlib.Path("/dev/full")
    configuration = start.folder / "samite.toml"
    with pytest.raises(RuntimeError, match="cannot be written"):
        start(run=lambda mesh, *more: (configuration.write_text(configuration.read_text().replace('"audit.jsonl"', f'"{full}"')),
                                       Server(samite, mesh, *more))[1])
    server = start('on_failure = "warn"', run=lambda mesh, *more: (
        configuration.write_text(configuration.read_text().replace('"audit.jsonl"', f'"{full}"')), Server(samite, mesh, *more))[1])
    try:
        assert ask(server, "anna", "SELECT count(*) AS n FROM staff.plain.rows") == [{"n": 1000}]
        eventually(lambda: "there is no record of a statement" in server.log())
    finally:
        server.stop()


def test_metrics_count_decisions_and_name_products_only_where_that_is_wanted(start):
    for rest, is_named in (("", False), ("[telemetry]\nproduct_metrics = true\n", True)):
        server = start("", rest, "--metrics-listen", "127.0.0.1:0")
        ask(server, "anna", "SELECT id FROM staff.plain.rows")
        ask(server, "anna", "SELECT id FROM staff.people.rows")
        refused(server, "anna", "SELECT * FROM staff.secret.rows")
        [address] = eventually(lambda: re.findall(r"metrics and health over HTTP.*address.*?(127\.0\.0\.1:\d+)", server.log()))

        def metrics():
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
                return answer.read().decode()
        text = eventually(metrics, lambda text: 'decision="hidden"} 1' in text)
        for decision in ("allowed", "modified", "hidden"):
            assert f'samite_policy_decisions_total{{action="select",decision="{decision}"}} 1' in text
        assert ('samite_scan_bytes_total{port="staff.plain:plain@1.2.0"}' in text) is is_named
        assert ('samite_transfer_rows_total{from_domain="staff",to_domain="finance"} 1002' in text) is is_named
        assert ("staff" in text or "finance" in text) is is_named
        assert 'samite_audit_records_total{result="lost"} 0' in text
        server.stop()


class Catalog:
    """A catalog of lineage on this machine, which notes the events that it is sent."""

    def __init__(self):
        self.events, self.headers, self.is_down = [], [], False
        catalog = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if not catalog.is_down:
                    catalog.events.append(json.loads(body))
                    catalog.headers.append(dict(self.headers))
                self.send_response(503 if catalog.is_down else 201)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/v1/lineage"


def test_lineage_is_told_to_a_catalog_and_a_file(start):
    catalog = Catalog()
    server = start("", f'[openlineage]\nurl = "{catalog.url}"\nfile = "lineage.jsonl"\nnamespace = "samite://mesh.example:32010"\n'
                       'credential = "marquez"\n[credentials.marquez]\nbearer_token = "t0ken"\n')
    with connect(server, "anna") as connection, connection.cursor() as cursor:
        cursor.execute("SET mesh.purpose = 'billing'")
        cursor.execute(f"SELECT id, name FROM staff.people.rows WHERE name <> '{SECRET}'")
        assert len(cursor.fetchall()) == 2
    eventually(lambda: len(catalog.events) == 2)
    begin, end = catalog.events
    assert [it["eventType"] for it in (begin, end)] == ["START", "COMPLETE"] and begin["run"]["runId"] == end["run"]["runId"]
    for event in (begin, end):
        assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent" and event["outputs"] == []
        assert event["job"]["namespace"] == "finance" and event["job"]["facets"]["jobType"]["integration"] == "SAMITE"
        [table] = event["inputs"]
        assert (table["namespace"], table["name"]) == ("samite://mesh.example:32010", "staff.people@1.rows")
        assert table["facets"]["version"]["datasetVersion"].startswith("parquet:")
        assert [it["name"] for it in table["facets"]["schema"]["fields"]] == ["id", "country", "name"]
        access = event["run"]["facets"]["mesh_access"]
        assert (access["purpose"], access["principalDomain"]) == ("billing", "finance")
        assert access["tables"][0]["rowFiltered"] is True and access["tables"][0]["masked"] == ["name"]
    assert end["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"] == 2
    assert {it["authorization"] for it in map(lambda it: {k.lower(): v for k, v in it.items()}, catalog.headers)} == {"Bearer t0ken"}

    refused(server, "anna", "SELECT CAST(name AS BIGINT) AS n FROM staff.people.rows")
    refused(server, "anna", "SELECT id, nothing FROM staff.plain.rows")
    refused(server, "anna", "SELECT * FROM staff.secret.rows")
    ask(server, "anna", "SELECT 1 AS one")
    eventually(lambda: len(catalog.events) >= 6)
    time.sleep(0.3)
    assert [it["eventType"] for it in catalog.events[2:]] == ["START", "FAIL", "START", "FAIL"]
    assert catalog.events[-1]["run"]["facets"]["errorMessage"]["message"] == "invalid_query"

    catalog.is_down = True
    ask(server, "anna", "SELECT max(id) AS m FROM staff.plain.rows")
    file = start.folder / "lineage.jsonl"
    eventually(lambda: len(file.read_text().splitlines()) == 8)
    eventually(lambda: "OpenLineage are not taken" in server.log())
    assert ask(server, "anna", "SELECT min(id) AS m FROM staff.plain.rows") == [{"m": 0}], "lineage stops nobody"
    text = file.read_text() + str(catalog.events)
    assert SECRET not in text and CANARY not in text and "t0ken" not in text + server.log() and "secret@" not in text
