"""Writes Iceberg tables and the writer's own answers to what is in them.

    python tests/iceberg_tables.py FOLDER [CASES...]

FOLDER/<case>/location holds the table's location; FOLDER/<case>/latest.parquet, s<snapshot id>.parquet and r<reference>.parquet
are the rows of its states, as pyiceberg reads them.
"""

import datetime
import decimal
import gzip
import json
import os
import pathlib
import sys
import time
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.expressions import EqualTo, LessThan
from pyiceberg.manifest import (DataFile, DataFileContent, FileFormat, ManifestContent, ManifestEntry, ManifestEntryStatus,
                                ManifestWriterV2, write_manifest_list)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import (BucketTransform, DayTransform, HourTransform, IdentityTransform, MonthTransform, TruncateTransform,
                                  YearTransform)
from pyiceberg.typedef import Record
from pyiceberg.types import (BinaryType, BooleanType, DateType, DecimalType, DoubleType, FixedType, FloatType, IntegerType,
                             ListType, LongType, MapType, NestedField, StringType, StructType, TimestampType, TimestamptzType,
                             TimeType, UUIDType)

UTC = datetime.timezone.utc
D = decimal.Decimal


def transformed(transform, source):
    """What pyiceberg does with an optional package, done with its own transforms of single values."""
    one = transform.transform(source)
    result = pa.int32() if transform.__class__ in (DayTransform, MonthTransform) else schema_to_pyarrow(transform.result_type(source))

    def all_of(column):
        if pa.types.is_temporal(column.type):
            column = column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
        return pa.array([one(value) for value in column.to_pylist()], result)

    return all_of


for kind in (BucketTransform, DayTransform, HourTransform, MonthTransform, TruncateTransform, YearTransform):
    kind.pyarrow_transform = transformed


class Case:
    def __init__(self, folder, name, schema, spec=PartitionSpec(), **properties):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir(parents=True)
        self.catalog = SqlCatalog("c", uri=f"sqlite:///{self.folder}/catalog.db", warehouse=f"file://{self.folder}/ware house%")
        self.catalog.create_namespace("n")
        self.table = self.catalog.create_table(f"n.{name}", schema=schema, partition_spec=spec, properties=properties)

    def append(self, rows):
        self.table.append(rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows, schema=self.arrow()))
        return self

    def arrow(self):
        return self.table.schema().as_arrow()

    def answers(self, location=None, history=True):
        """Keeps what pyiceberg reads at each snapshot and at each reference."""
        (self.folder / "location").write_text(location or self.table.location())
        self.answer("latest", self.table.scan().to_arrow())
        for snapshot in self.table.snapshots() if history else ():
            self.answer(f"s{snapshot.snapshot_id}", self.table.scan(snapshot_id=snapshot.snapshot_id).to_arrow())

    def answer(self, name, rows):
        pq.write_table(rows, self.folder / f"{name}.parquet")


def field(id, name, type, required=False):
    return NestedField(id, name, type, required=required)


def at(hour, micros=0):
    return datetime.datetime(2026, 2, 28, hour, 59, 59, micros)


