"""TPC-H: the 22 queries through Flight SQL, against DuckDB's answers and DataFusion's time.

    tpch     over three formats in three domains: CPU seconds of all queries
    parquet  over the very files that DataFusion reads: geometric means of CPU and wall time

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
import time

import data
from server import serving, verdict

CPU_RATIO_MAX = 1.1
PARQUET_CPU_MAX, PARQUET_WALL_MAX = 1.03, 1.05
RELATIVE_ERROR = ABSOLUTE_ERROR = 1e-6


def query(number, names, scale_factor):
    text = (pathlib.Path(__file__).parent / f"tpch/q{number:02}.sql").read_text(encoding="utf-8")
    return text.format(fraction=f"{0.0001 / scale_factor:.12f}", **names)


def measure(options):
    """Three formats in three domains."""
    times = run(options, data.tpch_mesh(options), {table: data.sql_name(table) for table in data.TABLES})
    print(f"### TPC-H, scale factor {options.scale_factor:g}: CPU seconds, medians of {options.rounds} interleaved rounds\n")
    report(times)
    ratio = sum(times.ours("cpu").values()) / sum(times.theirs("cpu").values())
    print(f"CPU ratio {ratio:.3f}, at most {CPU_RATIO_MAX}: {verdict(ratio, CPU_RATIO_MAX)}. {answers(options, times)}")
    return ratio <= CPU_RATIO_MAX and not times.wrong


def measure_parquet(options):
    """Nothing but the files that DataFusion reads."""
    times = run(options, data.parquet_mesh(options), {table: f"plain.tpch.{table}" for table in data.TABLES})
    print(f"### TPC-H, scale factor {options.scale_factor:g}, the same Parquet files: seconds, medians of {options.rounds} interleaved rounds\n")
    report(times)
    cpu, wall = times.mean_ratio("cpu"), times.mean_ratio("wall")
    print(f"Geometric means: CPU {cpu:.3f}, at most {PARQUET_CPU_MAX}: {verdict(cpu, PARQUET_CPU_MAX)}; "
          f"wall {wall:.3f}, at most {PARQUET_WALL_MAX}: {verdict(wall, PARQUET_WALL_MAX)}. {answers(options, times)}")
    return cpu <= PARQUET_CPU_MAX and wall <= PARQUET_WALL_MAX and not times.wrong


class Times:
    """What each query took on both sides, and which answers were wrong."""

    def __init__(self):
        self.samples, self.wrong, self.peak = {}, [], 0

    def add(self, number, ours, theirs):
        for key, value in zip(("cpu", "wall"), ours):
            self.samples.setdefault(("ours", key, number), []).append(value)
        for key, value in zip(("cpu", "wall"), theirs):
            self.samples.setdefault(("theirs", key, number), []).append(value)

    def side(self, side, key):
        return {number: max(statistics.median(values), 0.01) for (of, what, number), values in sorted(self.samples.items()) if (of, what) == (side, key)}

    def ours(self, key):
        return self.side("ours", key)

    def theirs(self, key):
        return self.side("theirs", key)

    def mean_ratio(self, key):
        ours, theirs = self.ours(key), self.theirs(key)
        return math.exp(statistics.mean(math.log(ours[number] / theirs[number]) for number in ours))


def run(options, mesh, mesh_names):
    own_names = {table: table for table in data.TABLES}
    datafusion = Peer({table: data.tpch_folder(options) / "parquet" / table for table in data.TABLES})
    times = Times()
    with serving(options, mesh) as server, server.connect() as connection, connection.cursor() as cursor:
        for turn in range(options.rounds + 1):
            for number in options.queries:
                sides = [lambda: ask_samite(server, cursor, query(number, mesh_names, options.scale_factor)),
                         lambda: datafusion.ask(query(number, own_names, options.scale_factor))]
                order = (0, 1) if (turn + number) % 2 == 0 else (1, 0)
                both = {side: sides[side]() for side in order}
                if turn:
                    times.add(number, both[0][1:], both[1][1:])
                    continue
                difference = compare(both[0][0], duckdb_answer(options, query(number, own_names, options.scale_factor)))
                times.wrong += [f"q{number:02}: {difference}"] if difference else []
        times.peak = server.peak_megabytes()
    datafusion.stop()
    return times


def report(times):
    print("| query | Samite CPU | DataFusion 55 CPU | ratio | Samite wall | DataFusion wall | ratio |\n|---|---:|---:|---:|---:|---:|---:|")
    columns = [side(key) for key in ("cpu", "wall") for side in (times.ours, times.theirs)]
    for number in columns[0]:
        print(line(f"q{number:02}", [column[number] for column in columns]))
    print(line("**all**", [sum(column.values()) for column in columns]) + "\n")


def line(name, values):
    cpu, their_cpu, wall, their_wall = values
    return f"| {name} | {cpu:.2f} | {their_cpu:.2f} | {cpu / their_cpu:.2f} | {wall:.2f} | {their_wall:.2f} | {wall / their_wall:.2f} |"


def answers(options, times):
    wrong = "".join(f"\n- {text}" for text in times.wrong)
    return f"Answers like DuckDB's: {len(options.queries) - len(times.wrong)} of {len(options.queries)}. Peak memory {times.peak:.0f} MB.\n{wrong}"


def ask_samite(server, cursor, sql):
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
        return None, *self.end.recv()

    def stop(self):
        self.end.send(None)
        self.process.join(10)


def serve_datafusion(end, folders):
    from datafusion import SessionContext

    context = SessionContext()
    for table, folder in folders.items():
        context.register_parquet(table, str(folder))
    while (sql := end.recv()) is not None:
        before, begun = own_cpu_seconds(), time.perf_counter()
        context.sql(sql).collect()
        end.send((own_cpu_seconds() - before, time.perf_counter() - begun))


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
