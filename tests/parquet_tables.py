"""Writes folders of Parquet files in many forms, and what is in them in the plainest form.

    python tests/parquet_tables.py FOLDER [CASES...]

FOLDER/<case>/table is a folder of files as pyarrow writes them, FOLDER/<case>/v0.parquet the same rows without encodings, codecs,
dictionaries and statistics.
"""

import datetime
import decimal
import itertools
import os
import pathlib
import sys

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

UTC = datetime.timezone.utc
D = decimal.Decimal


class Case:
    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder) / name
        self.table = self.folder / "table"
        self.table.mkdir(parents=True)

    def write(self, name, table, **options):
        target = self.table / name
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, target, **options)

    def answer(self, table):
        pq.write_table(table, self.folder / "v0.parquet", use_dictionary=False, compression="none", write_statistics=False,
                       column_encoding="PLAIN", store_schema=False)


def flat(start, count):
    """Rows of every physical type, NULL in each column."""
    def column(make, data_type):
        return pa.array([None if i % 7 == 3 else make(i) for i in range(start, start + count)], data_type)
    return pa.table({
        "id": pa.array(range(start, start + count), pa.int64()),
        "int": column(lambda i: (-1) ** i * i * 1000003 % 2**31, pa.int32()),
        "long": column(lambda i: (-1) ** i * i * 2**40, pa.int64()),
        "float": column(lambda i: i / 3, pa.float32()),
        "double": column(lambda i: -i / 7, pa.float64()),
        "flag": column(lambda i: i % 3 == 0, pa.bool_()),
        "text": column(lambda i: f"prefix/{i // 10}/é{i}" * (i % 4), pa.string()),
        "bytes": column(lambda i: bytes([i % 256]) * (i % 5), pa.binary()),
        "fixed": column(lambda i: i.to_bytes(16, "big"), pa.binary(16)),
        "at": column(lambda i: datetime.datetime(2026, 1, 1) + datetime.timedelta(microseconds=i * 999_983), pa.timestamp("us")),
    })


ENCODINGS = {
    "plain": {name: "PLAIN" for name in flat(0, 1).column_names},
    "delta": {"id": "DELTA_BINARY_PACKED", "int": "DELTA_BINARY_PACKED", "long": "DELTA_BINARY_PACKED", "at": "DELTA_BINARY_PACKED",
              "text": "DELTA_BYTE_ARRAY", "bytes": "DELTA_LENGTH_BYTE_ARRAY", "fixed": "DELTA_BYTE_ARRAY", "flag": "RLE"},
    "split": {"id": "BYTE_STREAM_SPLIT", "int": "BYTE_STREAM_SPLIT", "long": "BYTE_STREAM_SPLIT", "float": "BYTE_STREAM_SPLIT",
              "double": "BYTE_STREAM_SPLIT", "fixed": "BYTE_STREAM_SPLIT", "text": "DELTA_LENGTH_BYTE_ARRAY", "bytes": "DELTA_BYTE_ARRAY"},
    "dictionary": None,
}
CODECS = ("none", "snappy", "gzip", "brotli", "lz4", "zstd")


def encodings(folder):
    """Every encoding with every codec in pages of both versions; several pages and row groups in each file."""
    case = Case(folder, "encodings")
    start, parts = 0, []
    for (name, encoding), codec, version in itertools.product(ENCODINGS.items(), CODECS, ("1.0", "2.0")):
        part = flat(start, 60)
        start += 60
        how = {"use_dictionary": True} if encoding is None else {"use_dictionary": False, "column_encoding": encoding}
        case.write(f"{name}-{codec}-{version}.parquet", part, compression=codec, data_page_version=version, row_group_size=37,
                   data_page_size=64, write_batch_size=8, write_page_index=start % 120 == 0, **how)
        parts.append(part)
    case.answer(pa.concat_tables(parts))


