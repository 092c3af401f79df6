"""Random Delta and Iceberg tables: what Samite reads is what other readers read, cell by cell, at the end of each table's life and before.

Each table has a seed, and the seed says everything: schema, partitions, appends, deletes, changes of schema, filters. A failure names its
seed; `SAMITE_TEST_SEED=n` runs that one. `tests/run long` makes many more tables.
"""

import datetime
import decimal
import json
import os
import pathlib
import random
import struct
import uuid
import zlib

import delta_features
import delta_tables
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sample_mesh
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import And, GreaterThanOrEqual, LessThan
from pyroaring import BitMap64
from test_fixtures import REFUSED_MOMENTS, cells, described

UTC = datetime.timezone.utc
TABLES = 60 if os.environ.get("SAMITE_TEST_LONG") else 4
FIRST = int(os.environ.get("SAMITE_TEST_SEED", "0"))
SEEDS = [FIRST] if "SAMITE_TEST_SEED" in os.environ else range(TABLES)

TYPES = {
    "flag": pa.bool_(), "int": pa.int32(), "long": pa.int64(), "float": pa.float32(), "double": pa.float64(), "price": pa.decimal128(9, 2),
    "wide": pa.decimal128(30, 5), "day": pa.date32(), "instant": pa.timestamp("us", "UTC"), "local": pa.timestamp("us"), "text": pa.string(),
    "bytes": pa.binary(), "items": pa.list_(pa.int64()), "point": pa.struct([("x", pa.int32()), ("y", pa.string())]),
}
PARTITIONS = ("int", "long", "text", "day", "flag", "price")
TEXTS = ["", "a", "b", "a b", "100%", "x/y", "ä+ö", "k=v", "%2F", "it's", "zz", "𝄞"]


def value(chance, type):
    """A value of a type, from few enough that filters and partitions meet."""
    if chance.random() < 0.15:
        return None
    number = chance.choice([-3, -1, 0, 1, 2, 7, 100])
    if pa.types.is_boolean(type):
        return number > 0
    if pa.types.is_integer(type):
        return chance.choice([number, 2**31 - 1 if type.bit_width == 32 else 2**62, number * 3])
    if pa.types.is_floating(type):
        return number / 4
    if pa.types.is_decimal(type):
        return decimal.Decimal(number) / 4
    if pa.types.is_date(type):
        return datetime.date(1970, 1, 1) + datetime.timedelta(days=number * 5)
    if pa.types.is_timestamp(type):
        moment = datetime.datetime(1970, 1, 1, tzinfo=UTC if type.tz else None)
        return moment + datetime.timedelta(hours=number * 7, microseconds=number)
    if pa.types.is_list(type) or pa.types.is_large_list(type):
        return [value(chance, type.value_type) for _ in range(chance.randrange(3))]
    if pa.types.is_struct(type):
        return {field.name: value(chance, field.type) for field in type}
    text = chance.choice(TEXTS)
    return text.encode() if pa.types.is_binary(type) or pa.types.is_large_binary(type) else text


def rows(chance, schema, ids):
    return pa.Table.from_pylist([{"id": id} | {field.name: value(chance, field.type) for field in schema if field.name != "id"} for id in ids], schema=schema)


class Ids:
    """Each row of a table has a number of its own."""

    def __init__(self):
        self.next = 0

    def take(self, chance):
        first, self.next = self.next, self.next + chance.randrange(1, 12)
        return range(first, self.next)


def columns(chance, between):
    names = chance.sample(sorted(TYPES), chance.randrange(2, 7))
    return pa.schema([("id", pa.int64())] + [(f"{name}{between}{at}" if chance.random() < 0.2 else name, TYPES[name]) for at, name in enumerate(names)])


def partitions(chance, schema, kinds=PARTITIONS):
    kinds = [field.name for field in schema if field.name in kinds]
    return chance.sample(kinds, min(len(kinds), chance.randrange(3)))


def another_column(chance, schema):
    name = chance.choice([name for name in sorted(TYPES) if name not in schema.names])
    return pa.field(f"new_{name}", TYPES[name])


