"""TPC-H from a store that takes its time: wall time and requests of cold queries, and what warm ones still ask for.

    cold   a fresh process of each engine for each query: Samite through Flight SQL, DataFusion (from PyPI) embedded, the same files
    warm   the same query twice, and count(*) twice: requests for metadata, requests for data
    faults all queries while one request in ten fails: their answers

Both read folders of plain Parquet through their S3 clients. Time begins when the query is sent, for DataFusion with making its tables known,
which is where it reads their footers; starting the processes is not in it.
"""

import collections
import contextlib
import math
import multiprocessing
import pathlib
import statistics
import tempfile
import time

import adbc_driver_flightsql
import adbc_driver_manager
import pyarrow

import data
from sample_mesh import Product, Version
from server import serving, verdict
from slow_store import BUCKET, FAULTS, SlowStore
from tpch import compare, duckdb_answer, query

TIME_MAX, REQUESTS_MAX = 0.8, 0.5
FAULT_SHARE = 0.1
QUERIES = [1, 3, 5, 6, 9, 12, 14, 16, 18, 22]


def measure(options):
    store = SlowStore(data.tpch_folder(options), options.pause_ms)
    with tempfile.TemporaryDirectory() as folder:
        mesh, config = write_mesh(pathlib.Path(folder), store.url)
        try:
            good = measure_cold(options, store, mesh, config)
            good &= measure_warm(options, store, mesh, config)
        finally:
            store.stop()
    return measure_faults(options) and good


def measure_faults(options):
    store = SlowStore(data.tpch_folder(options), options.pause_ms, FAULT_SHARE)
    names, own = {table: f"far.tpch.{table}" for table in data.TABLES}, {table: table for table in data.TABLES}
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        with asking(options, *write_mesh(pathlib.Path(folder), store.url)) as ask:
            for number in options.queries:
                answer = ask(query(number, names, options.scale_factor)).to_pylist()
                difference = compare(answer, duckdb_answer(options, query(number, own, options.scale_factor)))
                wrong += [f"q{number:02}: {difference}"] if difference else []
    asked = collections.Counter(one[0] for one in store.take())
    store.stop()
    failed = sum(asked[fault] for fault in FAULTS)
    print(f"\nWhile {failed} of {asked.total()} requests failed, answers like DuckDB's: {len(options.queries) - len(wrong)} of {len(options.queries)}.\n")
    print("".join(f"- {line}\n" for line in wrong), end="")
    return not wrong


def write_mesh(folder, url):
    parquet = {"type": "s3", "location": f"s3://{BUCKET}/parquet/{{model}}/", "endpointUrl": url}
    delta = {"type": "s3", "location": f"s3://{BUCKET}/mesh/domains/trade/goods/data/{{model}}", "endpointUrl": url}
    tables = {table: [] for table in data.TABLES}
    Product("far", "tpch", [Version("1.0.0", tables, server=parquet)]).write(folder / "mesh")
    Product("far", "goods", [Version("1.0.0", {"customer": []}, format="delta", server=delta)]).write(folder / "mesh")
    config = folder / "samite.toml"
    config.write_text(f'[locations]\nallow = ["s3://{BUCKET}/"]\n\n[stores."s3://{BUCKET}"]\nendpoint = "{url}"\nregion = "us-east-1"\n'
                      'credential = "bench"\n\n[credentials.bench]\naccess_key_id = "bench"\nsecret_access_key = "bench"\n', encoding="utf-8")
    return folder / "mesh", config


def measure_cold(options, store, mesh, config):
    walls, requests, read, wrong = {}, {}, {}, []
    numbers = [number for number in options.queries if number in QUERIES]
    for turn in range(options.rounds):
        for number in numbers:
            sides = {"samite": lambda: cold_samite(options, mesh, config, number), "datafusion": lambda: cold_datafusion(options, store.url, number)}
            answers = {}
            for side in sorted(sides, reverse=(turn + number) % 2 == 0):
                store.take()
                answers[side], wall = sides[side]()
                asked = store.take()
                walls.setdefault((number, side), []).append(wall)
                requests.setdefault((number, side), []).append(collections.Counter(one[0] for one in asked))
                read.setdefault((number, side), []).append(sum(one[2] for one in asked))
            difference = compare(answers["samite"], answers["datafusion"]) if turn == 0 else None
            wrong += [f"q{number:02}: {difference}"] if difference else []
    return report_cold(options, numbers, (walls, requests, read), wrong)


