"""Writes Iceberg tables with deleted keys and deletion vectors, and what is left of their rows.

    python tests/iceberg_deletes.py FOLDER [CASES...]

The files are laid out as iceberg_tables.py does it. pyiceberg writes neither equality deletes nor format version 3, so the
deletes and their manifests are made by hand here, and the answers are those of a model that keeps every row with its age.
"""

import datetime
import json
import os
import pathlib
import struct
import sys
import uuid
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pyiceberg.manifest as manifests
import pyiceberg.table.update.snapshot as snapshots
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestEntry, ManifestEntryStatus
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.metadata import TableMetadataCommonFields, TableMetadataV3
from pyiceberg.transforms import BucketTransform, IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import (BinaryType, BooleanType, DateType, DecimalType, DoubleType, FixedType, IntegerType, LongType,
                             StringType, StructType, TimestampNanoType, TimestampType, TimestamptzNanoType, TimestamptzType, TimeType,
                             UUIDType)
from pyroaring import BitMap

from iceberg_tables import (BY_PART, NUMBERS, Case, D, Deletes, delete_file, field, files_of, merge_on_read, metadata_folder, numbers,
                            position_file)

UTC = datetime.timezone.utc


class Model:
    """A table, and beside it what its rows should be: each with its age and its partition."""

    def __init__(self, folder, name, schema, spec=PartitionSpec(), version="2", **properties):
        self.case = Case(folder, name, schema, spec, **{"format-version": version}, **properties)
        self.rows = []
        self.files = 0

    @property
    def table(self):
        return self.case.table

    def age(self):
        return self.table.current_snapshot().sequence_number

    def part(self, row):
        """The partition of a row: spec and values."""
        spec, schema = self.table.spec(), self.table.schema()
        values = tuple(f.transform.transform(schema.find_type(f.source_id))(row[f.source_id]) for f in spec.fields)
        return spec.spec_id, values

    def append(self, rows):
        self.case.append(rows)
        ids = {f.name: f.field_id for f in self.table.schema().fields}
        for row in rows:
            row = {ids[name]: value for name, value in row.items()}
            self.rows.append((self.age(), self.part(row), row))
        return self

    def delete(self, ids, keys, part=None, spec=None, types=None):
        """Deletes the rows with these keys: of one partition of the table's spec, or of all."""
        spec = spec or self.table.spec()
        schema = self.table.schema()
        types = types or {id: next(s.find_type(id) for s in reversed(list(self.table.schemas().values())) if id in s.field_ids)
                          for id in ids}
        arrow = [pa.field(f"c{id}", schema_to_pyarrow(types[id]), True, {"PARQUET:field_id": str(id)}) for id in ids]
        columns = [pa.array([key[at] for key in keys], arrow[at].type) for at in range(len(ids))]
        self.files += 1
        path = metadata_folder(self.case).parent / "data" / f"keys-{self.files}.parquet"
        pq.write_table(pa.Table.from_arrays(columns, schema=pa.schema(arrow)), path)
        file = DataFile.from_args(
            content=DataFileContent.EQUALITY_DELETES, file_path=f"file://{path}", file_format=FileFormat.PARQUET,
            partition=Record(*part) if part else Record(), record_count=len(keys), file_size_in_bytes=path.stat().st_size,
            equality_ids=list(ids), _table_format_version=2)
        merge_on_read(self.case, lambda snapshot: self.manifest(file, snapshot, spec, schema))
        age, keys = self.age(), [tuple(key) for key in keys]
        self.rows = [(written, where, row) for written, where, row in self.rows if not (
            written < age and (part is None or where == (spec.spec_id, tuple(part)))
            and tuple(row.get(id) for id in ids) in keys)]
        return self

    def manifest(self, file, snapshot, spec, schema, writer=Deletes):
        output = self.table.io.new_output(f"file://{metadata_folder(self.case)}/deletes-{self.files}.avro")
        with writer(spec, schema, output, snapshot, "deflate") as written:
            for one in file if isinstance(file, list) else [file]:
                written.add_entry(ManifestEntry.from_args(
                    status=ManifestEntryStatus.ADDED, snapshot_id=snapshot, sequence_number=None, file_sequence_number=None,
                    data_file=one, _table_format_version=3))
        return written.to_manifest_file()

    def answer(self):
        schema = self.table.schema()
        rows = [{f.name: row.get(f.field_id) for f in schema.fields} for _, _, row in self.rows]
        (self.case.folder / "location").write_text(self.table.location())
        self.case.answer("latest", pa.Table.from_pylist(rows, schema=schema_to_pyarrow(schema)))