def delta(chance, location):
    """A table by deltalake: appends, deletes, updates, columns that come, partitions replaced, compaction, checkpoints."""
    schema, ids = columns(chance, "_"), Ids()
    # deltalake 1.6 writes a negative decimal as "0.-75" into a partition value.
    parts = partitions(chance, schema, [name for name in PARTITIONS if name != "price"])
    for step in range(chance.randrange(2, 8)):
        what = chance.choice(["append", "append", "delete", "update", "widen", "compact", "checkpoint"]) if step else "append"
        if what == "append":
            options = {"configuration": {"delta.dataSkippingNumIndexedCols": "2"}} if step == 0 and chance.random() < 0.3 else {}
            write_deltalake(location, rows(chance, schema, ids.take(chance)), mode="append", partition_by=parts or None, **options)
        elif what == "delete":
            low = chance.randrange(ids.next)
            DeltaTable(location).delete(f"id >= {low} AND id < {low + chance.randrange(1, 6)}")
        elif what == "update":
            texts = [field.name for field in schema if pa.types.is_string(field.type) and field.name not in parts]
            if texts:
                DeltaTable(location).update(predicate=f"id % {chance.randrange(2, 5)} = 0", updates={texts[0]: "'changed'"})
        elif what == "widen" and not any(field.name.startswith("new_") for field in schema):
            schema = schema.append(another_column(chance, schema))
            write_deltalake(location, rows(chance, schema, ids.take(chance)), mode="append", schema_mode="merge", partition_by=parts or None)
        elif what == "compact":
            DeltaTable(location).optimize.compact()
        elif what == "checkpoint":
            DeltaTable(location).create_checkpoint()
    newest = DeltaTable(location).version()
    return {None: DeltaTable(location).to_pyarrow_table()} | {
        version: DeltaTable(location, version=version).to_pyarrow_table() for version in chance.sample(range(newest + 1), min(2, newest + 1))}


class ByHand:
    """A Delta table by the protocol alone, with what deltalake does not write: deletion vectors, and types that widen, of partition columns too."""

    def __init__(self, chance, location):
        self.chance, self.table, self.ids, self.version, self.states = chance, location, Ids(), -1, {}
        self.columns, self.is_wide, self.files = chance.sample(delta_features.WIDENED, 4), False, []
        parts = [column[0] for column in self.columns if column[0] != "float_double"]
        self.part = chance.choice([None, *parts])
        self.commit([delta_tables.protocol("deletionVectors", "typeWidening", "timestampNtz"), self.metadata()])
        for _ in range(chance.randrange(3, 10)):
            step = chance.choice([self.append, self.append, self.delete, self.delete, self.widen])
            if step != self.delete or self.files:
                step()

    def commit(self, actions):
        self.version += 1
        delta_tables.commit(self, self.version, actions)
        at = 4 if self.is_wide else 3
        schema = pa.schema([("id", pa.int64())] + [(column[0], column[at]) for column in self.columns])
        left = [row for rows, gone, _ in self.files for at, row in enumerate(rows) if at not in gone]
        shown = [{field.name: delta_features.widened(row[field.name], field.type) if self.is_wide and not isinstance(row[field.name], datetime.datetime)
                  else row[field.name] for field in schema} for row in left]
        self.states[self.version] = pa.Table.from_pylist(shown, schema=schema)

    def metadata(self):
        fields = [delta_features.field(column[0], column[2], [(column[1], column[2])]) if self.is_wide else delta_features.field(column[0], column[1])
                  for column in self.columns]
        return delta_tables.metadata([delta_features.field("id", "long"), *fields], [self.part] if self.part else [])

    def cell(self, column):
        found = self.chance.choice([None, *column[6 if self.is_wide else 5]])
        return delta_features.single(found) if column[0] == "float_double" and found is not None and not self.is_wide else found

    def append(self):
        made = [{"id": id} | {column[0]: self.cell(column) for column in self.columns} for id in self.ids.take(self.chance)]
        if self.part:
            made = [row | {self.part: made[0][self.part]} for row in made]
        at = 4 if self.is_wide else 3
        schema = pa.schema([("id", pa.int64())] + [(column[0], column[at]) for column in self.columns if column[0] != self.part])
        found = made[0].get(self.part)
        text = found.isoformat(sep=" ") if isinstance(found, datetime.datetime) else None if found is None else str(found)
        values = {self.part: text} if self.part else {}
        action = delta_features.write(self, f"{self.version + 1}.parquet", [{name: row[name] for name in schema.names} for row in made], schema, values)
        self.files.append([made, set(), action])
        self.commit([action])

    def delete(self):
        file = self.chance.choice(self.files)
        made, gone, old = file
        gone |= set(self.chance.sample(range(len(made)), self.chance.randrange(1, len(made) + 1)))
        data = struct.pack("<I", 1681511377) + BitMap64(gone).serialize()
        vector = {"sizeInBytes": len(data), "cardinality": len(gone)}
        if self.chance.random() < 0.3:
            vector |= {"storageType": "i", "pathOrInlineDv": delta_tables.z85(data)}
        else:
            id = uuid.UUID(int=self.chance.getrandbits(128))
            framed = b"\x01" + struct.pack(">I", len(data)) + data + struct.pack(">I", zlib.crc32(data))
            (self.table / f"deletion_vector_{id}.bin").write_bytes(framed)
            vector |= {"storageType": "u", "pathOrInlineDv": delta_tables.z85(id.bytes), "offset": 1}
        kept = {name: old["add"][name] for name in ("path", "partitionValues", "size", "deletionVector") if name in old["add"]}
        stats = json.dumps(json.loads(old["add"]["stats"]) | {"tightBounds": False})
        file[2] = {"add": old["add"] | {"deletionVector": vector, "stats": stats}}
        self.commit([{"remove": kept | {"deletionTimestamp": 0, "dataChange": True, "extendedFileMetadata": True}}, file[2]])

    def widen(self):
        self.is_wide = True
        self.commit([self.metadata()])


