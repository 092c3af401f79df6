"""Writes Delta tables and the writer's own answers to what is in them.

    python tests/delta_tables.py FOLDER [CASES...]

FOLDER/<case>/table is a table, FOLDER/<case>/v<version>.parquet its rows at a version, as deltalake reads them. Cases that
deltalake cannot write (column mapping, deletion vectors, a clone) are written by hand after the Delta protocol, with the rows
that the protocol says they have.
"""

import datetime
import decimal
import json
import os
import pathlib
import struct
import sys
import uuid
import zlib

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, write_deltalake
from pyroaring import BitMap64

UTC = datetime.timezone.utc
D = decimal.Decimal


class Case:
    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder) / name
        self.table = self.folder / "table"
        self.folder.mkdir(parents=True)

    def write(self, data, **options):
        write_deltalake(self.table, data, mode=options.pop("mode", "append"), **options)
        return self

    def open(self):
        return DeltaTable(self.table)

    def answers(self, versions=None):
        """Keeps what deltalake reads at each version."""
        newest = DeltaTable(self.table).version()
        for version in versions if versions is not None else range(newest + 1):
            rows = DeltaTable(self.table, version=version).to_pyarrow_table()
            self.answer(version, rows)

    def answer(self, version, rows):
        pq.write_table(rows, self.folder / f"v{version}.parquet")


def at(hour, micros=0):
    return datetime.datetime(2026, 2, 28, hour, 59, 59, micros)


def types(folder):
    """Every ordinary type, with NULLs, in several files."""
    schema = pa.schema([
        ("flag", pa.bool_()), ("tiny", pa.int8()), ("small", pa.int16()), ("int", pa.int32()), ("long", pa.int64()),
        ("float", pa.float32()), ("double", pa.float64()), ("price", pa.decimal128(9, 2)), ("huge", pa.decimal128(38, 10)),
        ("day", pa.date32()), ("instant", pa.timestamp("us", "UTC")), ("local", pa.timestamp("us")), ("text", pa.string()),
        ("bytes", pa.binary()), ("items", pa.list_(pa.int64())), ("point", pa.struct([("x", pa.int32()), ("y", pa.string())])),
        ("tags", pa.map_(pa.string(), pa.int64())), ("deep", pa.list_(pa.struct([("n", pa.string())]))),
    ])
    rows = [
        dict(flag=True, tiny=-128, small=-32768, int=-2**31, long=-2**63, float=-0.0, double=float("nan"), price=D("-1234567.89"),
             huge=D("1234567890123456789012345678.0123456789"), day=datetime.date(1969, 12, 31), instant=at(1, 123456).replace(tzinfo=UTC),
             local=at(2, 999999), text="", bytes=b"", items=[], point=dict(x=1, y=None), tags=[], deep=[dict(n="a"), None]),
        dict(flag=False, tiny=127, small=32767, int=2**31 - 1, long=2**63 - 1, float=1.5, double=float("inf"), price=D("0.01"),
             huge=D("-0.0000000001"), day=datetime.date(9999, 12, 31), instant=datetime.datetime(1900, 1, 1, tzinfo=UTC),
             local=datetime.datetime(1, 1, 1), text="ä€𝄞 \"quoted\" 'x' \\ \n", bytes=b"\x00\xff", items=[1, None, 3],
             point=dict(x=None, y="y"), tags=[("k", 1), ("l", None)], deep=[]),
        {name: None for name in schema.names},
    ]
    case = Case(folder, "types")
    for row in rows + [rows[0]]:
        case.write(pa.Table.from_pylist([row], schema=schema))
    case.write(pa.Table.from_pylist(rows, schema=schema)).answers()


def partitions(folder):
    """Partition values of every type that partitions, NULL and odd characters among them."""
    texts = ["plain", "a b", "100%", "x/y", "ä+ö", "k=v", "#?&;", "%2F", "..", "a:b", "'q\"", None, "__HIVE_DEFAULT_PARTITION__x"]
    rows = [dict(text=text, number=(None if i % 5 == 4 else i % 3), id=i) for i, text in enumerate(texts * 2)]
    schema = pa.schema([("text", pa.string()), ("number", pa.int32()), ("id", pa.int64())])
    case = Case(folder, "partitions")
    case.write(pa.Table.from_pylist(rows[:13], schema=schema), partition_by=["text", "number"])
    case.write(pa.Table.from_pylist(rows[13:], schema=schema))
    case.answers()

    typed = Case(folder, "typed_partitions")
    schema = pa.schema([
        ("id", pa.int64()), ("day", pa.date32()), ("instant", pa.timestamp("us", "UTC")), ("flag", pa.bool_()),
        ("price", pa.decimal128(9, 2)), ("long", pa.int64()),
    ])
    rows = [
        dict(id=1, day=datetime.date(1969, 1, 1), instant=at(1, 5).replace(tzinfo=UTC), flag=True, price=D("1.10"), long=-5),
        dict(id=2, day=datetime.date(2026, 1, 1), instant=at(1).replace(tzinfo=UTC), flag=False, price=D("100.00"), long=2**60),
        dict(id=3, day=None, instant=None, flag=None, price=None, long=None),
    ]
    typed.write(pa.Table.from_pylist(rows, schema=schema), partition_by=["day", "instant", "flag", "price", "long"]).answers()


