"""Many small clients: what a statement costs the server, and what eight and thirty-two clients at once see, with Sail beside.

The clients are of one process that is written in Rust (`src/bin`): one in Python takes more of the machine than the
server that it measures. `SELECT 1` is the same text each time, as a health check of a pool of connections sends it; another text
each time is told besides. Sail runs where `--sail` names its program (PyPI: pysail).
"""

import contextlib
import json
import os
import socket
import subprocess
import time

import data
from server import TICKS, serving, verdict

CPU_MS_MAX, P50_MS_MAX, P99_MS_MAX, RATIO_MIN = 0.25, 2.0, 6.0, 1.5
CLIENTS = (1, 8, 32)
TEXTS = {"same": "SELECT 1", "new": "SELECT 1 AS c{}"}
SECONDS = 5


def measure(options):
    with serving(options, data.generated_mesh(options, 10)) as server, sail(options) as other:
        servers = {"Samite": (server.uri, server.process.pid)} | ({"Sail": other} if other else {})
        found = {}
        for turn in range(options.rounds + 1):
            for clients in CLIENTS:
                for text in TEXTS:
                    for name in list(servers)[::1 if turn % 2 else -1]:
                        told = ask(options, *servers[name], clients, text)
                        if turn:
                            found.setdefault((name, clients, text), []).append(told)
    print(f"### SELECT 1 from clients at once, medians of {options.rounds} interleaved rounds of {SECONDS} s\n")
    print("| server | clients | text | statements a second | p50 ms | p99 ms | CPU of the server, ms | errors |\n|---|---:|---|---:|---:|---:|---:|---:|")
    value = {key: summary(told) for key, told in found.items()}
    for (name, clients, text), one in sorted(value.items(), key=lambda entry: (entry[0][1], entry[0][2] != "same", entry[0][0])):
        print(f"| {name} | {clients} | {text} | {one['rate']:,.0f} | {one['p50_ms']:.2f} | {one['p99_ms']:.2f} | {one['cpu_ms']:.3f} | {one['errors']} |")
    checks = [("CPU of one statement, ms", value["Samite", 1, "same"]["cpu_ms"], CPU_MS_MAX, True),
              ("p50 of eight clients, ms", value["Samite", 8, "same"]["p50_ms"], P50_MS_MAX, True),
              ("p99 of eight clients, ms", value["Samite", 8, "same"]["p99_ms"], P99_MS_MAX, True),
              ("errors", sum(one["errors"] for key, one in value.items() if key[0] == "Samite"), 0, True)]
    if other:
        checks.append(("statements of eight clients, against Sail", value["Samite", 8, "same"]["rate"] / value["Sail", 8, "same"]["rate"], RATIO_MIN, False))
    else:
        print("\nSail was not run: --sail names no program.")
    print("\n| what | value | target | met |\n|---|---:|---:|---|")
    for what, measured, limit, at_most in checks:
        print(f"| {what} | {measured:.2f} | {limit:g} | {verdict(measured, limit, at_most)} |")
    print()
    return all(measured <= limit if at_most else measured >= limit for _, measured, limit, at_most in checks)


def ask(options, uri, pid, clients, text):
    """What the clients say, with the CPU of the server for each statement."""
    begun = cpu_seconds(pid)
    told = json.loads(subprocess.check_output([options.clients, uri, str(clients), str(SECONDS), TEXTS[text]], text=True))
    return told | {"cpu_ms": (cpu_seconds(pid) - begun) * 1000 / max(1, told["all"]), "rate": told["statements"] / SECONDS}


def summary(told):
    median = {name: sorted(one[name] for one in told)[len(told) // 2] for name in ("rate", "p50_ms", "p99_ms", "cpu_ms")}
    return median | {"errors": sum(one["errors"] for one in told)}


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextlib.contextmanager
def sail(options):
    """URI and process of Sail's Flight SQL server; none without its program."""
    if not options.sail:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [options.sail, "flight", "server", "--ip", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"RUST_LOG": "error"})
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield f"grpc://127.0.0.1:{port}", process.pid
    finally:
        process.kill()
