"""Hostile statements against a mesh with canaries: no byte of an answer, an error, a listing, the metrics, the log or the traces tells of
what a policy hides.

Each of five principals asks each statement over Flight SQL, at once and prepared, and some of them over PostgreSQL; what comes back is
searched as it came over the wire. Then the same statements are asked of a mesh from which the hidden was taken by hand: the answers are the same.
"""

import base64
import concurrent.futures
import os
import re
import socket
import threading
import time
import urllib.request

import datafusion.substrait
import grpc
import psycopg
import pyarrow as pa
import pytest

import hostile_mesh
from conftest import Server
from flight_sql import field, packed
from hostile_mesh import CANARIES, PRINCIPALS, PRODUCTS
from hostile_statements import STATEMENTS
from identity import add_user
from test_traces import Collector

SERVICE = "/arrow.flight.protocol.FlightService/"
PASSWORD = "a password"
# Everything that Samite says. What it is made of says more than that only if it is asked for by name.
LOGGED = {"SAMITE_LOG": "trace"}
# Each table for each statement: more of the same.
TAKES_LONG = bool(os.environ.get("SAMITE_TEST_LONG"))


def statements(number):
    """What a principal asks: each statement, of one of the tables; of all of them where that may take long."""
    products = list(PRODUCTS)
    for line, group in STATEMENTS.items():
        for place, text in enumerate(group):
            chosen = products if TAKES_LONG and "{t}" in text else [products[(place + number) % len(products)]]
            for product in chosen:
                other = products[(products.index(product) + place) % len(products)]
                yield line, text.format(t=f"vault.{product}.rows", o=f"vault.{other}.rows", d="vault", p=product)


# ---- Flight as it is on the wire


def fields(message):
    """The fields of a protobuf message: number and value, which is bytes or a whole number."""
    at = 0

    def varint():
        nonlocal at
        number = shift = 0
        while True:
            byte = message[at]
            at, number, shift = at + 1, number | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return number

    while at < len(message):
        key = varint()
        if key & 7 == 2:
            length = varint()
            yield key >> 3, message[at:at + length]
            at += length
        else:
            assert key & 7 == 0, "Flight has no other fields"
            yield key >> 3, varint()


def values(message, number):
    return [value for known, value in fields(message) if known == number]


class Told:
    """All that one principal was told, by what he asked."""

    def __init__(self):
        self.texts, self.bodies, self.asked = [], [], []

    def add(self, sql, *parts, body=b""):
        for part in parts:
            self.texts.append(part if isinstance(part, bytes) else str(part).encode())
            self.asked.append(sql)
        if body:
            self.bodies.append((sql, body))

    def find(self, canary):
        """What was asked where a canary was told."""
        for known, text in zip(self.asked, self.texts):
            if any(form in text for form in canary.forms):
                yield known
        for known, body in self.bodies:
            if any(form in body for form in canary.short_forms):
                yield known

    def has(self, canary):
        """Looks at once for a canary, which is not there as a rule."""
        return (any(form in self.whole for form in canary.forms)
                or any(form in body for _, body in self.bodies for form in canary.short_forms))

    def seal(self):
        self.whole = b"\n".join(self.texts)
        return self