def keys(folder):
    """Keys of several sets of columns, NULLs among them, before and after rows that have them again."""
    model = Model(folder, "keys", NUMBERS)
    model.append(numbers(0, 30)).delete([1], [[3], [7], [7], [1000]]).append(numbers(0, 10)).delete([3], [[None]])
    model.append(numbers(100, 12)).delete([2, 3], [["n5", None], ["n101", None], ["n102", "red"], [None, None]])
    model.delete([3, 2], [["green", "n4"]]).append([dict(id=None, name=None, part="red"), dict(id=4, name="n4", part="green")])
    model.delete([1], [[None]]).answer()

    model = Model(folder, "keys_of_all", NUMBERS)
    model.append(numbers(0, 4)).delete([1], [[id] for id in range(4)]).answer()

    model = Model(folder, "keys_of_parts", NUMBERS, BY_PART)
    model.append(numbers(0, 30)).append(numbers(0, 12))
    model.delete([1], [[3], [4], [9]], ["red"]).delete([2], [["n4"], ["n3"]], [None]).delete([1], [[5]], [None])
    model.append(numbers(0, 12)).delete([2], [["n1"], ["n0"]], ["green"]).answer()

    model = Model(folder, "keys_of_specs", NUMBERS)
    model.append(numbers(0, 20)).delete([1], [[1], [3]])
    with model.table.update_spec() as update:
        update.add_identity("part")
    model.append(numbers(0, 20)).delete([1], [[6], [4]], ["red"])
    # Of the spec without partitions: for all files.
    model.delete([1], [[9], [10]], None, model.table.specs()[0])
    with model.table.update_spec() as update:
        update.remove_field("part")
        update.add_field("id", BucketTransform(3), "id_3")
    model.append(numbers(0, 6)).delete([1], [[4], [0]], [BucketTransform(3).transform(LongType())(4)]).answer()


def key_types(folder):
    """Every type that a key may have."""
    schema = Schema(
        field(1, "row", LongType()), field(2, "flag", BooleanType()), field(3, "int", IntegerType()), field(4, "price", DecimalType(9, 2)),
        field(5, "huge", DecimalType(38, 10)), field(6, "day", DateType()), field(7, "time", TimeType()),
        field(8, "local", TimestampType()), field(9, "instant", TimestamptzType()), field(10, "text", StringType()),
        field(11, "id", UUIDType()), field(12, "code", FixedType(3)), field(13, "bytes", BinaryType()))

    def value(id, row):
        at = datetime.datetime(1969, 12, 31, 23, 59, 59, row + 1)
        return {1: row, 2: row % 2 == 0, 3: -row, 4: D(row) / 100, 5: D(row) / 10**10, 6: datetime.date(1970, 1, 1 + row), 7: at.time(),
                8: at, 9: at.replace(tzinfo=UTC), 10: f"long enough to be no inline view {row}", 11: uuid.UUID(int=row).bytes,
                12: bytes([0, 255, row]), 13: bytes([row]) * row}[id]

    model = Model(folder, "key_types", schema)
    model.append([{f.name: value(f.field_id, row) for f in schema.fields} for row in range(20)] + [dict.fromkeys(schema.column_names)])
    for id in range(3, 14):
        model.delete([id], [[value(id, id)]])
    model.delete([2, 1], [[True, 0], [True, 1]]).answer()