def nested(folder):
    """Lists, structs and maps in each other, with NULL and nothing at every depth."""
    case = Case(folder, "nested")
    tags = pa.map_(pa.string(), pa.list_(pa.int64()))
    event = pa.struct([("at", pa.timestamp("us", "UTC")), ("tags", tags), ("inner", pa.struct([("x", pa.int32()), ("y", pa.list_(pa.string()))]))])
    schema = pa.schema([
        ("id", pa.int64()), ("events", pa.list_(event)), ("matrix", pa.list_(pa.list_(pa.float64()))), ("by_name", pa.map_(pa.string(), event)),
        ("wide", pa.large_list(pa.int64())), ("pair", pa.list_(pa.int32(), 2)), ("one", event), ("numbered", pa.map_(pa.int32(), pa.map_(pa.int32(), pa.bool_()))),
    ])
    some = {"at": datetime.datetime(2026, 2, 28, 1, tzinfo=UTC), "tags": [("a", [1, None]), ("b", None), ("c", [])], "inner": {"x": 1, "y": ["p", None]}}
    bare = {"at": None, "tags": None, "inner": None}
    hollow = {"at": None, "tags": [], "inner": {"x": None, "y": []}}
    rows = [
        dict(id=1, events=[some, None, bare, hollow], matrix=[[1.5, None], None, []], by_name=[("k", some), ("n", None)], wide=[2**62, None],
             pair=[1, None], one=some, numbered=[(1, [(2, True), (3, None)]), (4, None), (5, [])]),
        dict(id=2, events=[], matrix=[], by_name=[], wide=[], pair=[3, 4], one=hollow, numbered=[]),
        dict(id=3, events=None, matrix=None, by_name=None, wide=None, pair=None, one=None, numbered=None),
        dict(id=4, events=[hollow], matrix=[[]], by_name=[("h", bare)], wide=[0], pair=[None, None], one=bare, numbered=[(0, [])]),
    ]
    table = pa.Table.from_pylist(rows, schema=schema)
    case.write("a.parquet", table, row_group_size=2)
    case.write("b.parquet", table, row_group_size=1, data_page_version="2.0", use_compliant_nested_type=False)
    case.answer(pa.concat_tables([table, table]))


def numbers(folder):
    """Unsigned integers, small integers, decimals as numbers and as bytes, halves of floats."""
    case = Case(folder, "numbers")
    columns = {}
    for bits in (8, 16, 32, 64):
        columns[f"u{bits}"] = pa.array([0, 2**bits - 1, 2 ** (bits - 1), None], getattr(pa, f"uint{bits}")())
        columns[f"i{bits}"] = pa.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, -1, None], getattr(pa, f"int{bits}")())
    for precision, scale in ((4, 2), (9, 0), (9, 9), (18, 4), (38, 10)):
        most = D(10**precision - 1).scaleb(-scale, decimal.Context(prec=60))
        columns[f"d{precision}_{scale}"] = pa.array([most.copy_negate(), most, D(0), None], pa.decimal128(precision, scale))
    columns["half"] = pa.array([1.5, -0.0, 65504.0, None], pa.float16())
    table = pa.table(columns)
    case.write("integers.parquet", table, store_decimal_as_integer=True, row_group_size=1)
    case.write("bytes.parquet", table, row_group_size=3)
    case.answer(pa.concat_tables([table, table]))


def instants(folder):
    """The 96 bits of old writers, far from today, and every unit of time."""
    case = Case(folder, "instants")
    far = [datetime.datetime(1, 1, 1), datetime.datetime(1582, 10, 4), datetime.datetime(1969, 12, 31, 23, 59, 59, 999999), datetime.datetime(9999, 12, 31), None]
    table = pa.table({"id": pa.array(range(5), pa.int64()), "old": pa.array(far, pa.timestamp("us", "UTC"))})
    case.write("a.parquet", table, use_deprecated_int96_timestamps=True)
    case.write("b.parquet", table, use_deprecated_int96_timestamps=True, use_dictionary=False, row_group_size=1)
    case.answer(pa.concat_tables([table, table]))

    units = Case(folder, "units")
    at = datetime.datetime(2026, 2, 28, 23, 59, 59, 123000)
    table = pa.table({
        "ms": pa.array([at, None], pa.timestamp("ms")), "us": pa.array([at, None], pa.timestamp("us")), "ns": pa.array([at, None], pa.timestamp("ns")),
        "utc": pa.array([at, None], pa.timestamp("us", "UTC")), "zone": pa.array([at, None], pa.timestamp("us", "Europe/Stockholm")),
        "day": pa.array([datetime.date(1, 1, 1), None], pa.date32()), "clock": pa.array([datetime.time(23, 59, 59, 999999), None], pa.time64("us")),
        "clock_ms": pa.array([datetime.time(23, 59, 59, 999000), None], pa.time32("ms")), "span": pa.array([datetime.timedelta(days=-1), None], pa.duration("us")),
    })
    units.write("a.parquet", table)
    # Spans of time are told by the Arrow schema alone.
    pq.write_table(table, units.folder / "v0.parquet", use_dictionary=False, compression="none")


