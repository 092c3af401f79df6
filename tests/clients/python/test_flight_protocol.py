"""The protocol below the drivers, with pyarrow's plain Flight client: metadata schemas, tickets, actions, sessions."""

import pyarrow as pa
import pytest
from flight_sql import command, fetch, field, packed, query, strings
from pyarrow import flight

REFUSED = (flight.FlightError, pa.ArrowException, KeyError)


@pytest.fixture
def client(server):
    with flight.connect(server.uri) as client:
        yield client


def action(client, name, body=b""):
    return [result.body.to_pybytes() for result in client.do_action(flight.Action(name, body))]


def text(name, nullable=True):
    return pa.field(name, pa.string(), nullable)


# ---- metadata commands


FOREIGN_KEYS = [
    text("pk_catalog_name"), text("pk_db_schema_name"), text("pk_table_name", False), text("pk_column_name", False),
    text("fk_catalog_name"), text("fk_db_schema_name"), text("fk_table_name", False), text("fk_column_name", False),
    pa.field("key_sequence", pa.int32(), False), text("fk_key_name"), text("pk_key_name"),
    pa.field("update_rule", pa.uint8(), False), pa.field("delete_rule", pa.uint8(), False),
]
TABLES = [text("catalog_name"), text("db_schema_name"), text("table_name", False), text("table_type", False)]


@pytest.mark.parametrize("name, body, fields", [
    ("CommandGetCatalogs", b"", [text("catalog_name", False)]),
    ("CommandGetDbSchemas", b"", [text("catalog_name"), text("db_schema_name", False)]),
    ("CommandGetTables", b"", TABLES),
    ("CommandGetTables", field(1, "shop") + field(5, 1), [*TABLES, pa.field("table_schema", pa.binary(), False)]),
    ("CommandGetTableTypes", b"", [text("table_type", False)]),
    ("CommandGetPrimaryKeys", field(3, "orders"), [
        text("catalog_name"), text("db_schema_name"), text("table_name", False), text("column_name", False),
        text("key_name"), pa.field("key_sequence", pa.int32(), False)]),
    ("CommandGetImportedKeys", field(3, "orders"), FOREIGN_KEYS),
    ("CommandGetExportedKeys", field(3, "orders"), FOREIGN_KEYS),
    ("CommandGetCrossReference", field(3, "orders") + field(6, "items"), FOREIGN_KEYS),
])
def test_metadata_has_the_schema_of_the_specification(client, name, body, fields):
    assert fetch(client, command(name, body)).schema == pa.schema(fields)


def test_listings_are_sorted(client):
    for name in ("CommandGetCatalogs", "CommandGetDbSchemas", "CommandGetTables"):
        rows = [tuple(row.values()) for row in fetch(client, command(name)).to_pylist()]
        assert rows == sorted(rows) and rows, name


def test_catalog_unset_is_all_and_empty_is_none(client):
    unset = fetch(client, command("CommandGetDbSchemas"))
    assert {"shop", "people", "stock", "mesh"} <= set(unset["catalog_name"].to_pylist())
    assert fetch(client, command("CommandGetDbSchemas", field(1, ""))).num_rows == 0
    assert fetch(client, command("CommandGetTables", field(1, "") + field(5, 1))).num_rows == 0
    assert set(fetch(client, command("CommandGetDbSchemas", field(1, "%")))["catalog_name"].to_pylist()) == set(
        unset["catalog_name"].to_pylist())


def test_exact_name_comes_first(client):
    """`order_` matches more, but a client that means it as a name takes the first row."""
    names = fetch(client, command("CommandGetTables", field(1, "shop") + field(3, "%s")))["table_name"].to_pylist()
    assert "days" in names and "orders" in names
    first = fetch(client, command("CommandGetTables", field(3, "orders") + field(5, 1)))
    assert first["table_name"][0].as_py() == "orders"
    schema = pa.ipc.read_schema(pa.py_buffer(first["table_schema"][0].as_py()))
    assert schema.field("order_id").metadata[b"ARROW:FLIGHT:SQL:TABLE_NAME"] == b"orders"


