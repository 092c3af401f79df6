"""What a server tells of its queries: lines of log with their ids, and traces for a collector."""

import concurrent.futures
import json
import time

import grpc
import psycopg
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from pyarrow import flight

from flight_sql import query
from identity import Authority

CHANGE_SECONDS_MAX = 20
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
JOIN = "SELECT o.customer_id, 'hidden text' FROM shop.orders.orders o JOIN people.customers.customers c ON o.customer_id = c.customer_id"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """A collector of traces that keeps them."""

    def __init__(self, certificate=None):
        self.spans, self.services = [], set()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self.server)
        if certificate:
            own, key = (file.read_bytes() for file in certificate)
            port = self.server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, own)]))
            self.endpoint = f"https://127.0.0.1:{port}"
        else:
            self.endpoint = f"http://127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def Export(self, request, context):
        for resource in request.resource_spans:
            self.services |= {item.value.string_value for item in resource.resource.attributes if item.key == "service.name"}
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return trace_service_pb2.ExportTraceServiceResponse()

    def named(self, name):
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def collector():
    running = Collector()
    yield running
    running.server.stop(None)


def configured(folder, text):
    file = folder / "samite.toml"
    file.write_text(text)
    return ["--config", str(file)]


def ask(server, sql, **headers):
    options = flight.FlightCallOptions(headers=[(name.encode(), value.encode()) for name, value in headers.items()])
    with flight.connect(server.uri) as client:
        info = client.get_flight_info(query(sql), options)
        return client.do_get(info.endpoints[0].ticket, options).read_all()


def attributes(span):
    values = {}
    for item in span.attributes:
        kind = item.value.WhichOneof("value")
        values[item.key] = getattr(item.value, kind)
    return values


def test_trace_of_the_client_goes_on_in_that_of_the_query(serve, mesh, tmp_path, collector):
    server = serve(mesh, *configured(tmp_path, f'[telemetry]\notlp_endpoint = "{collector.endpoint}"\nservice_name = "mesh-1"\n'))
    rows = ask(server, JOIN, traceparent=f"00-{TRACE}-{CALLER}-01").num_rows
    with pytest.raises(KeyError):
        ask(server, "SELECT * FROM shop.nothing.at_all")
    assert server.stop() == 0
    assert collector.services == {"mesh-1"}
    [call] = [span for span in collector.named("GetFlightInfo") if span.trace_id.hex() == TRACE]
    assert call.parent_span_id.hex() == CALLER
    [whole] = [span for span in collector.named("query") if span.trace_id.hex() == TRACE]
    assert whole.parent_span_id == call.span_id
    found = attributes(whole)
    assert found["db.system"] == "samite" and found["rows"] == rows and found["bytes"] > 0 and found["bytes_read"] > 0
    assert len(found["db.query.id"]) == 32 and found["enduser.id"] == "anonymous"
    for stage in ("resolve", "plan", "execute"):
        [span] = [span for span in collector.named(stage) if span.parent_span_id == whole.span_id]
        assert whole.start_time_unix_nano <= span.start_time_unix_nano <= whole.end_time_unix_nano
    [resolve] = [span for span in collector.named("resolve") if span.parent_span_id == whole.span_id]
    opened = [span for span in collector.named("open") if span.parent_span_id == resolve.span_id]
    assert len(opened) == 2 and all(attributes(span)["table"] for span in opened)
    [parse] = [span for span in collector.named("parse") if span.parent_span_id == call.span_id]
    [failed] = [span for span in collector.named("query") if span.trace_id.hex() != TRACE]
    assert attributes(failed)["error.type"] == "not_found" and failed.status.code == 2
    assert "hidden text" not in str(collector.spans)


