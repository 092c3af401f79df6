"""What the client tests share: the program, a mesh, a server over it, and connections to that.

    tests/run clients                                    all of them
    SAMITE_BIN=... python -m pytest tests/clients/python some of them, against a program that you name
"""

import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile

import adbc_driver_flightsql.dbapi
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests"))

import sample_mesh  # noqa: E402

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
READY = "samite listening on "


class Server:
    """A running `samite serve` on a free port of this machine."""

    def __init__(self, program, mesh, *arguments, environment=None):
        self.log_file = tempfile.TemporaryFile(mode="w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [program, "serve", "--mesh", str(mesh), "--listen", "127.0.0.1:0", *arguments],
            stdout=subprocess.PIPE, stderr=self.log_file, text=True, env=os.environ | (environment or {}))
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS_MAX)
        line = self.process.stdout.readline().strip() if ready else ""
        if not line.startswith(READY):
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"samite serve said {line!r} and logged:\n{self.log()}")
        self.uri = line.removeprefix(READY)
        # With --pg-listen, the place for clients that speak the PostgreSQL protocol: a host and a port.
        self.postgresql = None
        if "--pg-listen" in arguments:
            self.postgresql = self.process.stdout.readline().strip().removeprefix(f"{READY}postgresql://").rsplit(":", 1)

    def connect(self, **options):
        return adbc_driver_flightsql.dbapi.connect(self.uri, db_kwargs=options, autocommit=True)

    def log(self):
        self.log_file.seek(0)
        return self.log_file.read()

    def stop(self):
        """Asks it to end as an operator does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@pytest.fixture(scope="session")
def samite():
    """The program: SAMITE_BIN, or the newest development build."""
    program = pathlib.Path(os.environ.get("SAMITE_BIN") or ROOT / "target/debug/samite")
    assert program.is_file(), f"{program} is missing; tests/run clients builds it"
    return program


@pytest.fixture
def serve(samite):
    """Starts servers that end with the test: serve(mesh, *arguments)."""
    running = []

    def start(mesh, *arguments, **more):
        running.append(Server(samite, mesh, *arguments, **more))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="session")
def mesh(tmp_path_factory):
    """The folder of the sample mesh. Read only: a test that changes documents writes a mesh of its own.

    SAMITE_TEST_MESH is one that is there already: an environment that tests a client need not have the writers.
    """
    if "SAMITE_TEST_MESH" in os.environ:
        return pathlib.Path(os.environ["SAMITE_TEST_MESH"])
    folder = tmp_path_factory.mktemp("mesh")
    sample_mesh.write(folder)
    return folder


@pytest.fixture(scope="session")
def server(samite, mesh):
    """A server over the sample mesh, the same for all tests."""
    running = Server(samite, mesh)
    yield running
    running.stop()


@pytest.fixture
def connection(server):
    with server.connect() as connection:
        yield connection


@pytest.fixture
def cursor(connection):
    with connection.cursor() as cursor:
        yield cursor