def protocol(chance, location):
    states = ByHand(chance, location).states
    return {None: states[max(states)]} | {version: states[version] for version in chance.sample(sorted(states), min(2, len(states)))}


def iceberg(chance, location):
    """A table by pyiceberg: appends, deletes, columns that come, go, move and change their names and types, specs that change."""
    catalog = SqlCatalog("random", uri=f"sqlite:///{location}.db", warehouse=f"file://{location.parent}")
    catalog.create_namespace("n")
    schema, ids = columns(chance, " "), Ids()
    table = catalog.create_table("n.t", schema=schema, location=f"file://{location}", properties={"format-version": chance.choice(["1", "2"])})
    parts = partitions(chance, schema)
    if parts:
        with table.update_spec() as update:
            for name in parts:
                update.add_identity(name)
    for step in range(chance.randrange(2, 8)):
        what = chance.choice(["append", "append", "delete", "add", "drop", "rename", "promote", "move", "respec"]) if step else "append"
        schema = table.schema().as_arrow()
        free = [field.name for field in schema if field.name != "id" and field.name not in used(table)]
        if what == "append":
            table.append(rows(chance, schema, ids.take(chance)))
        elif what == "delete":
            low = chance.randrange(ids.next)
            table.delete(And(GreaterThanOrEqual("id", low), LessThan("id", low + chance.randrange(1, 6))))
        elif what == "add":
            field = another_column(chance, schema)
            if field.name not in schema.names:
                with table.update_schema() as update:
                    update.union_by_name(pa.schema(list(schema) + [field]))
        elif what == "drop" and len(free) > 1:
            with table.update_schema(allow_incompatible_changes=True) as update:
                update.delete_column(chance.choice(free))
        elif what == "rename" and free:
            # Often a name that another column had before.
            new = chance.choice(["again", "other", *sorted(TYPES)])
            if new not in schema.names:
                with table.update_schema() as update:
                    update.rename_column(chance.choice(free), new)
        elif what == "promote":
            promote(table, free)
        elif what == "move" and free:
            with table.update_schema() as update:
                update.move_first(chance.choice(free))
        elif what == "respec":
            respec(chance, table)
    newest = pathlib.Path(table.metadata_location).name.removesuffix(".metadata.json")
    (location / "metadata/version-hint.text").write_text(newest, encoding="utf-8")
    snapshots = [snapshot.snapshot_id for snapshot in table.snapshots()]
    return {None: table.scan().to_arrow()} | {
        snapshot: table.scan(snapshot_id=snapshot).to_arrow() for snapshot in chance.sample(snapshots, min(2, len(snapshots)))}


def used(table):
    """Columns that any spec of the table partitions by."""
    return {table.schema().find_column_name(field.source_id) for spec in table.specs().values() for field in spec.fields}


def promote(table, free):
    from pyiceberg.types import DecimalType, DoubleType, FloatType, IntegerType, LongType

    with table.update_schema() as update:
        for name in free:
            type = table.schema().find_type(name)
            if isinstance(type, IntegerType):
                update.update_column(name, LongType())
            elif isinstance(type, FloatType):
                update.update_column(name, DoubleType())
            elif isinstance(type, DecimalType) and type.precision < 30:
                update.update_column(name, DecimalType(type.precision + 5, type.scale))