def types(folder):
    """Every type of format versions 1 and 2, with NULLs, in several files."""
    schema = Schema(
        field(1, "flag", BooleanType()), field(2, "int", IntegerType()), field(3, "long", LongType()), field(4, "float", FloatType()),
        field(5, "double", DoubleType()), field(6, "price", DecimalType(9, 2)), field(7, "huge", DecimalType(38, 10)),
        field(8, "day", DateType()), field(9, "time", TimeType()), field(10, "local", TimestampType()),
        field(11, "instant", TimestamptzType()), field(12, "text", StringType()), field(13, "id", UUIDType()),
        field(14, "code", FixedType(3)), field(15, "bytes", BinaryType()),
        field(16, "items", ListType(20, LongType(), element_required=False)),
        field(17, "tags", MapType(21, StringType(), 22, LongType(), value_required=False)),
        field(18, "point", StructType(field(23, "x", IntegerType()), field(24, "y", StringType()))),
        field(19, "deep", ListType(25, StructType(field(26, "n", StringType())), element_required=False)),
    )
    rows = [
        dict(flag=True, int=-2**31, long=-2**63, float=-0.0, double=float("nan"), price=D("-1234567.89"),
             huge=D("1234567890123456789012345678.0123456789"), day=datetime.date(1969, 12, 31), time=datetime.time(23, 59, 59, 999999),
             local=at(2, 999999), instant=at(1, 123456).replace(tzinfo=UTC), text="", id=uuid.UUID(int=1).bytes, code=b"\x00\x01\xff",
             bytes=b"", items=[], tags=[], point=dict(x=1, y=None), deep=[dict(n="a"), None]),
        dict(flag=False, int=2**31 - 1, long=2**63 - 1, float=1.5, double=float("-inf"), price=D("0.01"), huge=D("-0.0000000001"),
             day=datetime.date(9999, 12, 31), time=datetime.time(0), local=datetime.datetime(1, 1, 1),
             instant=datetime.datetime(1900, 1, 1, tzinfo=UTC), text="ä€𝄞 longer than sixteen characters \U0010ffff" * 3,
             id=uuid.UUID(int=2**128 - 1).bytes, code=b"abc", bytes=b"\xff" * 40, items=[1, None, 3], tags=[("k", 1), ("l", None)],
             point=dict(x=None, y="y"), deep=[]),
        dict.fromkeys(schema.column_names),
    ]
    for version in ("1", "2"):
        case = Case(folder, f"types_v{version}", schema, **{"format-version": version})
        for row in rows:
            case.append([row])
        case.append(rows).answers()


def partitions(folder):
    """Identity partitions with NULL and odd characters, and every other transform."""
    texts = ["plain", "a b", "100%", "x/y", "ä+ö", "k=v", "#?&;", "%2F", "..", "a:b", "'q\"", None, ""]
    schema = Schema(field(1, "text", StringType()), field(2, "number", IntegerType()), field(3, "row", LongType(), required=True))
    spec = PartitionSpec(PartitionField(1, 1000, IdentityTransform(), "text"), PartitionField(2, 1001, IdentityTransform(), "number"))
    rows = [dict(text=text, number=(None if i % 5 == 4 else i % 3), row=i) for i, text in enumerate(texts * 2)]
    case = Case(folder, "partitions", schema, spec)
    case.append(rows[:13]).append(rows[13:]).answers()

    schema = Schema(
        field(1, "row", LongType()), field(2, "day", DateType()), field(3, "instant", TimestamptzType()), field(4, "text", StringType()),
        field(5, "price", DecimalType(9, 2)), field(6, "local", TimestampType()), field(7, "flag", BooleanType()))
    spec = PartitionSpec(
        PartitionField(2, 1000, IdentityTransform(), "day"), PartitionField(3, 1001, DayTransform(), "instant_day"),
        PartitionField(4, 1002, TruncateTransform(2), "text_2"), PartitionField(1, 1003, BucketTransform(3), "row_3"),
        PartitionField(5, 1004, IdentityTransform(), "price"), PartitionField(6, 1005, MonthTransform(), "local_month"),
        PartitionField(7, 1006, IdentityTransform(), "flag"))
    rows = [dict(row=i, day=datetime.date(1969, 12, 30 + i % 2), instant=datetime.datetime(1969, 12, 31, 23, i, tzinfo=UTC),
                 text=f"t{i}ä", price=D(i - 3) / 100, local=at(i), flag=i % 2 == 0) for i in range(8)]
    case = Case(folder, "transforms", schema, spec)
    case.append(rows).append([dict.fromkeys(schema.column_names)]).answers()