def numbers(start, count, **more):
    ids = list(range(start, start + count))
    columns = {"id": pa.array(ids, pa.int64()), "name": pa.array([f"n{i}" for i in ids]),
               "part": pa.array([["red", "green", None][i % 3] for i in ids], pa.string())}
    return pa.table(columns | {name: pa.array([make(i) for i in ids]) for name, make in more.items()})


def commits(folder):
    """Appends, deletes, updates, merges, overwrites, compaction: each version keeps its rows."""
    case = Case(folder, "commits")
    for start in (0, 100, 200):
        case.write(numbers(start, 50), partition_by=["part"])
    case.open().delete("id % 7 = 0")
    case.open().update(predicate="id > 220", updates={"name": "'changed'"})
    changes = pa.table({"id": pa.array([1, 2, 1000], pa.int64()), "name": ["merged", "merged", "new"], "part": ["red", "green", "blue"]})
    (case.open().merge(changes, "t.id = s.id", source_alias="s", target_alias="t")
        .when_matched_update_all().when_not_matched_insert_all().execute())
    case.write(numbers(500, 5).filter(pc.field("part") == "red"), mode="overwrite", predicate="part = 'red'")
    case.open().optimize.compact()
    case.open().delete("part IS NULL")
    case.answers()


def added_columns(folder):
    case = Case(folder, "added_columns")
    case.write(numbers(0, 10))
    case.write(numbers(10, 10, score=lambda i: i / 2), schema_mode="merge")
    case.write(numbers(20, 10), schema_mode="merge")
    case.write(numbers(30, 10, more=lambda i: {"a": i}), schema_mode="merge")
    case.answers()


def checkpoints(folder):
    """A checkpoint with commits after it, and nothing of the log before it."""
    case = Case(folder, "checkpoints")
    for start in range(0, 120, 10):
        case.write(numbers(start, 10), partition_by=["part"])
    case.open().delete("id < 15")
    case.open().create_checkpoint()
    for start in (200, 300):
        case.write(numbers(start, 10))
    newest = case.open().version()
    log = case.table / "_delta_log"
    for commit in log.glob("*.json"):
        if commit.stem.isdigit() and int(commit.stem) < newest - 2:
            commit.unlink()
    case.answers([newest - 1, newest])


def empty(folder):
    case = Case(folder, "empty")
    DeltaTable.create(case.table, schema=pa.schema([("id", pa.int64()), ("name", pa.string())]))
    case.answers()
    emptied = Case(folder, "emptied")
    emptied.write(numbers(0, 5))
    emptied.open().delete()
    emptied.answers()


# ---- by hand


def commit(case, version, actions):
    log = case.table / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    text = "\n".join(json.dumps(action) for action in actions)
    (log / f"{version:020}.json").write_text(text + "\n")


def protocol(*features):
    return {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": list(features),
                         "writerFeatures": list(features)}}


def metadata(fields, partitions=(), **configuration):
    return {"metaData": {
        "id": "00000000-0000-0000-0000-000000000000", "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}), "partitionColumns": list(partitions),
        "configuration": configuration, "createdTime": 0}}


def add(path, file, partition_values=None, vector=None, **statistics):
    action = {"path": path, "partitionValues": partition_values or {}, "size": file.stat().st_size, "modificationTime": 0,
              "dataChange": True, "stats": json.dumps({"numRecords": pq.ParquetFile(file).metadata.num_rows} | statistics)}
    return {"add": action | ({"deletionVector": vector} if vector else {})}


def mapped(name, data_type, id, physical):
    return {"name": name, "type": data_type, "nullable": True,
            "metadata": {"delta.columnMapping.id": id, "delta.columnMapping.physicalName": physical}}


