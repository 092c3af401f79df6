"""A thousand idle connections and two hundred that ask without pause: what they cost, and whether any query fails.

The memory of the server is what the system counts as its own (VmRSS), above what it has with nobody connected and one query behind it.
"""

import json
import subprocess
import threading
import time

import data
from server import serving, verdict

IDLE, ACTIVE, SECONDS = 1000, 200, 20
MEMORY_MB_MAX = 300
SQL = "SELECT text_1, count(*), sum(value_2) FROM wanted.product_0.rows WHERE id > {} % 900 GROUP BY text_1"


def measure(options):
    with serving(options, data.generated_mesh(options, 10)) as server:
        ask(options, server, 1, 1)
        before = server.megabytes()
        peak = Peak(server)
        told = ask(options, server, ACTIVE, SECONDS, IDLE)
        memory = peak.end() - before
    print(f"### {IDLE:,} idle connections and {ACTIVE} active ones, {SECONDS} s of a small query over a table\n")
    print("| what | value | target | met |\n|---|---:|---:|---|")
    print(f"| memory above that of no connection ({before:.0f} MB), MB | {memory:.0f} | {MEMORY_MB_MAX} | {verdict(memory, MEMORY_MB_MAX)} |")
    print(f"| queries that failed | {told['errors']} | 0 | {verdict(told['errors'], 0)} |")
    print(f"| queries a second | {told['statements'] / SECONDS:,.0f} | | |")
    print(f"| p50, p99, ms | {told['p50_ms']:.0f}, {told['p99_ms']:.0f} | | |\n")
    return memory <= MEMORY_MB_MAX and told["errors"] == 0


def ask(options, server, clients, seconds, idle=0):
    return json.loads(subprocess.check_output([options.clients, server.uri, str(clients), str(seconds), SQL, str(idle)], text=True))


class Peak:
    """The most memory that a server had from now on, looked at fifty times a second."""

    def __init__(self, server):
        self.server, self.most, self.stopped = server, 0, threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while not self.stopped.is_set():
            self.most = max(self.most, self.server.megabytes())
            time.sleep(0.02)

    def end(self):
        self.stopped.set()
        self.thread.join()
        return self.most