def pruning(folder):
    """One table for each transform, without bounds of columns: only the partitions tell what a file may hold."""
    schema = Schema(field(1, "number", LongType()), field(2, "text", StringType()), field(3, "day", DateType()),
                    field(4, "instant", TimestamptzType()), field(5, "price", DecimalType(9, 2)), field(6, "id", UUIDType()))
    rows = [dict(number=i - 3, text=f"{chr(97 + i)}text{i}", day=datetime.date(1968 + i, 1 + i, 28),
                 instant=datetime.datetime(1968 + i, 1 + i, 28, i, tzinfo=UTC), price=D(100 * i - 300) / 100, id=uuid.UUID(int=i).bytes)
            for i in range(6)] + [dict.fromkeys(schema.column_names)]
    for name, column, transform in [
            ("bucket_number", 1, BucketTransform(101)), ("bucket_text", 2, BucketTransform(101)), ("bucket_price", 5, BucketTransform(101)),
            ("bucket_id", 6, BucketTransform(101)), ("bucket_instant", 4, BucketTransform(101)), ("truncate_number", 1, TruncateTransform(2)),
            ("truncate_text", 2, TruncateTransform(1)), ("truncate_price", 5, TruncateTransform(100)), ("year", 3, YearTransform()),
            ("month", 4, MonthTransform()), ("day", 4, DayTransform()), ("hour", 4, HourTransform())]:
        spec = PartitionSpec(PartitionField(column, 1000, transform, "part"))
        case = Case(folder, f"pruning_{name}", schema, spec, **{"write.metadata.metrics.default": "none"})
        case.append(rows).answers(history=False)


def manifests(folder):
    """One manifest for each value: the manifest list tells which of them a filter needs."""
    schema = Schema(field(1, "number", LongType()), field(2, "text", StringType()), field(3, "day", DateType()),
                    field(4, "instant", TimestamptzType()), field(5, "price", DecimalType(9, 2)), field(6, "ratio", DoubleType()))
    rows = [dict(number=i - 3, text=f"{chr(97 + i)}text{i}", day=datetime.date(1968 + i, 1 + i, 28),
                 instant=datetime.datetime(1968 + i, 1 + i, 28, i, tzinfo=UTC), price=D(100 * i - 300) / 100, ratio=i / 2)
            for i in range(6)] + [dict.fromkeys(schema.column_names)]
    for name, column, transform in [
            ("identity", 2, IdentityTransform()), ("ratio", 6, IdentityTransform()), ("bucket", 1, BucketTransform(101)),
            ("truncate", 2, TruncateTransform(1)), ("price", 5, TruncateTransform(100)), ("year", 3, YearTransform()),
            ("month", 4, MonthTransform()), ("day", 4, DayTransform()), ("hour", 4, HourTransform())]:
        spec = PartitionSpec(PartitionField(column, 1000, transform, "part"))
        case = Case(folder, f"manifests_{name}", schema, spec)
        for row in rows:
            case.append([row])
        case.answers(history=False)
    # The summaries are of another type than the column has now, and another spec has none of the column.
    schema = Schema(field(1, "number", IntegerType()), field(2, "text", StringType()))
    case = Case(folder, "manifests_evolved", schema, PartitionSpec(PartitionField(1, 1000, IdentityTransform(), "part")))
    for i in range(3):
        case.append([dict(number=i, text=f"t{i}")])
    with case.table.update_schema() as update:
        update.update_column("number", LongType())
    with case.table.update_spec() as update:
        update.remove_field("part")
        update.add_field("text", TruncateTransform(2), "text_2")
    for i in range(3, 5):
        case.append([dict(number=i, text=f"t{i}")])
    case.answers(history=False)


def voided(folder):
    """A table of the first version: a field of the partitions that is given up stays, and is void."""
    case = Case(folder, "voided", NUMBERS, BY_PART, **{"format-version": "1"})
    case.append(numbers(0, 12))
    with case.table.update_spec() as update:
        update.remove_field("part")
        update.add_field("id", BucketTransform(3), "id_3")
    case.append(numbers(6, 12)).answers()


NUMBERS = Schema(field(1, "id", LongType()), field(2, "name", StringType()), field(3, "part", StringType()))
BY_PART = PartitionSpec(PartitionField(3, 1000, IdentityTransform(), "part"))