def key_evolution(folder):
    """Keys of columns that were renamed, widened, added and dropped since."""
    schema = Schema(field(1, "id", IntegerType()), field(2, "name", StringType()), field(3, "gone", StringType()))
    model = Model(folder, "key_evolution", schema)
    model.append([dict(id=i, name=f"n{i}", gone=f"g{i}") for i in range(10)]).delete([1], [[2]]).delete([3], [["g3"], [None]])
    with model.table.update_schema() as update:
        update.rename_column("id", "number")
        update.update_column("id", LongType())
        update.add_column("added", StringType())
    model.append([dict(number=2**40 + i, name=f"n{i}", gone=f"g{i}", added=f"a{i}") for i in range(5)])
    model.delete([1], [[4]]).delete([1], [[2**40 + 1]]).delete([4], [["a2"]])
    with model.table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("gone")
    model.append([dict(number=i, name="late", added=None) for i in range(3)]).delete([4, 2], [[None, "n7"]]).answer()

    schema = Schema(field(1, "id", LongType()), field(2, "part", IntegerType()))
    model = Model(folder, "key_promoted_part", schema, PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "part")))
    model.append([dict(id=i, part=i % 3) for i in range(12)])
    with model.table.update_schema() as update:
        update.update_column("part", LongType())
    model.append([dict(id=i, part=i % 3) for i in range(6)]).delete([1], [[4], [5]], [1]).answer()


def refused_keys(folder):
    schema = Schema(field(1, "id", LongType()), field(2, "s", StructType(field(4, "x", LongType()))), field(3, "d", DoubleType()))
    for name, id, type, key in [("nested", 4, LongType(), 1), ("float", 3, DoubleType(), 1.0), ("unknown", 99, LongType(), 1)]:
        model = Model(folder, f"refused_{name}", schema)
        model.append([dict(id=i, s=dict(x=i), d=float(i)) for i in range(3)])
        model.delete([id], [[key]], types={id: type}).answer()


class ManifestV3(manifests.ManifestWriterV2):
    version = 3

    def new_writer(self):
        schema = self._with_partition(3)
        return manifests.AvroOutputFile(output_file=self._output_file, file_schema=schema, record_schema=schema,
                                        schema_name="manifest_entry", metadata=self._meta)

    def prepare_entry(self, entry):
        # pyiceberg makes files of the second version, which lack the last fields of the third.
        data = entry.data_file._data
        data.extend([None] * (len(manifests.DATA_FILE_TYPE[3].fields) - len(data)))
        return super().prepare_entry(entry)


class DeletesV3(ManifestV3):
    def content(self):
        return manifests.ManifestContent.DELETES

    @property
    def _meta(self):
        return super()._meta | {"content": "deletes"}


class ManifestListV3(manifests.ManifestListWriterV2):
    def __init__(self, *args):
        super().__init__(*args)
        self._format_version, self._meta = 3, self._meta | {"format-version": "3"}


def write_version_3():
    """Teaches pyiceberg to write the third format version."""
    def dump(metadata, **options):
        numbered = metadata.model_copy(update={"next_row_id": metadata.next_row_id or 0})
        return TableMetadataCommonFields.model_dump_json(numbered, **options)

    TableMetadataV3.model_dump_json = dump
    snapshots.Snapshot = lambda **fields: Snapshot(**fields | {"first_row_id": fields["first_row_id"] or 0, "added_rows": 1000})
    old_manifest, old_list = snapshots.write_manifest, snapshots.write_manifest_list

    def write_manifest(format_version, spec, schema, output_file, snapshot_id, avro_compression):
        args = (spec, schema, output_file, snapshot_id, avro_compression)
        return ManifestV3(*args) if format_version == 3 else old_manifest(format_version, *args)

    def write_list(format_version, output_file, snapshot_id, parent_snapshot_id, sequence_number, avro_compression):
        args = (output_file, snapshot_id, parent_snapshot_id, sequence_number, avro_compression)
        return ManifestListV3(*args) if format_version == 3 else old_list(format_version, *args)

    snapshots.write_manifest, snapshots.write_manifest_list = write_manifest, write_list