class Client:
    """A client of Flight SQL without any library between it and the bytes."""

    def __init__(self, server, name=None):
        self.channel = grpc.insecure_channel(server.uri.removeprefix("grpc://"), [("grpc.max_receive_message_length", -1)])
        self.told, self.metadata = Told(), []
        if name:
            call = self.channel.stream_stream(SERVICE + "Handshake")
            basic = base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()
            answer = call(iter([b""]), metadata=[("authorization", f"Basic {basic}")])
            list(answer)
            metadata = dict((*answer.initial_metadata(), *answer.trailing_metadata()))
            self.metadata = [("authorization", metadata["authorization"])]

    def call(self, sql, name, message):
        """One call: its messages, and how it ended. All of it is kept for the search."""
        answer = self.channel.unary_stream(SERVICE + name)(message, metadata=self.metadata, timeout=120)
        messages = []
        try:
            messages.extend(answer)
        except grpc.RpcError:
            pass
        self.told.add(sql, *messages, answer.details() or "", *answer.initial_metadata() or (), *answer.trailing_metadata() or ())
        return messages, answer.code(), answer.details() or ""

    def action(self, sql, name, body):
        messages, code, details = self.call(sql, "DoAction", field(1, name) + field(2, body))
        return [values(message, 1)[0] for message in messages if values(message, 1)], code, details

    def run(self, sql, command):
        """GetFlightInfo and DoGet: the rows, or how it failed; and the ticket."""
        messages, code, details = self.call(sql, "GetFlightInfo", field(1, 2) + field(2, command))
        if code != grpc.StatusCode.OK:
            return (code, details), None
        endpoints = values(messages[0], 3)
        if not endpoints:
            return (code, "no rows"), None
        # Nobody says beforehand how many rows or bytes there are.
        assert {values(messages[0], number)[0] for number in (4, 5) if values(messages[0], number)} <= {2**64 - 1}, sql
        ticket = values(endpoints[0], 1)[0]
        messages, code, details = self.call(sql, "DoGet", ticket)
        if code != grpc.StatusCode.OK:
            return (code, details), ticket
        return self.rows(sql, messages), ticket

    def rows(self, sql, messages):
        stream = b""
        for message in messages:
            header, body = (b"".join(values(message, number)) for number in (2, 1000))
            self.told.add(sql, body=body)
            if header:
                header += b"\0" * (-len(header) % 8)
                stream += b"\xff\xff\xff\xff" + len(header).to_bytes(4, "little") + header + body
        return pa.ipc.open_stream(stream + b"\xff\xff\xff\xff\0\0\0\0").read_all() if stream else pa.table({})

    def ask(self, sql):
        return self.run(sql, packed("CommandStatementQuery", field(1, sql)))

    def prepare(self, sql):
        results, code, details = self.action(sql, "CreatePreparedStatement", packed("ActionCreatePreparedStatementRequest", field(1, sql)))
        if code != grpc.StatusCode.OK:
            return None, (code, details)
        return values(values(results[0], 2)[0], 1)[0], None

    def ask_prepared(self, sql):
        handle, failed = self.prepare(sql)
        if failed:
            return failed
        answer, _ = self.run(sql, packed("CommandPreparedStatementQuery", field(1, handle)))
        self.action(sql, "ClosePreparedStatement", packed("ActionClosePreparedStatementRequest", field(1, handle)))
        return answer


METADATA = [
    ("CommandGetCatalogs", b""), ("CommandGetDbSchemas", b""), ("CommandGetTables", field(5, 1)), ("CommandGetTables", field(3, "rows") + field(5, 1)),
    ("CommandGetTables", field(1, "vault") + field(2, "zq%") + field(5, 1)), ("CommandGetTables", field(2, "cellar") + field(5, 1)),
    ("CommandGetTableTypes", b""), ("CommandGetSqlInfo", b""), ("CommandGetXdbcTypeInfo", b""), ("CommandGetPrimaryKeys", field(3, "rows")),
    ("CommandGetPrimaryKeys", field(1, "vault") + field(2, "cellar") + field(3, "rows")), ("CommandGetExportedKeys", field(3, "rows")),
    ("CommandGetImportedKeys", field(3, "rows")), ("CommandGetCrossReference", field(3, "rows") + field(6, "rows")),
]


class Relay:
    """Keeps every byte that a server of PostgreSQL sends."""

    def __init__(self, target):
        self.target, self.sent = target, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, True), daemon=True).start()

    def pump(self, source, target, is_kept):
        try:
            while chunk := source.recv(1 << 16):
                if is_kept:
                    self.sent.append(chunk)
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


# ---- the servers


class Canaried:
    """The mesh, its servers, and what was told. Whoever has no name asks the second server, where nobody logs in."""

    def __init__(self, samite, folder):
        self.folder, self.mesh = folder, folder / "mesh"
        hostile_mesh.write(self.mesh, "owner")
        for name, groups in hostile_mesh.GROUPS.items():
            options = [part for group in groups for part in ("--group", group)]
            assert add_user(samite, folder / "users.toml", name, PASSWORD, *options).returncode == 0
        self.collector = Collector()
        telemetry = f'[telemetry]\notlp_endpoint = "{self.collector.endpoint}"\n'
        (folder / "named.toml").write_text('[auth]\nusers_file = "users.toml"\n' + telemetry + hostile_mesh.SERVICES, encoding="utf-8")
        (folder / "nameless.toml").write_text(telemetry + hostile_mesh.SERVICES, encoding="utf-8")
        more = ["--metrics-listen", "127.0.0.1:0", "--pg-listen", "127.0.0.1:0"]
        self.named = Server(samite, self.mesh, "--config", str(folder / "named.toml"), *more, environment=LOGGED)
        self.nameless = Server(samite, self.mesh, "--config", str(folder / "nameless.toml"), *more, environment=LOGGED)

    def server(self, principal):
        return self.nameless if principal == "anonymous" else self.named

    def client(self, principal):
        return Client(self.server(principal), None if principal == "anonymous" else principal)

    def metrics(self):
        texts = []
        for server in (self.named, self.nameless):
            address = re.search(r"metrics and health over HTTP.*address.*?(127\.0\.0\.1:\d+)", server.log())[1]
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
                texts.append(answer.read())
        return b"".join(texts)

    def stop(self):
        codes = [server.stop() for server in (self.named, self.nameless)]
        self.collector.server.stop(None)
        return codes