def numbers(start, count):
    return [dict(id=i, name=f"n{i}", part=["red", "green", None][i % 3]) for i in range(start, start + count)]


def commits(folder):
    """Appends, deletes, overwrites and upserts that rewrite files: each snapshot keeps its rows; a tag and a branch."""
    case = Case(folder, "commits", NUMBERS, BY_PART)
    case.append(numbers(0, 50)).append(numbers(100, 50))
    case.table.delete(LessThan("id", 20))
    case.table.manage_snapshots().create_tag(case.table.current_snapshot().snapshot_id, "year end").commit()
    case.answer("ryear end", case.table.scan().to_arrow())
    case.table.manage_snapshots().create_branch(case.table.current_snapshot().snapshot_id, "side").commit()
    case.table.append(pa.Table.from_pylist(numbers(900, 3), schema=case.arrow()), branch="side")
    case.answer("rside", case.table.scan(snapshot_id=case.table.snapshot_by_name("side").snapshot_id).to_arrow())
    case.table.overwrite(pa.Table.from_pylist(numbers(500, 6), schema=case.arrow()), overwrite_filter=EqualTo("part", "red"))
    case.table.upsert(pa.Table.from_pylist([dict(id=101, name="changed", part="green"), dict(id=9999, name="new", part="blue")],
                                           schema=case.arrow()), join_cols=["id"])
    case.answer("rmain", case.table.scan().to_arrow())
    case.answers()


def evolution(folder):
    """Columns added, renamed, moved, widened, dropped and made again under an old name; specs that change."""
    schema = Schema(
        field(1, "a", IntegerType()), field(2, "b", FloatType()), field(3, "c", DecimalType(9, 2)), field(4, "d", StringType()),
        field(5, "s", StructType(field(6, "x", IntegerType()), field(7, "y", StringType()))), field(8, "e", LongType()))
    case = Case(folder, "evolution", schema)

    def value(type, i):
        if pa.types.is_struct(type):
            return {inner.name: value(inner.type, i) for inner in type}
        if pa.types.is_decimal(type):
            return D(i) / 100
        if pa.types.is_floating(type):
            return i / 4
        return i if pa.types.is_integer(type) else f"t{i}"

    def append(start):
        case.append([{f.name: value(f.type, i) for f in case.arrow()} for i in range(start, start + 5)])

    append(0)
    with case.table.update_schema() as update:
        update.add_column("new", StringType())
        update.rename_column("d", "renamed")
        update.move_first("e")
    append(100)
    with case.table.update_schema() as update:
        update.update_column("a", LongType())
        update.update_column("b", DoubleType())
        update.update_column("c", DecimalType(18, 2))
        update.add_column(("s", "z"), LongType())
        update.rename_column("s.y", "why")
    append(200)
    with case.table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("renamed")
        update.delete_column("e")
    with case.table.update_schema() as update:
        update.add_column("e", StringType())
        update.rename_column("new", "d")
    append(300)
    with case.table.update_spec() as update:
        update.add_identity("a")
    append(400)
    with case.table.update_spec() as update:
        update.remove_field("a")
        update.add_field("e", TruncateTransform(1), "e_1")
    append(500)
    case.answers()


def empty(folder):
    Case(folder, "empty", NUMBERS).answers()
    emptied = Case(folder, "emptied", NUMBERS, BY_PART).append(numbers(0, 5))
    emptied.table.delete("id >= 0")
    emptied.answers()