def test_types_filter_in_any_case(client):
    tables = fetch(client, command("CommandGetTables", field(1, "shop") + field(4, "base table")))
    assert set(tables["table_type"].to_pylist()) == {"TABLE"}
    assert fetch(client, command("CommandGetTables", field(1, "shop") + field(4, "VIEW"))).num_rows == 0


def test_primary_key_comes_from_the_contract(client):
    keys = fetch(client, command("CommandGetPrimaryKeys", field(1, "people") + field(3, "customers"))).to_pylist()
    assert [(key["column_name"], key["key_sequence"]) for key in keys if key["db_schema_name"] == "customers"] == [("customer_id", 1)]


def test_sql_info_answers_what_is_asked(client):
    asked = fetch(client, command("CommandGetSqlInfo", b"".join(field(1, code) for code in (0, 2, 3, 504))))
    assert asked["info_name"].to_pylist() == [0, 2, 3, 504]
    assert asked["value"].to_pylist()[0] == "Samite" and asked["value"].to_pylist()[2] is True
    everything = fetch(client, command("CommandGetSqlInfo"))["info_name"].to_pylist()
    assert len(everything) > 60 and max(everything) < 10_000


def test_type_info_is_filtered(client):
    everything = fetch(client, command("CommandGetXdbcTypeInfo"))
    assert everything.num_columns == 19 and "VARCHAR" in everything["type_name"].to_pylist()
    assert fetch(client, command("CommandGetXdbcTypeInfo", field(1, 12)))["type_name"].to_pylist() == ["VARCHAR"]


# ---- queries and tickets


def test_query_can_be_fetched_again(client):
    info = client.get_flight_info(query("SELECT count(*) AS n FROM shop.orders.orders"))
    for _ in range(3):
        assert client.do_get(info.endpoints[0].ticket).read_all().to_pylist() == [{"n": 1000}]
    assert (info.total_records, info.total_bytes) == (-1, -1)


def test_ticket_opens_only_as_it_was_issued(client):
    ticket = client.get_flight_info(query("SELECT 1")).endpoints[0].ticket.ticket
    for at in range(len(ticket)):
        forged = bytearray(ticket)
        forged[at] ^= 1
        with pytest.raises(REFUSED):
            client.do_get(flight.Ticket(bytes(forged))).read_all()
    assert client.do_get(flight.Ticket(ticket)).read_all().num_rows == 1


@pytest.mark.parametrize("ticket", [
    b"", b"garbage", b"\xff" * 100, packed("TicketStatementQuery"), packed("TicketStatementQuery", field(1, b"x" * 57)),
    packed("CommandStatementQuery", field(1, "SELECT 1")), packed("CommandPreparedStatementQuery", field(1, b"x" * 16)),
], ids=repr)
def test_garbage_is_no_ticket(client, ticket):
    with pytest.raises((pa.ArrowInvalid, KeyError), match="ticket"):
        client.do_get(flight.Ticket(ticket)).read_all()
    assert fetch(client, query("SELECT 1 AS a")).num_rows == 1


@pytest.mark.parametrize("descriptor", [
    flight.FlightDescriptor.for_path("a"), flight.FlightDescriptor.for_command(b"garbage"),
    flight.FlightDescriptor.for_command(b"\xff" * 10), command("NoSuchCommand"), command("TicketStatementQuery"),
    command("CommandPreparedStatementQuery", field(1, b"no such handle")),
], ids=repr)
def test_garbage_is_no_query(client, descriptor):
    for call in (client.get_flight_info, client.get_schema):
        with pytest.raises((pa.ArrowInvalid, KeyError)):
            call(descriptor)


def test_calls_that_are_not_offered_say_so(client):
    with pytest.raises(pa.ArrowNotImplementedError):
        list(client.list_flights())
    with pytest.raises(pa.ArrowNotImplementedError):
        writer, reader = client.do_exchange(command("CommandStatementQuery"))
        with writer:
            reader.read_all()
    for name in ("CommandStatementIngest",):
        with pytest.raises(pa.ArrowNotImplementedError):
            client.get_flight_info(command(name))


# ---- actions