def respec(chance, table):
    current = [field.name for field in table.spec().fields]
    with table.update_spec() as update:
        # Version 1 keeps a removed field, as one that is void, and such manifests are refused: iceberg/partition_evolution_v1 in test_fixtures.
        if current and table.format_version > 1:
            update.remove_field(chance.choice(current))
        elif not current:
            names = [field.name for field in table.schema().fields if field.name in PARTITIONS and field.name not in used(table)]
            if names:
                update.add_identity(chance.choice(names))


# ---- filters, in SQL that Samite and DuckDB read alike


def literal(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        return f"TIMESTAMPTZ '{value.isoformat(sep=' ')}'" if value.tzinfo else f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    if isinstance(value, datetime.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, decimal.Decimal):  # A number with a point is a double to one reader, and exact to the other.
        return f"CAST('{value:f}' AS DECIMAL(38, 12))"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def compares(type):
    return not (pa.types.is_nested(type) or pa.types.is_binary(type) or pa.types.is_large_binary(type))


def predicate(chance, table):
    """A comparison of one column with one of its values, or two of them."""
    plain = [field for field in table.schema if compares(field.type)]
    field = chance.choice(plain)
    name, values = f'"{field.name}"', [value for value in table[field.name].to_pylist() if value is not None]
    kind = chance.choice(["=", "<", ">=", "<>", "IN", "IS NULL", "IS NOT NULL", "AND", "OR"])
    if kind.startswith("IS") or not values:
        return f"{name} IS NULL" if kind != "IS NOT NULL" else f"{name} IS NOT NULL"
    if kind == "IN":
        return f"{name} IN ({', '.join(literal(chance.choice(values)) for _ in range(2))})"
    if kind in ("AND", "OR"):
        return f"({predicate(chance, table)}) {kind} ({predicate(chance, table)})"
    return f"{name} {kind} {literal(chance.choice(values))}"


# ---- the comparison

MAKERS = {"delta": ("delta", delta), "protocol": ("delta", protocol), "iceberg": ("iceberg", iceberg)}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The mesh of all tables, and what their writers read from them."""
    mesh, answers = tmp_path_factory.mktemp("random"), {}
    for seed in SEEDS:
        for maker, (format, make) in MAKERS.items():
            product = sample_mesh.Product("random", f"{maker}_{seed}", [sample_mesh.Version("1.0.0", {"rows": []}, format=format, path="table")])
            location = product.write(mesh) / "table"
            try:
                answers[f"{maker}_{seed}"] = make(random.Random(f"{maker} {seed}"), location)
            except Exception as error:  # It fails the test of this table, and not those of all.
                answers[f"{maker}_{seed}"] = error
    return mesh, answers


@pytest.fixture(scope="module")
def ask(samite, tables):
    from conftest import Server

    server = Server(samite, tables[0])
    with server.connect() as connection, connection.cursor() as cursor:
        def rows(sql):
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

        yield rows
    server.stop()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("maker", MAKERS)
def test_every_reader_reads_the_same_cells(tables, ask, maker, seed):
    states, name, format = tables[1][f"{maker}_{seed}"], f"random.{maker}_{seed}.rows", MAKERS[maker][0]
    if isinstance(states, Exception):
        raise states
    for version, expected in states.items():
        if version is None or (format, "version") not in REFUSED_MOMENTS:
            sql = f"SELECT * FROM {name}" + ("" if version is None else f" VERSION AS OF {version}")
            ours = ask(sql)
            assert described(ours) == described(expected), sql
            assert cells(ours) == cells(expected), sql

    expected = states[None]
    chance, duck = random.Random(seed), duckdb.connect()
    duck.execute("SET TimeZone = 'UTC'")
    duck.register("expected", expected)
    for _ in range(6):
        where = predicate(chance, expected)
        wanted = [row[0] for row in duck.execute(f"SELECT id FROM expected WHERE {where} ORDER BY id").fetchall()]
        assert ask(f"SELECT id FROM {name} WHERE {where} ORDER BY id")["id"].to_pylist() == wanted, f"{name} WHERE {where}"
        assert ask(f"SELECT count(*) AS n FROM {name} WHERE {where}")["n"].to_pylist() == [len(wanted)], f"count of {name} WHERE {where}"
    for field in expected.schema:
        if compares(field.type) and not pa.types.is_boolean(field.type):
            column = expected[field.name]
            wanted = [(len(column) - column.null_count, pc.min(column).as_py(), pc.max(column).as_py())]
            got = ask(f'SELECT count("{field.name}") AS n, min("{field.name}") AS low, max("{field.name}") AS high FROM {name}').to_pylist()
            assert [tuple(row.values()) for row in got] == wanted, f"{name}, column {field.name}"
