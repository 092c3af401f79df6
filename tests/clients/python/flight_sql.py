"""Flight SQL messages by hand, for what no driver sends."""

from pyarrow import flight

PREFIX = b"type.googleapis.com/arrow.flight.protocol.sql."


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def field(tag, value):
    """One field: a number as varint, bytes or text as bytes."""
    if isinstance(value, int):
        return varint(tag << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(tag << 3 | 2) + varint(len(value)) + value


def packed(name, body=b""):
    """A message of Flight SQL, packed into an Any."""
    return field(1, PREFIX + name.encode()) + field(2, body)


def command(name, body=b""):
    return flight.FlightDescriptor.for_command(packed(name, body))


def query(sql):
    return command("CommandStatementQuery", field(1, sql))


def fetch(client, descriptor, options=None):
    """GetFlightInfo, then DoGet of its one endpoint: the rows. Both must show one schema."""
    info = client.get_flight_info(descriptor, options)
    [endpoint] = info.endpoints
    assert endpoint.locations == [], "the client fetches where it asked"
    table = client.do_get(endpoint.ticket, options).read_all()
    assert table.schema.equals(info.schema, check_metadata=True)
    assert client.get_schema(descriptor, options).schema.equals(info.schema, check_metadata=True)
    return table


def strings(body):
    """The texts in a protobuf message, at any depth; good enough for options."""
    found, at = [], 0
    while at < len(body):
        key, at = body[at], at + 1
        if key & 7 != 2:
            at += 8 if key & 7 == 1 else 1
            continue
        length, shift = 0, 0
        while True:
            length |= (body[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if body[at - 1] < 0x80:
                break
        found.append(body[at:at + length])
        at += length
    return found
