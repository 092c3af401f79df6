"""The time of the smallest query over a warm connection."""

import statistics
import time

import data
from server import serving, verdict

P50_MS_MAX = 2.0
WARM_UP, QUERIES = 200, 2000


def measure(options):
    with serving(options, data.generated_mesh(options, 10)) as server, server.connect() as connection:
        rows = [("a cursor that executes a new statement", fresh(connection)),
                ("one prepared statement, executed again", prepared(connection))]
    print("### SELECT 1 over a warm connection, one ADBC client\n")
    print("| how | p50 ms | p99 ms |\n|---|---:|---:|")
    for name, times in rows:
        print(f"| {name} | {statistics.median(times):.2f} | {statistics.quantiles(times, n=100)[98]:.2f} |")
    p50 = statistics.median(rows[0][1])
    print(f"\np50 {p50:.2f} ms, under {P50_MS_MAX:g}: {verdict(p50, P50_MS_MAX)}.\n")
    return p50 < P50_MS_MAX


def fresh(connection):
    """Another text each time, as a dashboard sends it."""
    with connection.cursor() as cursor:
        return timed(lambda number: (cursor.execute(f"SELECT {number}"), cursor.fetchall()))


def prepared(connection):
    with connection.cursor() as cursor:
        return timed(lambda _: (cursor.execute("SELECT 1"), cursor.fetchall()))


def timed(ask):
    times = []
    for number in range(WARM_UP + QUERIES):
        begun = time.perf_counter()
        ask(number)
        times.append((time.perf_counter() - begun) * 1000)
    return times[WARM_UP:]
