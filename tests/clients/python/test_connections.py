"""Many connections that say little, and some that break the rules of HTTP/2."""

import resource
import socket
import struct

import pytest

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
IDLE = 1200
MEGABYTES_MAX = 300


def frame(kind, flags=0, stream=0, body=b""):
    return struct.pack("!I", len(body))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + body


SETTINGS, HEADERS, RESET, PING, CONTINUATION = 4, 1, 3, 6, 9


def opened(server):
    host, port = server.uri.rsplit("/", 1)[1].split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def megabytes(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def answers(server):
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 42")
        return cursor.fetchall() == [(42,)]


@pytest.fixture
def files():
    """Each connection is an open file here too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_idle_connections_take_little_and_keep_nobody_out(serve, mesh, files):
    server = serve(mesh)
    assert answers(server)
    before, idle = megabytes(server), []
    for _ in range(IDLE):
        idle.append(opened(server))
        idle[-1].sendall(PREFACE + frame(SETTINGS))
    for connection in idle:
        assert connection.recv(9), "the server answers with settings of its own"
    assert answers(server)
    assert megabytes(server) - before < MEGABYTES_MAX
    for connection in idle:
        connection.close()
    assert answers(server)


def headers(stream, size=10):
    """Headers of a call that cannot be read, of this size."""
    return frame(HEADERS, 0x4, stream, b"\x00\x01a" + bytes([127]) + b"x" * size)


@pytest.mark.parametrize("name, sent", [
    ("garbage", b"\xff" * 4096),
    ("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a preface and garbage", PREFACE + b"\xff" * 4096),
    ("a giant frame", PREFACE + frame(SETTINGS) + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01"),
    ("settings of an odd length", PREFACE + frame(SETTINGS, body=b"\x00")),
    ("headers that are no headers", PREFACE + frame(SETTINGS) + headers(1, 2000)),
    ("headers without an end", PREFACE + frame(SETTINGS) + frame(HEADERS, 0, 1, b"\x00") + frame(CONTINUATION, 0, 1, b"x" * 16000) * 200),
    ("rapid resets", PREFACE + frame(SETTINGS) + b"".join(
        headers(stream) + frame(RESET, 0, stream, b"\x00\x00\x00\x08") for stream in range(1, 20_000, 2))),
    ("a flood of pings", PREFACE + frame(SETTINGS) + frame(PING, body=b"x" * 8) * 20_000),
    ("a stream of an even number", PREFACE + frame(SETTINGS) + headers(2)),
])
def test_connection_that_breaks_the_rules_harms_nobody_else(server, name, sent):
    with opened(server) as connection:
        connection.settimeout(2)
        try:
            connection.sendall(sent)
            while connection.recv(65536):
                pass
        except OSError:
            pass
        assert answers(server), name
    assert answers(server), name
    assert "panicked" not in server.log()