def vector(rows):
    """The blob of a deletion vector: the bitmaps of the upper halves, with their number before them."""
    halves = {}
    for row in rows:
        halves.setdefault(row >> 32, BitMap()).add(row & 0xFFFFFFFF)
    data = b"\xd1\xd3\x39\x64" + struct.pack("<q", len(halves))
    for upper in sorted(halves):
        data += struct.pack("<I", upper) + halves[upper].serialize()
    return struct.pack(">I", len(data)) + data + struct.pack(">I", zlib.crc32(data))


def delete_rows(model, deleted, change=lambda blob: blob, **overrides):
    """Commits one Puffin file with a vector for each data file: `deleted` gives the rows of each."""
    model.files += 1
    path = metadata_folder(model.case).parent / "data" / f"vectors-{model.files}.puffin"
    puffin, blobs, entries = b"PFA1", [], []
    tasks = {task.file.file_path: task.file for task in model.table.scan().plan_files()}
    for data_file, rows in deleted.items():
        blob = change(vector(rows))
        blobs.append({"type": "deletion-vector-v1", "fields": [2147483645], "snapshot-id": -1, "sequence-number": -1,
                      "offset": len(puffin), "length": len(blob),
                      "properties": {"referenced-data-file": data_file, "cardinality": str(len(rows))}})
        entries.append(dict(
            content=DataFileContent.POSITION_DELETES, file_path=f"file://{path}", file_format=FileFormat.PUFFIN,
            partition=tasks[data_file].partition, record_count=len(rows), referenced_data_file=data_file,
            content_offset=len(puffin), content_size_in_bytes=len(blob)))
        puffin += blob
    footer = json.dumps({"blobs": blobs}).encode()
    puffin += b"PFA1" + footer + struct.pack("<I", len(footer)) + bytes(4) + b"PFA1"
    path.write_bytes(puffin)
    files = [DataFile.from_args(_table_format_version=3, **dict(entry, file_size_in_bytes=len(puffin)) | overrides) for entry in entries]
    merge_on_read(model.case, lambda snapshot: model.manifest(files, snapshot, model.table.spec(), model.table.schema(), DeletesV3))
    gone = {(data_file, row) for data_file, rows in deleted.items() for row in rows}
    return gone


def vectors(folder):
    """Format version 3: deletion vectors, several in one Puffin file, beside deleted keys."""
    write_version_3()
    model = Model(folder, "vectors", NUMBERS, BY_PART, version="3")
    model.append(numbers(0, 30)).append(numbers(100, 30))
    files = sorted((task.file for task in model.table.scan().plan_files()), key=lambda file: file.file_path)
    deleted = {files[0].file_path: [0, 1, 9], files[2].file_path: [5], files[3].file_path: list(range(files[3].record_count))}
    contents = {file.file_path: pq.read_table(file.file_path.removeprefix("file://"))["id"].to_pylist() for file in files}
    delete_rows(model, deleted)
    gone = {contents[path][row] for path, rows in deleted.items() for row in rows}
    model.rows = [row for row in model.rows if row[2][1] not in gone]
    model.append(numbers(200, 9)).delete([1], [[101], [5], [202], [4]], ["green"]).delete([1], [[3]], ["red"])
    model.answer()

    for name, change, overrides in [
            ("checksum", lambda blob: blob[:-1] + bytes([blob[-1] ^ 1]), {}),
            ("cardinality", lambda blob: blob, dict(record_count=2)),
            ("outside", lambda blob: blob, dict(content_offset=10**6)),
            ("negative", lambda blob: blob, dict(content_offset=-4)),
            ("no_offset", lambda blob: blob, dict(content_offset=None)),
            ("no_file", lambda blob: blob, dict(referenced_data_file=None)),
            ("beyond", lambda blob: vector([0, 10**6, 2**33]), {}),
    ]:
        model = Model(folder, f"vector_{name}", NUMBERS, version="3").append(numbers(0, 10))
        file = next(iter(model.table.scan().plan_files())).file.file_path
        delete_rows(model, {file: [1, 2, 3]}, change, **overrides)
        model.answer()

    model = Model(folder, "vector_twice", NUMBERS, version="3").append(numbers(0, 10))
    file = next(iter(model.table.scan().plan_files())).file.file_path
    delete_rows(model, {file: [1]})
    delete_rows(model, {file: [2]})
    model.answer()