def dictionaries(folder):
    case = Case(folder, "dictionaries")
    texts, codes = ["red", None, "green", "red"], [7, 8, None, 7]
    held = pa.table({"text": pa.array(texts).dictionary_encode(), "code": pa.array(codes, pa.int64()), "id": pa.array(range(4))})
    plain = pa.table({"text": pa.array(texts), "code": pa.array(codes, pa.int64()), "id": pa.array(range(4))})
    case.write("a.parquet", held)
    case.write("b.parquet", plain)
    case.answer(pa.concat_tables([plain, plain]))


def grown(folder):
    """Files of one table over the years: columns come, types widen, structs grow at any depth."""
    case = Case(folder, "grown")
    ages = [
        pa.schema([("id", pa.int32()), ("f", pa.float32()), ("s", pa.struct([("x", pa.int32())])), ("l", pa.list_(pa.struct([("a", pa.int16())]))),
                   ("d", pa.decimal128(4, 2)), ("u", pa.uint8()), ("t", pa.timestamp("ms")), ("m", pa.map_(pa.string(), pa.int32()))]),
        pa.schema([("id", pa.int64()), ("name", pa.string()), ("f", pa.float64()), ("s", pa.struct([("y", pa.string()), ("x", pa.int64())])),
                   ("l", pa.large_list(pa.struct([("b", pa.string()), ("a", pa.int32())]))), ("d", pa.decimal128(12, 4)), ("u", pa.uint32()),
                   ("t", pa.timestamp("us")), ("m", pa.map_(pa.string(), pa.int64()))]),
    ]
    at = datetime.datetime(2026, 2, 28, 1, 2, 3, 4000)
    old = [dict(id=-2**31, f=0.5, s={"x": 1}, l=[{"a": 1}, None], d=D("99.99"), u=255, t=at, m=[("k", 1)]), {name: None for name in ages[0].names}]
    new = [dict(id=2**62, name="n", f=0.1, s={"y": "y", "x": 2**40}, l=[{"b": "b", "a": 2**31 - 1}], d=D("12345678.0001"), u=2**32 - 1,
                t=at.replace(microsecond=1), m=[("k", 2**40)])]
    case.write("2024/a.parquet", pa.Table.from_pylist(old, schema=ages[0]))
    case.write("2025/b.parquet", pa.Table.from_pylist(new, schema=ages[1]))
    # In the order in which columns were first seen.
    answer = pa.schema([("id", pa.int64()), ("f", pa.float64()), ("s", pa.struct([("x", pa.int64()), ("y", pa.string())])),
                        ("l", pa.list_(pa.struct([("a", pa.int32()), ("b", pa.string())]))), ("d", pa.decimal128(12, 4)), ("u", pa.uint32()),
                        ("t", pa.timestamp("us")), ("m", pa.map_(pa.string(), pa.int64())), ("name", pa.string())])
    case.answer(pa.Table.from_pylist([{name: row.get(name) for name in answer.names} for row in old + new], schema=answer))


def hive(folder):
    """Folders as pyarrow names them, values with every character among them."""
    case = Case(folder, "hive")
    texts = ["plain", "a b", "100%", "x/y", "ä+ö", "k=v", "#?&;", "%2F", "a:b", "'q\"", None]
    table = pa.table({"text": pa.array(texts), "year": pa.array([2024 + i % 2 for i in range(len(texts))], pa.int32()), "id": pa.array(range(len(texts)))})
    ds.write_dataset(table, case.table, format="parquet", partitioning=ds.partitioning(pa.schema([("year", pa.int32()), ("text", pa.string())]), flavor="hive"))
    answer = table.select(["id", "year", "text"])
    # Folders are text where no contract says more.
    case.answer(answer.set_column(1, "year", answer["year"].cast(pa.string())))


def main(folder, *names):
    for make in (encodings, nested, numbers, instants, dictionaries, grown, hive):
        if not names or make.__name__ in names:
            make(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
    # All is written. Threads of the writers' libraries can abort an interpreter that stops while they live.
    sys.stderr.flush()
    os._exit(0)