@pytest.fixture(scope="module")
def canaried(samite, tmp_path_factory):
    running = Canaried(samite, tmp_path_factory.mktemp("canaries"))
    yield running
    running.stop()


def attack(canaried, principal):
    """Asks everything as one principal: the answers by statement, and all that was told."""
    client, answers, tickets = canaried.client(principal), {}, []
    for line, sql in statements(PRINCIPALS.index(principal)):
        answers[sql], ticket = client.ask(sql)
        tickets.append((sql, ticket))
        prepared = client.ask_prepared(sql)
        assert is_same(sql, prepared, answers[sql]), f"{principal}, {line}: {sql}\nprepared {prepared}\nat once {answers[sql]}"
    for name, body in METADATA:
        client.run(name, packed(name, body))
    return client, answers, [(sql, ticket) for sql, ticket in tickets if ticket]


def attack_by_postgresql(canaried, principal, number):
    """Every fourth statement, simple and with binary rows."""
    host, port = canaried.server(principal).postgresql
    relay, told = Relay((host, int(port))), Told()
    with psycopg.connect(host="127.0.0.1", port=relay.port, user=principal, password=PASSWORD, dbname="vault", autocommit=True,
                         sslmode="disable", gssencmode="disable") as connection:
        for place, (_, sql) in enumerate(statements(number)):
            if place % 4 != number % 4 and not sql.startswith("COPY"):
                continue
            for is_binary in (False, True):
                relay.sent.clear()
                try:
                    with connection.cursor(binary=is_binary) as cursor:
                        if sql.startswith("COPY"):
                            with cursor.copy(sql) as rows:
                                list(rows)
                        else:
                            cursor.execute(sql, prepare=is_binary)
                except psycopg.Error as error:
                    told.add(sql, str(error), repr(error.diag.message_detail))
                told.add(sql, b"".join(relay.sent))
    relay.socket.close()
    return told


# What the owner asks is a secret, too: not even who administers one of the tables (the seer: plain) sees a text that names another.
OWNERS = ["SELECT a.id AS zqfraga FROM vault.plain.rows a JOIN vault.deals.rows b ON a.id = b.id", "SELECT zqsvar.id FROM vault.cellar.rows AS zqsvar",
          "SELECT zqfraga FROM vault.deals.rows", "EXPLAIN SELECT id AS zqsvar FROM vault.stock.rows", "SET mesh.purpose = 'zqfraga'"]


def ask_as_owner(canaried):
    client = canaried.client("owner")
    answers = [client.ask(sql)[0] for sql in OWNERS]
    assert [isinstance(answer, pa.Table) for answer in answers[:4]] == [True, True, False, True], answers


@pytest.fixture(scope="module")
def attacked(canaried):
    began = time.monotonic()
    ask_as_owner(canaried)
    with concurrent.futures.ThreadPoolExecutor(len(PRINCIPALS)) as pool:
        found = dict(zip(PRINCIPALS, pool.map(lambda principal: attack(canaried, principal), PRINCIPALS)))
    print(f"attacked for {time.monotonic() - began:.0f} s")
    return found


# ---- what is compared


def is_same(sql, one, other):
    return normal(sql, one) == normal(sql, other)


def normal(sql, answer):
    """An answer without what differs from run to run: ids, times, salts, the order of rows, and which row failed first."""
    if isinstance(answer, tuple):
        code, details = answer
        return code, re.sub(r"'[^']*'|\"[^\"]*\"|\d+|[0-9a-f-]{32,}", "?", re.sub(r"Parser error: .*", "", details))
    columns = [name for name in answer.column_names if not CHANGES.search(name)]
    shape = [(answer.schema.field(place).type) for place, name in enumerate(answer.column_names) if not CHANGES.search(name)]
    if CHANGING.search(sql):
        return shape
    if re.search(r"\b(LIMIT|TOP|FETCH)\b", sql) and "ORDER BY" not in sql:
        return shape, answer.num_rows
    places = [place for place, name in enumerate(answer.column_names) if name in columns]
    lists = [listed(answer.column(place)) for place in places]
    return shape, sorted(repr([rounded(value) for value in row]) for row in zip(*lists))


