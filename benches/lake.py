"""Scans of Delta and Iceberg against those of plain Parquet over the same data files, and selective queries against DuckDB.

    formats    lineitem whole, and with 5 % of its rows deleted: CPU of the server, ratios to Samite's own Parquet and to DataFusion's
    selective  a day of a table by month, a key of a sorted table, a key in ten thousand files: wall time against DuckDB that is handed
               the list of the table's files; files that were read; planning of a table of ten thousand files
"""

import math
import statistics
import time

import data
import lake_data
from server import serving, verdict
from tpch import Peer, compare

SAME_MAX, DELETED_MAX, DATAFUSION_MAX = 1.05, 1.15, 1.03
DELTA_WALL_MAX, ICEBERG_WALL_MAX, PLAN_MS_MAX = 0.75, 0.9, 300

SCANS = {
    "one column": "SELECT sum(l_orderkey) AS a FROM {table}",
    "numbers": "SELECT sum(l_extendedprice * l_discount) AS a FROM {table} WHERE l_quantity < 24 AND l_discount BETWEEN 0.05 AND 0.07",
    "groups": "SELECT l_returnflag, l_linestatus, sum(l_quantity) AS a, avg(l_extendedprice) AS b, count(*) AS c FROM {table} GROUP BY 1, 2",
    "texts": "SELECT count(*) AS a FROM {table} WHERE l_comment LIKE '%special%requests%'",
    "all columns": "SELECT " + ", ".join(
        [f"sum({name}) AS {name}" for name in ("l_orderkey", "l_partkey", "l_suppkey", "l_linenumber", "l_quantity", "l_extendedprice", "l_discount", "l_tax")]
        + [f"sum(length({name})) AS {name}" for name in ("l_returnflag", "l_linestatus", "l_shipinstruct", "l_shipmode", "l_comment")]
        + [f"sum(date_part('day', {name})) AS {name}" for name in ("l_shipdate", "l_commitdate", "l_receiptdate")]) + " FROM {table}",
}
SELECTIVE = [
    ("a day, by month", ("delta_month", "iceberg_month"), "SELECT count(*) AS a, sum(l_extendedprice) AS b FROM {table} WHERE l_shipdate = DATE '1995-03-15'"),
    ("a key, sorted", ("delta", "iceberg"), "SELECT l_linenumber, l_comment FROM {table} WHERE l_orderkey = 3000001"),
    ("a key in 10,000 files", ("delta_files", "iceberg_files"), "SELECT value FROM {table} WHERE key = 777777"),
]


def name_of(product):
    return f"lake.{product}.{lake_data.PRODUCTS[product][1]}"


class Asked:
    """One connection to a server, and what a query costs."""

    def __init__(self, server, cursor):
        self.server, self.cursor = server, cursor

    def ask(self, sql):
        before, begun = self.server.cpu_seconds(), time.perf_counter()
        self.cursor.execute(sql)
        rows = self.cursor.fetch_arrow_table().to_pylist()
        return rows, self.server.cpu_seconds() - before, time.perf_counter() - begun


def measure_formats(options):
    lake_data.make(options)
    products = ["plain", "delta", "iceberg", "delta_deleted", "iceberg_deleted"]
    cpu = {(name, product): [] for name in SCANS for product in [*products, "DataFusion"]}
    datafusion, wrong = Peer({"lineitem": lake_data.table_folder(options, "plain")}), []
    with serving(options, lake_data.mesh(options)) as server, server.connect() as connection, connection.cursor() as cursor:
        asked = Asked(server, cursor)
        for turn in range(options.rounds + 1):
            for name, sql in SCANS.items():
                answers = {}
                for product in products if turn % 2 else products[::-1]:
                    answers[product], seconds, _ = asked.ask(sql.format(table=name_of(product)))
                    cpu[name, product].append(seconds)
                cpu[name, "DataFusion"].append(datafusion.ask(sql.format(table="lineitem"))[1])
                for one, other in (("plain", "delta"), ("plain", "iceberg"), ("delta_deleted", "iceberg_deleted")):
                    difference = compare(answers[one], answers[other])
                    wrong += [f"{name}: {other} gives {difference}"] if difference else []
    datafusion.stop()
    return report_formats(options, cpu, products, wrong)