def hints(folder):
    """Metadata that is packed, named by a hint, or itself the location."""
    case = Case(folder, "packed", NUMBERS).append(numbers(0, 5))
    newest = pathlib.Path(case.table.metadata_location.removeprefix("file://"))
    newest.with_name(newest.name.replace(".metadata", ".gz.metadata")).write_bytes(gzip.compress(newest.read_bytes()))
    case.answers()
    newest.unlink()

    case = Case(folder, "hint_stem", NUMBERS).append(numbers(0, 5)).append(numbers(5, 5))
    older = case.table.metadata.metadata_log[-1].metadata_file
    hint = pathlib.Path(older).name.removesuffix(".metadata.json")
    (metadata_folder(case) / "version-hint.text").write_text(hint + "\n")
    case.answer("latest", case.table.scan(snapshot_id=case.table.metadata.snapshots[0].snapshot_id).to_arrow())
    (case.folder / "location").write_text(case.table.location())

    case = Case(folder, "hint_number", NUMBERS).append(numbers(0, 5)).append(numbers(5, 5))
    files = [entry.metadata_file for entry in case.table.metadata.metadata_log] + [case.table.metadata_location]
    for number, file in enumerate(files, 1):
        path = metadata_folder(case) / pathlib.Path(file).name
        packed = number == len(files)
        renamed = path.with_name(f"v{number}.{'gz.' if packed else ''}metadata.json")
        renamed.write_bytes(gzip.compress(path.read_bytes()) if packed else path.read_bytes())
    (metadata_folder(case) / "version-hint.text").write_text(str(len(files) - 1))
    case.answers()

    case = Case(folder, "metadata_file", NUMBERS).append(numbers(0, 5))
    case.answers(location=case.table.metadata_location)


def metadata_folder(case):
    return pathlib.Path(case.table.location().removeprefix("file://")) / "metadata"


class Deletes(ManifestWriterV2):
    def content(self):
        return ManifestContent.DELETES

    @property
    def _meta(self):
        return super()._meta | {"content": "deletes"}


def delete_file(case, snapshot, path, content, count, equality_ids=None, partition=None, **more):
    """Adds a file of deletes to the table, as a writer that merges on read does."""
    table, io = case.table, case.table.io
    folder = metadata_folder(case)
    file = DataFile.from_args(
        content=content, file_path=f"file://{path}", file_format=FileFormat.PARQUET, partition=partition or Record(),
        record_count=count, file_size_in_bytes=path.stat().st_size, equality_ids=equality_ids, _table_format_version=2, **more)
    spec = table.spec()
    output = io.new_output(f"file://{folder}/deletes-{path.stem}.avro")
    with Deletes(spec, table.schema(), output, snapshot, "deflate") as writer:
        writer.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=snapshot, sequence_number=None,
                                                 file_sequence_number=None, data_file=file, _table_format_version=2))
    return writer.to_manifest_file()


def merge_on_read(case, make):
    """Commits one more manifest, which `make` writes for the id of its snapshot."""
    with case.table.transaction() as transaction:
        with transaction.update_snapshot().fast_append() as producer:
            manifest = make(producer.snapshot_id)
            inherited = producer._existing_manifests
            producer._existing_manifests = lambda: inherited() + [manifest]
    case.table.refresh()


def position_file(case, name, rows):
    path = metadata_folder(case).parent / "data" / f"{name}.parquet"
    ids = [pa.field("file_path", pa.string(), False, {"PARQUET:field_id": "2147483546"}),
           pa.field("pos", pa.int64(), False, {"PARQUET:field_id": "2147483545"})]
    pq.write_table(pa.table([[row[0] for row in rows], [row[1] for row in rows]], schema=pa.schema(ids)), path)
    return path


def files_of(case, partition):
    return [task.file for task in case.table.scan().plan_files() if task.file.partition[0] == partition]


def position_deletes(folder):
    """Deletes by position."""
    case = Case(folder, "position_deletes", NUMBERS, BY_PART, **{"format-version": "2"})
    case.append(numbers(0, 30)).append(numbers(100, 30))
    red = files_of(case, "red")
    rows = [(red[0].file_path, 0), (red[0].file_path, 3), (red[1].file_path, 9)]
    path = position_file(case, "position_deletes", rows)
    merge_on_read(case, lambda snapshot: delete_file(
        case, snapshot, path, DataFileContent.POSITION_DELETES, len(rows), partition=Record("red")))
    case.append(numbers(200, 9))
    case.answers(history=False)