def column_mapping(folder):
    """Names of the table that are not the names of the files: renamed, swapped, dropped and made again."""
    for mode in ("name", "id"):
        case = Case(folder, f"mapped_by_{mode}")
        def ids(schema):
            return pa.schema([f.with_metadata({"PARQUET:field_id": str(i)}) for f, i in schema])
        # In mode id the names of the files mean nothing: they are those of other columns.
        names = ("col-a", "col-b", "col-s") if mode == "name" else ("b", "a", "zzz")
        nested = pa.struct([pa.field("col-x" if mode == "name" else "q", pa.int64(), metadata={"PARQUET:field_id": "5"})])
        schema = ids([(pa.field(names[0], pa.int64()), 1), (pa.field(names[1], pa.string()), 2), (pa.field(names[2], nested), 4)])
        case.table.mkdir()
        file = case.table / "part-0.parquet"
        inner = nested.field(0).name
        pq.write_table(pa.Table.from_pylist([{names[0]: i, names[1]: f"t{i}", names[2]: {inner: i * 10}} for i in range(6)], schema=schema), file)
        struct_type = {"type": "struct", "fields": [mapped("x", "long", 5, "col-x")]}
        fields = [mapped("b", "long", 1, "col-a"), mapped("a", "string", 2, "col-b"), mapped("part", "string", 3, "col-p"),
                  mapped("s", struct_type, 4, "col-s"), mapped("new", "long", 6, "col-n")]
        feature = {"delta.columnMapping.mode": mode, "delta.columnMapping.maxColumnId": "6"}
        commit(case, 0, [protocol("columnMapping"), metadata(fields, ["part"], **feature),
                         add("part-0.parquet", file, {"col-p": "p 1"}, minValues={"col-a": 0}, maxValues={"col-a": 5}, nullCount={"col-a": 0})])
        case.answer(0, pa.Table.from_pylist(
            [{"b": i, "a": f"t{i}", "part": "p 1", "s": {"x": i * 10}, "new": None} for i in range(6)],
            schema=pa.schema([("b", pa.int64()), ("a", pa.string()), ("part", pa.string()), ("s", pa.struct([("x", pa.int64())])),
                              ("new", pa.int64())])))


Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def z85(data):
    text = ""
    for (value,) in struct.iter_unpack(">I", data + b"\0" * (-len(data) % 4)):
        text += "".join(Z85[value // 85**power % 85] for power in (4, 3, 2, 1, 0))
    return text


def deletion_vectors(folder):
    """Vectors in a file, in a folder, by location, and in the log itself."""
    case = Case(folder, "deletion_vectors")
    case.table.mkdir()
    rows, actions, left = 5000, [], []
    deleted = [[0, 1, 2, 4999], list(range(0, 5000, 3)), [17], list(range(5000))]
    for i, gone in enumerate(deleted):
        file = case.table / f"part-{i}.parquet"
        ids = range(i * rows, (i + 1) * rows)
        pq.write_table(pa.table({"id": pa.array(ids, pa.int64())}), file, row_group_size=700)
        data = struct.pack("<I", 1681511377) + BitMap64(gone).serialize()
        vector = {"sizeInBytes": len(data), "cardinality": len(gone)}
        if i == 3:
            vector |= {"storageType": "i", "pathOrInlineDv": z85(data)}
        else:
            id = uuid.UUID(int=i)
            prefix = ["", "ab", ""][i]
            target = case.table / prefix / f"deletion_vector_{id}.bin"
            target.parent.mkdir(exist_ok=True)
            framed = struct.pack(">I", len(data)) + data + struct.pack(">I", zlib.crc32(data))
            target.write_bytes(b"\x01" + b"\x07" * i + framed)
            where = {"storageType": "p", "pathOrInlineDv": f"file://{target}"} if i == 2 else {
                "storageType": "u", "pathOrInlineDv": prefix + z85(id.bytes)}
            vector |= where | {"offset": 1 + i}
        actions.append(add(file.name, file, vector=vector, tightBounds=False, minValues={"id": ids[0]}, maxValues={"id": ids[-1]},
                           nullCount={"id": 0}))
        left += [id for at, id in enumerate(ids) if at not in set(gone)]
    fields = [{"name": "id", "type": "long", "nullable": True, "metadata": {}}]
    commit(case, 0, [protocol("deletionVectors"), metadata(fields)] + actions)
    case.answer(0, pa.table({"id": pa.array(left, pa.int64())}))


def clone(folder):
    """A shallow clone: its log names files of another table by their location."""
    source = Case(folder, "cloned")
    source.write(numbers(0, 10))
    source.answers()
    case = Case(folder, "clone")
    fields = [{"name": n, "type": t, "nullable": True, "metadata": {}} for n, t in
              (("id", "long"), ("name", "string"), ("part", "string"))]
    files = sorted(source.table.glob("*.parquet"))
    commit(case, 0, [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}, metadata(fields)] +
           [add(f"file://{file}", file) for file in files])
    case.answer(0, DeltaTable(source.table).to_pyarrow_table())


def main(folder, *names):
    makers = (types, partitions, commits, added_columns, checkpoints, empty, column_mapping, deletion_vectors, clone)
    for make in makers:
        if not names or make.__name__ in names:
            make(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
    # All is written. Threads of the writers' libraries can abort an interpreter that stops while they live.
    sys.stderr.flush()
    os._exit(0)
