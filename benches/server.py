"""A Samite server for a measurement: started on a free port, asked through ADBC, ended."""

import contextlib
import os
import subprocess
import time

import adbc_driver_flightsql.dbapi

START_SECONDS_MAX = 120
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A running server. `start_seconds` is the time until it said that it listens."""

    def __init__(self, options, mesh, *more):
        begun = time.perf_counter()
        command = [options.samite, "serve", "--mesh", mesh, "--listen", "127.0.0.1:0", *more]
        # The engines beside it have no bound on their memory.
        environment = os.environ | {"SAMITE_LOG": "warn", "SAMITE_LIMITS_MEMORY": "16GiB", "SAMITE_LIMITS_QUERY_MEMORY": "16GiB"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        line = self.process.stdout.readline().strip()
        self.start_seconds = time.perf_counter() - begun
        if not line.startswith("samite listening on "):
            self.process.kill()
            raise RuntimeError(f"the server said {line!r}")
        self.uri = line.removeprefix("samite listening on ")

    def connect(self):
        return adbc_driver_flightsql.dbapi.connect(self.uri, autocommit=True)

    def cpu_seconds(self):
        """User and system time of the process so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_megabytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))

    def megabytes(self):
        """What the process holds now."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


@contextlib.contextmanager
def serving(options, mesh, *more):
    server = Server(options, mesh, *more)
    try:
        yield server
    finally:
        server.stop()


def verdict(value, limit, at_most=True):
    return "yes" if (value <= limit if at_most else value >= limit) else "**no**"