def mapped_names(folder):
    """Files of another writer, without field ids, whose columns a name mapping tells; then renamed, widened and dropped."""
    schema = Schema(
        field(1, "id", IntegerType()), field(2, "name", StringType()), field(3, "point", StructType(field(4, "x", IntegerType()))),
        field(5, "items", ListType(6, StructType(field(7, "n", StringType())), element_required=False)),
        field(8, "tags", MapType(9, StringType(), 10, LongType(), value_required=False)), field(11, "gone", StringType()))
    case = Case(folder, "mapped_names", schema)
    plain = pa.schema([
        ("gone", pa.string()), ("id", pa.int32()), ("tags", pa.map_(pa.string(), pa.int64())),
        ("items", pa.list_(pa.struct([("n", pa.string())]))), ("point", pa.struct([("x", pa.int32())])), ("name", pa.string())])
    rows = [dict(id=i, name=f"n{i}", point=dict(x=i), items=[dict(n=f"i{i}")], tags=[("k", i)], gone="g") for i in range(9)]
    path = metadata_folder(case).parent / "plain.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=plain), path)
    case.table.add_files([f"file://{path}"])
    with case.table.update_schema(allow_incompatible_changes=True) as update:
        update.rename_column("name", "title")
        update.rename_column("point.x", "y")
        update.update_column("id", LongType())
        update.delete_column("gone")
        update.add_column("gone", StringType())
    case.append([dict(id=2**40, title="late", point=dict(y=1), items=[], tags=[], gone="new")])
    case.answers(history=False)


def time_travel(folder):
    """Snapshots at known times, with a rollback and a change of the columns between them; FOLDER/time_travel/times.json
    holds the times, in milliseconds, and the answers to expect at them."""
    case = Case(folder, "time_travel", NUMBERS)
    times = []

    def mark(answer):
        times.append([case.table.metadata.last_updated_ms, answer])
        time.sleep(0.02)

    def step(start):
        case.append([{name: None for name in case.table.schema().column_names} | dict(id=start)])
        snapshot = case.table.current_snapshot().snapshot_id
        case.answer(f"s{snapshot}", case.table.scan(snapshot_id=snapshot).to_arrow())
        mark(f"s{snapshot}")
        return snapshot

    step(1)
    kept = step(2)
    with case.table.update_schema() as update:
        update.rename_column("name", "title")
    case.table.manage_snapshots().create_tag(kept, "before").commit()
    step(3)
    case.table.manage_snapshots().rollback_to_snapshot(kept).commit()
    mark(f"s{kept}")
    step(4)
    case.answer("rbefore", case.table.scan(snapshot_id=kept).to_arrow())
    case.answers(history=False)
    (case.folder / "times.json").write_text(json.dumps(times))


def promoted_partition(folder):
    """Deletes by position that are younger than the type of the partition's column."""
    schema = Schema(field(1, "id", LongType()), field(2, "part", IntegerType()))
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "part"))
    case = Case(folder, "promoted_partition", schema, spec, **{"format-version": "2"})
    case.append([dict(id=i, part=i % 3) for i in range(30)])
    with case.table.update_schema() as update:
        update.update_column("part", LongType())
    rows = [(file.file_path, 4) for file in files_of(case, 1)]
    path = position_file(case, "promoted_partition", rows)
    merge_on_read(case, lambda snapshot: delete_file(
        case, snapshot, path, DataFileContent.POSITION_DELETES, len(rows), partition=Record(1)))
    case.answers(history=False)


def main(folder, *names):
    makers = (types, partitions, pruning, manifests, voided, commits, evolution, empty, hints, position_deletes, promoted_partition, mapped_names,
              time_travel)
    for make in makers:
        if not names or make.__name__ in names:
            make(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
    # All is written. Threads of the writers' libraries can abort an interpreter that stops while they live.
    sys.stderr.flush()
    os._exit(0)