def listed(values):
    """The values of a column; a day may be further away than Python goes."""
    return (values.cast(pa.int32()) if pa.types.is_date32(values.type) else values).to_pylist()


def rounded(value):
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return sorted(map(repr, value))
    # Who asks owns everything, as clients of PostgreSQL see it.
    if value in PRINCIPALS:
        return "?"
    return value


# Columns with a salt of the query's own, and what is measured.
CHANGES = re.compile(r"bonus|photo|seconds|age_s|bytes|_at$|^line$|^oid$|owner$|^status$")
CHANGING = re.compile(r"EXPLAIN|mesh\.runtime|uuid\(|random\(\) <|approx_(median|percentile)|string_agg\(country|pg_proc|information_schema\.(routines|parameters)"
                      r"|df_settings|pg_stat_activity|array_agg\(DISTINCT|VERSION AS OF 0|nth_value|photo|bonus|SHOW ALL|pg_settings")


# ---- the tests


def test_there_are_enough_statements():
    asked = {sql for number in range(len(PRINCIPALS)) for _, sql in statements(number)}
    assert sum(map(len, STATEMENTS.values())) >= 300 and len(asked) >= 600
    for canary in CANARIES:
        for sql in asked:
            assert not any(form in sql.encode() for form in canary.forms), f"{sql} holds {canary.name}"


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_no_answer_tells_of_a_canary(attacked, principal):
    client, _, _ = attacked[principal]
    told = client.told.seal()
    leaks = [(canary.name, list(dict.fromkeys(told.find(canary)))[:5]) for canary in CANARIES if principal in canary.hidden_from and told.has(canary)]
    assert not leaks, "\n".join(map(str, leaks))


def test_statements_get_through(attacked):
    """A test of errors alone would find nothing."""
    for principal, (_, answers, _) in attacked.items():
        answered = sum(isinstance(answer, pa.Table) for answer in answers.values())
        assert answered > (60 if principal == "seer" else 200), f"{principal}: {answered} of {len(answers)}"


def test_postgresql_tells_of_no_canary(canaried):
    for number, principal in enumerate(PRINCIPALS):
        told = attack_by_postgresql(canaried, principal, number).seal()
        assert len(told.whole) > 20_000
        for canary in CANARIES:
            assert principal not in canary.hidden_from or not told.has(canary), (principal, canary.name, list(told.find(canary))[:5])


def test_ticket_or_handle_of_another_is_nothing(canaried, attacked):
    for owner, thief in (("lean", "rows"), ("masks", "lean"), ("rows", "seer"), ("seer", "masks")):
        _, _, tickets = attacked[owner]
        client = canaried.client(thief)
        for sql, ticket in tickets[::9]:
            _, code, _ = client.call(sql, "DoGet", ticket)
            assert code != grpc.StatusCode.OK, f"{thief} replays {sql} of {owner}"
        handle, _ = canaried.client(owner).prepare("SELECT * FROM vault.plain.rows")
        (code, _), ticket = client.run("", packed("CommandPreparedStatementQuery", field(1, handle)))
        assert code != grpc.StatusCode.OK and ticket is None


def test_answers_are_those_of_a_mesh_without_the_hidden(samite, attacked, tmp_path):
    def compare(principal):
        folder = tmp_path / principal
        hostile_mesh.write(folder, principal)
        server, different = Server(samite, folder), []
        try:
            client = Client(server)
            for line, sql in statements(PRINCIPALS.index(principal)):
                if not UNCOMPARED.search(sql):
                    expected, _ = client.ask(sql)
                    found = attacked[principal][1][sql]
                    if not is_same(sql, found, expected):
                        different.append(f"{principal}, {line}: {sql}\n  found    {normal(sql, found)}\n  expected {normal(sql, expected)}")
        finally:
            server.stop()
        return different

    compared = [principal for principal in PRINCIPALS if principal != "seer"]
    with concurrent.futures.ThreadPoolExecutor(len(compared)) as pool:
        different = [one for found in pool.map(compare, compared) for one in found]
    assert not different, f"{len(different)} differ\n" + "\n".join(different)


# What speaks of the server, of who asks, of tables that nobody can read in the one mesh and that are open in the other, or of files; what fails in
# one plan and not in another; and a format for each of several equal days, which DataFusion takes from the first row if it knows that they are equal.
UNCOMPARED = re.compile(r"sealed|current_user|SET ROLE|pg_roles|mesh\.discovery\.(domains|problems|ports|lineage)|EXPLAIN|mesh\.runtime"
                        r"|input_file_name|q\.pay > p\.pay|(id <> 2|country = 'SE') AND |to_char\(born, name\)")