def report_formats(options, cpu, products, wrong):
    print(f"### lineitem in three formats over the same files: CPU seconds, medians of {options.rounds} interleaved rounds\n")
    columns = [*products, "DataFusion"]
    print(f"| scan | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    median = {key: max(statistics.median(values[1:]), 0.01) for key, values in cpu.items()}
    for name in SCANS:
        print(f"| {name} | {' | '.join(f'{median[name, column]:.2f}' for column in columns)} |")
    ratio = {column: math.exp(statistics.mean(math.log(median[name, column] / median[name, "plain"]) for name in SCANS)) for column in columns}
    print(f"| **to plain** | {' | '.join(f'**{ratio[column]:.2f}**' for column in columns)} |\n")
    limits = {"delta": SAME_MAX, "iceberg": SAME_MAX, "delta_deleted": DELETED_MAX, "iceberg_deleted": DELETED_MAX}
    good = not wrong
    for column, limit in limits.items():
        print(f"- {column}: {ratio[column]:.3f}, at most {limit}: {verdict(ratio[column], limit)}")
        good &= ratio[column] <= limit
    own = 1 / ratio["DataFusion"]
    print(f"- plain against DataFusion 55 embedded: {own:.3f}, at most {DATAFUSION_MAX}: {verdict(own, DATAFUSION_MAX)}")
    print("".join(f"- {line}\n" for line in sorted(set(wrong))))
    return good and own <= DATAFUSION_MAX


def measure_selective(options):
    import duckdb

    lake_data.make(options)
    good, ratios = True, {"delta": [], "iceberg": []}
    print(f"### Selective queries: wall ms, medians of {options.rounds * 3} interleaved rounds\n")
    print("| query | table | Samite | DuckDB | ratio | files read |\n|---|---|---:|---:|---:|---:|")
    with serving(options, lake_data.mesh(options)) as server, server.connect() as connection, connection.cursor() as cursor:
        asked = Asked(server, cursor)
        for name, products, sql in SELECTIVE:
            for product in products:
                table = duckdb_table(options, product)
                ours, theirs = [], []
                for turn in range(options.rounds * 3 + 1):
                    mine, _, wall = asked.ask(sql.format(table=name_of(product)))
                    begun = time.perf_counter()
                    other = duckdb.sql(sql.format(table=table)).to_arrow_table().to_pylist()
                    if turn:
                        ours.append(wall * 1000)
                        theirs.append((time.perf_counter() - begun) * 1000)
                good &= compare(mine, other) is None
                mine_ms, their_ms = statistics.median(ours), statistics.median(theirs)
                ratios[product.split("_")[0]].append(mine_ms / their_ms)
                print(f"| {name} | {product} | {mine_ms:.1f} | {their_ms:.1f} | {mine_ms / their_ms:.2f} | {files_read(cursor, sql.format(table=name_of(product)))} |")
        plan_ms = {product: planning(cursor, product) for product in ("delta_files", "iceberg_files")}
    print()
    for kind, limit in (("delta", DELTA_WALL_MAX), ("iceberg", ICEBERG_WALL_MAX)):
        ratio = math.exp(statistics.mean(map(math.log, ratios[kind])))
        good &= ratio <= limit
        print(f"- {kind}: {ratio:.2f} of DuckDB's wall time, at most {limit}: {verdict(ratio, limit)}")
    for product, ms in plan_ms.items():
        good &= ms <= PLAN_MS_MAX
        print(f"- planning {product}, warm: {ms:.0f} ms, under {PLAN_MS_MAX}: {verdict(ms, PLAN_MS_MAX)}")
    print(f"- answers like DuckDB's: {'yes' if good else 'see above'}\n")
    return good


def duckdb_table(options, product):
    folder = lake_data.table_folder(options, product)
    files = sorted(folder.glob("*.parquet")) or lake_data.data_files(folder)
    return f"read_parquet({[str(file) for file in files]})"


def files_read(cursor, sql):
    cursor.execute(f"EXPLAIN ANALYZE {sql}")
    for kind, text in zip(*cursor.fetch_arrow_table().to_pydict().values()):
        if kind == "port":
            return text.split("files ")[1].split(",")[0]
    return "?"


def planning(cursor, product):
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        cursor.execute(f"EXPLAIN SELECT value FROM {name_of(product)} WHERE key >= 0")
        cursor.fetchall()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times[1:])