def skipped_deletes(folder):
    """Deletes of files that a filter leaves out: by partition, and by the paths that a file of positions names."""
    # The third version comes last: from then on, pyiceberg writes what only that one has.
    def positions(case, name, file, rows, partition=None, **more):
        path = position_file(case, name, [(file, row) for row in rows])
        merge_on_read(case, lambda snapshot: delete_file(
            case, snapshot, path, DataFileContent.POSITION_DELETES, len(rows), partition=partition, **more))

    case = Case(folder, "skip_positions", NUMBERS, BY_PART, **{"format-version": "2"})
    case.append(numbers(0, 30))
    for part in ["red", "green"]:
        positions(case, f"deletes-{part}", files_of(case, part)[0].file_path, [1, 4], Record(part))
    # Older than the data that it would be for.
    case.append(numbers(100, 3)).answers(history=False)

    case = Case(folder, "skip_paths", NUMBERS, **{"format-version": "2"})
    case.append(numbers(0, 30)).append(numbers(100, 30))
    for task in case.table.scan().plan_files():
        file, first = task.file.file_path, pq.read_table(task.file.file_path.removeprefix("file://"))["id"][0].as_py()
        bounds = {2147483546: file.encode()}
        positions(case, f"deletes-{first}", file, [0, 7], lower_bounds=bounds, upper_bounds=bounds)
    case.answers(history=False)

    model = Model(folder, "skip_keys", NUMBERS, BY_PART)
    model.append(numbers(0, 30)).delete([1], [[3]], ["red"]).delete([1], [[4]], ["green"])
    model.append(numbers(100, 30)).answer()

    write_version_3()
    model = Model(folder, "skip_vectors", NUMBERS, BY_PART, version="3")
    model.append(numbers(0, 30))
    for part in ["red", "green"]:
        file = files_of(model.case, part)[0].file_path
        gone = pq.read_table(file.removeprefix("file://"))["id"].to_pylist()[:2]
        delete_rows(model, {file: [0, 1]})
        model.rows = [row for row in model.rows if row[2][1] not in gone]
    model.append(numbers(100, 30)).answer()


def lies(folder):
    """Metadata that does not fit its files, or names what is not read."""
    ids = pa.schema([pa.field("id", pa.int64(), True, {"PARQUET:field_id": "1"})])
    for name, change in [
            ("rows", dict(record_count=11)),
            ("encrypted", dict(key_metadata=b"key")),
            ("orc", dict(file_format=FileFormat.ORC)),
            ("avro", dict(file_format=FileFormat.AVRO)),
            ("outside", dict(file_path="file:///etc/hostname")),
            ("bounds", dict(lower_bounds={1: b"\x01\x02\x03"})),
            ("cut_text", dict(lower_bounds={2: b"\xff"})),
            ("content", dict(content=DataFileContent.POSITION_DELETES)),
    ]:
        model = Model(folder, f"lie_{name}", NUMBERS).append(numbers(0, 3))
        path = metadata_folder(model.case).parent / "data" / "by-hand.parquet"
        pq.write_table(pa.table([pa.array(range(100, 110))], schema=ids), path)
        file = DataFile.from_args(_table_format_version=2, **dict(
            content=DataFileContent.DATA, file_path=f"file://{path}", file_format=FileFormat.PARQUET, partition=Record(), record_count=10,
            file_size_in_bytes=path.stat().st_size) | change)
        merge_on_read(model.case, lambda snapshot: model.manifest(
            file, snapshot, model.table.spec(), model.table.schema(), manifests.ManifestWriterV2))
        model.answer()