def test_actions_that_are_listed_work_and_others_say_so(client):
    listed = {action.type for action in client.list_actions()}
    assert listed == {"CreatePreparedStatement", "CreatePreparedSubstraitPlan", "ClosePreparedStatement", "CancelQuery", "CancelFlightInfo",
                      "RenewFlightEndpoint", "SetSessionOptions", "GetSessionOptions", "CloseSession"}
    for name in ("NoSuchAction", "BeginTransaction", "EndTransaction", "BeginSavepoint"):
        with pytest.raises(pa.ArrowNotImplementedError):
            action(client, name)


def test_bad_body_of_an_action_is_refused(client):
    for name in ("CreatePreparedStatement", "ClosePreparedStatement", "CancelQuery", "CancelFlightInfo",
                 "RenewFlightEndpoint", "SetSessionOptions"):
        with pytest.raises((pa.ArrowInvalid, KeyError)):
            action(client, name, b"\xffgarbage")


def test_prepared_statement_lives_until_it_is_closed(client):
    [body] = action(client, "CreatePreparedStatement", packed("ActionCreatePreparedStatementRequest", field(1, "SELECT 1 AS a")))
    handle = strings(strings(body)[1])[0]
    descriptor = command("CommandPreparedStatementQuery", field(1, handle))
    assert fetch(client, descriptor).to_pylist() == [{"a": 1}]
    close = packed("ActionClosePreparedStatementRequest", field(1, handle))
    assert action(client, "ClosePreparedStatement", close) == []
    assert action(client, "ClosePreparedStatement", close) == [], "closing twice is no error"
    with pytest.raises(KeyError, match="prepared"):
        client.get_flight_info(descriptor)


def test_cancelled_query_cannot_be_fetched(client):
    for name, wrap in (("CancelFlightInfo", lambda info: field(1, info)),
                       ("CancelQuery", lambda info: packed("ActionCancelQueryRequest", field(1, info)))):
        info = client.get_flight_info(query("SELECT 1"))
        for _ in range(2):
            assert len(action(client, name, wrap(info.serialize()))) == 1
        with pytest.raises(flight.FlightCancelledError):
            client.do_get(info.endpoints[0].ticket).read_all()


def test_renewed_ticket_opens_the_same_query(client):
    info = client.get_flight_info(query("SELECT 1 AS a"))
    [body] = action(client, "RenewFlightEndpoint", field(1, info.endpoints[0].serialize()))
    endpoint = flight.FlightEndpoint.deserialize(body)
    assert client.do_get(endpoint.ticket).read_all().to_pylist() == [{"a": 1}]


# ---- sessions


def option(name, value):
    return field(1, field(1, name) + field(2, field(1, value)))


def test_session_is_that_of_the_token(server, client):
    def calls(token):
        return flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])

    with flight.connect(server.uri) as other:
        list(client.do_action(flight.Action("SetSessionOptions", option("catalog", "shop")), calls("one")))
        for who in (client, other):
            assert fetch(who, query("SELECT count(*) AS n FROM orders.orders"), calls("one")).to_pylist() == [{"n": 1000}]
            with pytest.raises(REFUSED):
                fetch(who, query("SELECT count(*) FROM orders.orders"), calls("two"))
        assert list(client.do_action(flight.Action("CloseSession", b""), calls("one")))
        with pytest.raises(REFUSED):
            fetch(client, query("SELECT count(*) FROM orders.orders"), calls("one"))


def test_lost_session_is_told(client):
    lost = flight.FlightCallOptions(headers=[(b"cookie", b"arrow_flight_session_id=samite-session-gone")])
    with pytest.raises(KeyError, match="session"):
        client.get_flight_info(query("SELECT 1"), lost)


def test_handshake_gives_a_token(client):
    name, value = client.authenticate_basic_token("ada", "secret")
    assert name == b"authorization" and value.startswith(b"Bearer ")
    options = flight.FlightCallOptions(headers=[(name, value)])
    assert fetch(client, query("SELECT 1 AS a"), options).num_rows == 1


# ---- wire types by profile


def test_profile_chooses_the_types(client):
    sql = "SELECT arrow_cast(7, 'UInt64') AS n"
    profile = flight.FlightCallOptions(headers=[(b"x-wire-profile", b"jdbc")])
    assert fetch(client, query(sql)).schema.field("n").type == pa.uint64()
    assert fetch(client, query(sql), profile).schema.field("n").type == pa.decimal128(20, 0)
