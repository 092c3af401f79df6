"""TPC-H: the 22 queries over three formats through Flight SQL, against DuckDB's answers and DataFusion's CPU time.

DataFusion (from PyPI) reads the same rows as plain Parquet in a process of its own. Answers are compared as sets of rows. Numbers
may differ by one part in a million (or by one millionth, near zero): DuckDB divides and averages decimals as floating
point, DataFusion as decimals with a fixed scale.
"""

import decimal
import math
import multiprocessing
import pathlib
import resource
import statistics

import data
from server import serving, verdict

CPU_RATIO_MAX = 1.1
RELATIVE_ERROR = ABSOLUTE_ERROR = 1e-6


def query(number, names, scale_factor):
    text = (pathlib.Path(__file__).parent / f"tpch/q{number:02}.sql").read_text(encoding="utf-8")
    return text.format(fraction=f"{0.0001 / scale_factor:.12f}", **names)


def measure(options):
    own_names = {table: table for table in data.TABLES}
    mesh_names = {table: data.sql_name(table) for table in data.TABLES}
    datafusion = Peer({table: data.tpch_folder(options) / "parquet" / table for table in data.TABLES})
    samite_cpu, datafusion_cpu, walls, wrong = {}, {}, {}, []
    with serving(options, data.tpch_mesh(options)) as server, server.connect() as connection, connection.cursor() as cursor:
        for turn in range(options.rounds + 1):
            for number in options.queries:
                sides = [lambda: ask_samite(server, cursor, query(number, mesh_names, options.scale_factor)),
                         lambda: datafusion.ask(query(number, own_names, options.scale_factor))]
                order = (0, 1) if (turn + number) % 2 == 0 else (1, 0)
                answers = {side: sides[side]() for side in order}
                if turn == 0:
                    expected = duckdb_answer(options, query(number, own_names, options.scale_factor))
                    difference = compare(answers[0][0], expected)
                    if difference:
                        wrong.append(f"q{number:02}: {difference}")
                    continue
                samite_cpu.setdefault(number, []).append(answers[0][1])
                datafusion_cpu.setdefault(number, []).append(answers[1][1])
                walls.setdefault(number, []).append(answers[0][2])
        peak = server.peak_megabytes()
    datafusion.stop()
    return report(options, samite_cpu, datafusion_cpu, walls, wrong, peak)


def report(options, samite_cpu, datafusion_cpu, walls, wrong, peak):
    print(f"### TPC-H, scale factor {options.scale_factor:g}: CPU seconds, medians of {options.rounds} interleaved rounds\n")
    print("| query | Samite | DataFusion 55 | ratio | Samite wall s |\n|---|---:|---:|---:|---:|")
    ours, theirs = {}, {}
    for number in samite_cpu:
        ours[number], theirs[number] = statistics.median(samite_cpu[number]), statistics.median(datafusion_cpu[number])
        print(f"| q{number:02} | {ours[number]:.2f} | {theirs[number]:.2f} | {ours[number] / max(theirs[number], 0.01):.2f} | "
              f"{statistics.median(walls[number]):.2f} |")
    ratio = sum(ours.values()) / sum(theirs.values())
    print(f"| **all** | **{sum(ours.values()):.2f}** | **{sum(theirs.values()):.2f}** | **{ratio:.2f}** | |\n")
    print(f"CPU ratio {ratio:.3f}, at most {CPU_RATIO_MAX}: {verdict(ratio, CPU_RATIO_MAX)}. "
          f"Answers like DuckDB's: {len(options.queries) - len(wrong)} of {len(options.queries)}. Peak memory {peak:.0f} MB.\n")
    for line in wrong:
        print(f"- {line}")
    return ratio <= CPU_RATIO_MAX and not wrong


def ask_samite(server, cursor, sql):
    import time

    before, begun = server.cpu_seconds(), time.perf_counter()
    cursor.execute(sql)
    answer = cursor.fetch_arrow_table()
    wall = time.perf_counter() - begun
    return answer.to_pylist(), server.cpu_seconds() - before, wall


class Peer:
    """DataFusion in a process of its own."""

    def __init__(self, folders):
        """`folders`: that of each table."""
        context = multiprocessing.get_context("spawn")
        self.end, other = context.Pipe()
        self.process = context.Process(target=serve_datafusion, args=(other, folders), daemon=True)
        self.process.start()

    def ask(self, sql):
        self.end.send(sql)
        cpu = self.end.recv()
        return None, cpu, None

    def stop(self):
        self.end.send(None)
        self.process.join(10)


def serve_datafusion(end, folders):
    from datafusion import SessionContext

    context = SessionContext()
    for table, folder in folders.items():
        context.register_parquet(table, str(folder))
    while (sql := end.recv()) is not None:
        before = own_cpu_seconds()
        context.sql(sql).collect()
        end.send(own_cpu_seconds() - before)


def own_cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def duckdb_answer(options, sql):
    import duckdb

    connection = duckdb.connect()
    for table in data.TABLES:
        connection.execute(f"create view {table} as from read_parquet('{data.tpch_folder(options)}/parquet/{table}/*.parquet')")
    return connection.sql(sql).to_arrow_table().to_pylist()


def compare(ours, expected):
    """What differs first between two answers, or None."""
    if len(ours) != len(expected):
        return f"{len(ours)} rows instead of {len(expected)}"
    for mine, theirs in zip(sorted(map(row, ours), key=rough), sorted(map(row, expected), key=rough)):
        if len(mine) != len(theirs) or not all(map(same, mine, theirs)):
            return f"{mine} instead of {theirs}"
    return None


def row(record):
    return [float(value) if isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool) else value
            for value in record.values()]


def rough(values):
    """Sorts rows by what is exact first, so that a tiny difference does not change the order."""
    exact = [str(value) for value in values if not isinstance(value, float)]
    return exact, [round(value, 3) for value in values if isinstance(value, float)]


def same(mine, theirs):
    if isinstance(mine, float) and isinstance(theirs, float):
        return math.isclose(mine, theirs, rel_tol=RELATIVE_ERROR, abs_tol=ABSOLUTE_ERROR)
    return mine == theirs or str(mine) == str(theirs)