def encrypted(folder):
    """Metadata that names keys of encryption."""
    write_version_3()
    key = {"key-id": "k", "encrypted-key-metadata": "AAAA", "encrypted-by-id": "m"}
    for name, change in [
            ("keys", lambda metadata: metadata.update({"encryption-keys": [key]})),
            ("key_of_list", lambda metadata: [snapshot.update({"key-id": "k"}) for snapshot in metadata["snapshots"]]),
    ]:
        model = Model(folder, f"lie_{name}", NUMBERS, version="3").append(numbers(0, 3))
        newest = pathlib.Path(model.table.metadata_location.removeprefix("file://"))
        metadata = json.loads(newest.read_text())
        change(metadata)
        newest.write_text(json.dumps(metadata))
        model.answer()


def version_3(folder):
    """What is new in format version 3: nanoseconds, default values; and types that are not read."""
    write_version_3()
    schema = Schema(field(1, "id", LongType()), field(2, "local", TimestampNanoType()), field(3, "instant", TimestamptzNanoType()))
    model = Model(folder, "version_3", schema, version="3")
    types = [pa.timestamp("ns"), pa.timestamp("ns", "UTC")]
    values = [-1, 0, 1_700_000_000_123_456_789, None]
    columns = [pa.array(range(4), pa.int64())] + [pa.array(values, type) for type in types]
    old = pa.Table.from_arrays(columns, schema=pa.schema([("id", pa.int64()), ("local", types[0]), ("instant", types[1])]))
    model.case.append(old)
    with model.table.update_schema() as update:
        update.add_column("number", IntegerType(), default_value=42)
        update.add_column("text", StringType(), default_value="none")
        update.add_column("price", DecimalType(9, 2), default_value=D("1.50"))
        update.add_column("day", DateType(), default_value=datetime.date(2020, 2, 29))
        update.add_column("missing", StringType())
    new = [dict(id=9, local=None, instant=None, number=None, text=None, price=None, day=None, missing="x")]
    arrow = old.schema
    for name, type in [("number", pa.int32()), ("text", pa.string()), ("price", pa.decimal128(9, 2)), ("day", pa.date32()), ("missing", pa.string())]:
        arrow = arrow.append(pa.field(name, type))
    model.case.append(pa.Table.from_pylist(new, schema=arrow))
    for name, value in [("number", 42), ("text", "none"), ("price", D("1.50")), ("day", datetime.date(2020, 2, 29)), ("missing", None)]:
        old = old.append_column(arrow.field(name), pa.array([value] * 4, arrow.field(name).type))
    (model.case.folder / "location").write_text(model.table.location())
    model.case.answer("latest", pa.concat_tables([old, pa.Table.from_pylist(new, schema=arrow)]))

    for name, type in [("variant", "variant"), ("geometry", "geometry(srid:4326)")]:
        model = Model(folder, f"refused_{name}", Schema(field(1, "id", LongType())), version="3")
        newest = model.table.metadata_location.removeprefix("file://")
        metadata = json.loads(pathlib.Path(newest).read_text())
        metadata["schemas"][0]["fields"].append({"id": 9, "name": "odd", "required": False, "type": type})
        pathlib.Path(newest).write_text(json.dumps(metadata))
        (model.case.folder / "location").write_text(model.table.location())


def main(folder, *names):
    makers = (keys, key_types, key_evolution, refused_keys, lies, skipped_deletes, vectors, encrypted, version_3)
    for make in makers:
        if not names or make.__name__ in names:
            make(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stderr.flush()
    os._exit(0)