def test_messages_of_postgresql_have_spans(serve, mesh, tmp_path, collector):
    server = serve(mesh, *configured(tmp_path, f'[telemetry]\notlp_endpoint = "{collector.endpoint}"\n'), "--pg-listen", "127.0.0.1:0")
    host, port = server.postgresql
    with psycopg.connect(host=host, port=port, user="anna", dbname="mesh", autocommit=True) as connection:
        connection.execute(f"SELECT count(*) FROM ({JOIN}) t")
        connection.execute("SELECT %s::int", (1,))
    assert server.stop() == 0
    [call] = collector.named("Query")
    assert attributes(call)["rpc.system"] == "postgresql"
    assert [span.parent_span_id for span in collector.named("query") if span.trace_id == call.trace_id] == [call.span_id]
    assert collector.named("Parse") and collector.named("Execute")


def test_statements_are_told_only_where_that_is_configured(serve, mesh, tmp_path, collector):
    text = f'[telemetry]\notlp_endpoint = "{collector.endpoint}"\n[log]\nstatements = true\n'
    server = serve(mesh, *configured(tmp_path, text))
    ask(server, JOIN)
    assert server.stop() == 0
    [whole] = collector.named("query")
    assert attributes(whole)["db.query.text"] == JOIN
    assert "hidden text" in server.log()


def test_collector_that_is_down_costs_a_warning(serve, mesh, tmp_path):
    server = serve(mesh, environment={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    for _ in range(3):
        assert ask(server, JOIN).num_rows > 0
    begin = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begin < 10
    assert server.log().count("traces do not reach their collector") == 1


def test_encrypted_collector_is_trusted_by_its_authority_alone(serve, mesh, tmp_path):
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    collector = Collector(authority.issue("collector"))
    try:
        for ca, reaches in ((authority.ca, True), (other.ca, False), (None, False)):
            text = f'[telemetry]\notlp_endpoint = "{collector.endpoint}"\n' + (f'otlp_ca_file = "{ca.name}"\n' if ca else "")
            server = serve(mesh, *configured(tmp_path, text))
            ask(server, JOIN)
            assert server.stop() == 0
            assert bool(collector.named("query")) is reaches, server.log()
            assert ("traces do not reach their collector" in server.log()) is not reaches
            collector.spans.clear()
    finally:
        collector.server.stop(None)


def test_each_line_about_a_query_names_it(serve, mesh, tmp_path):
    server = serve(mesh, "--log-format", "json", environment={"SAMITE_LOG": "samite_engine=debug,samite_flight_server=debug,info"})
    ask(server, JOIN)
    with pytest.raises(KeyError):
        ask(server, "SELECT * FROM shop.nothing.at_all")
    ask(server, "SELECT 'constant'")
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT query_id, state FROM mesh.runtime.queries WHERE sql NOT LIKE '%runtime%' ORDER BY started_at")
        [(joined, _), (failed, _), (constant, _)] = cursor.fetchall()
    assert server.stop() == 0
    log = server.log()
    assert "hidden text" not in log and "constant" not in log
    lines = [json.loads(line) for line in log.splitlines()]
    ended = {line["query_id"]: line for line in lines if line.get("message") == "query ended"}
    assert ended[joined]["outcome"] == "finished" and ended[joined]["level"] == "INFO"
    assert ended[joined]["principal"] == "anonymous" and ended[joined]["rows"] > 0 and ended[joined]["bytes_read"] > 0
    assert ended[failed]["outcome"] == "failed" and ended[failed]["error"] == "not_found"
    assert ended[constant]["level"] == "DEBUG"
    [refused] = [line for line in lines if line.get("message") == "call failed"]
    assert refused["query_id"] == failed


@pytest.mark.parametrize("arguments, text, said", [
    (["--log-format", "xml"], "", "cannot be written as"),
    ([], '[log]\nlevel = "samite=loud"\n', "says not what is logged"),
    ([], '[telemetry]\notlp_endpoint = "no address"\n', "traces cannot be sent to"),
])
def test_what_cannot_be_logged_or_traced_is_said_at_the_start(samite, serve, mesh, tmp_path, arguments, text, said):
    with pytest.raises(RuntimeError, match=said):
        serve(mesh, *configured(tmp_path, text), *arguments)