PLANS = [
    "SELECT * FROM vault.people.rows", "SELECT name, pay FROM vault.people.rows WHERE pay > 1 ORDER BY pay DESC LIMIT 3",
    "SELECT count(*), max(name) FROM vault.people.rows WHERE 100 / (id - 2) <> 0", "SELECT ssn FROM vault.people.rows WHERE ssn IS NOT NULL",
    "SELECT a.id FROM vault.people.rows a JOIN vault.cellar.rows b ON a.id = b.id", "SELECT id FROM vault.sealed.rows",
    "SELECT country, CAST(name AS INT) FROM vault.people.rows",
]


def planner(columns):
    """Another engine, which believes that the tables have these columns."""
    context = datafusion.SessionContext()
    products = ("people", "cellar", "sealed")
    for statement in ("CREATE DATABASE vault", *(f"CREATE SCHEMA vault.{name}" for name in products),
                      *(f"CREATE TABLE vault.{name}.rows ({columns})" for name in products)):
        context.sql(statement).collect()
    return context


def test_plans_of_substrait_tell_of_no_canary(canaried):
    known = "id BIGINT, country TEXT, name TEXT, email TEXT, card TEXT, pay BIGINT, bonus BIGINT"
    planners = [planner(known + ", ssn TEXT"), planner(known)]
    for principal in PRINCIPALS:
        client, answered = canaried.client(principal), 0
        for sql in PLANS:
            for context in planners if "ssn" not in sql else planners[:1]:
                plan = datafusion.substrait.Serde.serialize_to_plan(sql, context).encode()
                answer, _ = client.run(sql, packed("CommandStatementSubstraitPlan", field(1, field(1, plan))))
                answered += isinstance(answer, pa.Table)
        assert answered >= 2 or principal == "seer"
        told = client.told.seal()
        assert not [canary.name for canary in CANARIES if principal in canary.hidden_from and told.has(canary)], principal


def test_metrics_log_and_traces_hold_no_canary(canaried, attacked):
    """Asked before any owner asks: the operator sees numbers, never values."""
    values = [canary for canary in CANARIES if " of " in canary.name]
    metrics, log = canaried.metrics(), (canaried.named.log() + canaried.nameless.log()).encode()
    spans = b"".join(span.SerializeToString() for span in canaried.collector.spans)
    for source, text in (("metrics", metrics), ("log", log), ("spans", spans)):
        assert len(text) > 1000, source
        for canary in values:
            found = next((form for form in canary.forms if form in text), None)
            place = text.find(found) if found else 0
            assert not found, f"{canary.name} is in the {source}: {text[max(0, place - 300):place + 100]}"
    for principal in PRINCIPALS:
        assert f'"{principal}"'.encode() in log or f"principal={principal}".encode() in log, principal


def test_owner_finds_every_canary(canaried):
    """The same search, of the same statements: there is something to find, and it is found."""
    client = canaried.client("owner")
    for sql in ('SELECT * FROM vault."people@1".rows', "SELECT * FROM mesh.discovery.products", "SELECT * FROM mesh.discovery.columns",
                "SELECT * FROM mesh.discovery.ports", "SELECT * FROM mesh.discovery.tables", "SELECT * FROM mesh.discovery.problems"):
        answer, _ = client.ask(sql)
        assert isinstance(answer, pa.Table), answer
    told = client.told.seal()
    missed = [canary.name for canary in CANARIES if not canary.is_for_nobody and not told.has(canary)]
    assert not missed, missed
    for form in ("encode(CAST(name AS BYTEA), 'hex')", "encode(CAST(name AS BYTEA), 'base64')", "upper(name)", "reverse(name)", "md5(name)", "to_hex(pay)",
                 "CAST(pay AS VARCHAR)", "CAST(pay AS DOUBLE)", "CAST(born AS VARCHAR)", "CAST(balance AS VARCHAR)", "CAST(score AS VARCHAR)",
                 "encode(photo, 'hex')", "CAST(seen_at AS BIGINT)", "substr(name, 3, 14)"):
        client = canaried.client("owner")
        answer, _ = client.ask(f'SELECT {form} AS form FROM vault."people@1".rows WHERE id IN (2, 4)')
        assert isinstance(answer, pa.Table) and answer.num_rows == 2, answer
        told = client.told.seal()
        assert any(told.has(canary) for canary in CANARIES if "hidden rows" in canary.name), form