def report_cold(options, numbers, found, wrong):
    walls, requests, read = found
    print(f"### A store {options.pause_ms} ms away: cold queries, medians of {options.rounds} interleaved rounds\n")
    print("| query | Samite s | DataFusion 55 s | ratio | Samite requests | DataFusion requests | ratio | Samite MB | DataFusion MB |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    times, counts = [], []
    for number in numbers:
        ours, theirs = (statistics.median(walls[number, side]) for side in ("samite", "datafusion"))
        asked = {side: statistics.median(sum(one.values()) for one in requests[number, side]) for side in ("samite", "datafusion")}
        megabytes = {side: statistics.median(read[number, side]) / 1e6 for side in ("samite", "datafusion")}
        times.append(ours / theirs)
        counts.append(asked["samite"] / asked["datafusion"])
        print(f"| q{number:02} | {ours:.2f} | {theirs:.2f} | {times[-1]:.2f} | {asked['samite']:.0f} | {asked['datafusion']:.0f} | {counts[-1]:.2f} | "
              f"{megabytes['samite']:.0f} | {megabytes['datafusion']:.0f} |")
    time_ratio, count_ratio = (math.exp(statistics.mean(map(math.log, ratios))) for ratios in (times, counts))
    kinds = sum((requests[number, "samite"][0] for number in numbers), collections.Counter())
    print(f"\nGeometric means: time {time_ratio:.2f}, at most {TIME_MAX}: {verdict(time_ratio, TIME_MAX)}; "
          f"requests {count_ratio:.2f}, at most {REQUESTS_MAX}: {verdict(count_ratio, REQUESTS_MAX)}. "
          f"Samite's requests by kind: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}. "
          f"Answers alike: {len(numbers) - len(wrong)} of {len(numbers)}.\n")
    print("".join(f"- {line}\n" for line in wrong), end="")
    return time_ratio <= TIME_MAX and count_ratio <= REQUESTS_MAX and not wrong


def cold_samite(options, mesh, config, number):
    names = {table: f"far.tpch.{table}" for table in data.TABLES}
    with asking(options, mesh, config) as ask:
        begun = time.perf_counter()
        answer = ask(query(number, names, options.scale_factor))
        return answer.to_pylist(), time.perf_counter() - begun


@contextlib.contextmanager
def asking(options, mesh, config):
    """Asks a server of its own, with the statement alone: preparing it first would pin its tables once more."""
    with (serving(options, mesh, "--config", config) as server, adbc_driver_flightsql.connect(server.uri) as database,
          adbc_driver_manager.AdbcConnection(database) as connection):
        def ask(sql):
            with adbc_driver_manager.AdbcStatement(connection) as statement:
                statement.set_sql_query(sql)
                stream, _ = statement.execute_query()
                return pyarrow.RecordBatchReader.from_stream(stream).read_all()

        yield ask


def cold_datafusion(options, url, number):
    sql = query(number, {table: table for table in data.TABLES}, options.scale_factor)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(ask_datafusion, (url, sql))


def ask_datafusion(url, sql):
    from datafusion import SessionContext
    from datafusion.object_store import AmazonS3

    begun = time.perf_counter()
    context = SessionContext()
    store = AmazonS3(BUCKET, region="us-east-1", access_key_id="bench", secret_access_key="bench", endpoint=url, allow_http=True)
    context.register_object_store("s3://", store, BUCKET)
    for table in data.TABLES:
        if table in sql.lower().replace(",", " ").split():
            context.register_parquet(table, f"s3://{BUCKET}/parquet/{table}/")
    answer = pyarrow.Table.from_batches(context.sql(sql).collect())
    return answer.to_pylist(), time.perf_counter() - begun


def measure_warm(options, store, mesh, config):
    print("| asked a second time | format | listings | footers and logs | data |\n|---|---|---:|---:|---:|")
    good = True
    for table, kind in (("far.tpch.lineitem", "parquet"), ("far.goods.customer", "delta")):
        column = "l_quantity" if kind == "parquet" else "c_acctbal"
        for name, sql in (("sum", f"SELECT sum({column}) FROM {table}"), ("count(*)", f"SELECT count(*) FROM {table}")):
            with asking(options, mesh, config) as ask:
                answers = []
                for _ in range(2):
                    store.take()
                    answers.append(ask(sql))
            asked = collections.Counter(map(kind_of, store.take()))
            good &= answers[0] == answers[1] and asked["metadata"] == 0 and (name == "sum" or asked["data"] == 0)
            print(f"| {name} | {kind} | {asked['listing']} | {asked['metadata']} | {asked['data']} |")
    print(f"\nOf metadata only what asks whether the table changed, and no data for count(*): {'yes' if good else '**no**'}\n")
    return good


def kind_of(asked):
    kind, key, _, end_is_read = asked
    if kind == "LIST":
        return "listing"
    return "metadata" if kind == "HEAD" or end_is_read or not key.endswith(".parquet") else "data"
