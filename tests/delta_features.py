"""Writes Delta tables with features that deltalake cannot write, by hand after the Delta protocol.

    python tests/delta_features.py FOLDER [CASES...]

As in delta_tables.py, FOLDER/<case>/table is a table and FOLDER/<case>/v<version>.parquet the rows that it has at a version by
the rules of the protocol: they are computed here, and no reader of Delta tables has a part in it.
"""

import datetime
import decimal
import json
import os
import pathlib
import sys
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

from delta_tables import Case, add, commit, mapped, metadata, protocol

UTC = datetime.timezone.utc
D = decimal.Decimal
F32 = 3.4028234663852886e38


def field(name, data_type, changes=(), **more):
    """A field of a schema, with the changes of its type as (from, to) or (from, to, path)."""
    described = [{"fromType": change[0], "toType": change[1]} | ({"fieldPath": change[2]} if len(change) > 2 else {}) for change in changes]
    return {"name": name, "type": data_type, "nullable": True, "metadata": ({"delta.typeChanges": described} if described else {}) | more}


def write(case, name, rows, schema, values=None, at=None, **options):
    """A data file and its entry in the log, with the statistics that Spark would write."""
    case.table.mkdir(exist_ok=True)
    file = case.table / name
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, file, **options)
    least, greatest, nulls = {}, {}, {}
    for column in schema:
        cells = [row[column.name] for row in rows]
        known = [cell for cell in cells if cell is not None]
        nulls[column.name] = len(cells) - len(known)
        if known and not pa.types.is_nested(column.type) and not pa.types.is_binary(column.type) and not pa.types.is_boolean(column.type):
            least[column.name], greatest[column.name] = shown(min(known)), shown(max(known))
    return add(at or name, file, values, minValues=least, maxValues=greatest, nullCount=nulls)


def shown(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return float(value) if isinstance(value, decimal.Decimal) else value


# Name, old and new type in the log, old and new type in Arrow, values of the old type, values of the new one.
BYTES, SHORTS, INTS, LONGS = [-128, 127], [-32768, 32767], [-2**31, 2**31 - 1], [-2**63, 2**63 - 1]
WIDENED = [
    ("byte_short", "byte", "short", pa.int8(), pa.int16(), BYTES, SHORTS),
    ("byte_int", "byte", "integer", pa.int8(), pa.int32(), BYTES, INTS),
    ("byte_long", "byte", "long", pa.int8(), pa.int64(), BYTES, LONGS),
    ("short_int", "short", "integer", pa.int16(), pa.int32(), SHORTS, INTS),
    ("short_long", "short", "long", pa.int16(), pa.int64(), SHORTS, LONGS),
    ("int_long", "integer", "long", pa.int32(), pa.int64(), INTS, LONGS),
    ("float_double", "float", "double", pa.float32(), pa.float64(), [0.1, F32], [-1e300, 0.1]),
    ("byte_double", "byte", "double", pa.int8(), pa.float64(), BYTES, [-0.5, 1e300]),
    ("short_double", "short", "double", pa.int16(), pa.float64(), SHORTS, [-0.5, 1e300]),
    ("int_double", "integer", "double", pa.int32(), pa.float64(), INTS, [-0.5, 1e300]),
    ("byte_decimal", "byte", "decimal(10,0)", pa.int8(), pa.decimal128(10, 0), BYTES, [D(-5), D(9999999999)]),
    ("short_decimal", "short", "decimal(12,2)", pa.int16(), pa.decimal128(12, 2), SHORTS, [D("-0.01"), D("9999999999.99")]),
    ("int_decimal", "integer", "decimal(12,2)", pa.int32(), pa.decimal128(12, 2), INTS, [D("-0.01"), D("9999999999.99")]),
    ("long_decimal", "long", "decimal(20,0)", pa.int64(), pa.decimal128(20, 0), LONGS, [D(-1), D("99999999999999999999")]),
    ("long_scaled", "long", "decimal(24,4)", pa.int64(), pa.decimal128(24, 4), LONGS, [D("-0.0001"), D(10**19)]),
    ("decimal_wide", "decimal(4,2)", "decimal(12,2)", pa.decimal128(4, 2), pa.decimal128(12, 2), [D("-99.99"), D("12.34")], [D(0), D("1234567890.12")]),
    ("decimal_scaled", "decimal(9,2)", "decimal(38,12)", pa.decimal128(9, 2), pa.decimal128(38, 12), [D("-1234567.89"), D("0.01")], [D("0.000000000001"), D(10**25)]),
    ("date_local", "date", "timestamp_ntz", pa.date32(), pa.timestamp("us"),
     [datetime.date(1969, 12, 31), datetime.date(2024, 2, 29)], [datetime.datetime(2024, 2, 29, 0, 0, 0, 1), datetime.datetime(2030, 1, 1, 12)]),
]


def widened(value, data_type):
    if value is None:
        return None
    if pa.types.is_timestamp(data_type):
        return datetime.datetime.combine(value, datetime.time())
    if pa.types.is_decimal(data_type):
        return D(value)
    return float(value) if pa.types.is_floating(data_type) else value


def single(value):
    """A number as a 32-bit float holds it."""
    return pa.scalar(value, pa.float32()).as_py()


def type_widening(folder):
    """Every widening of a column and within columns; files of the old type stay as they are."""
    case = Case(folder, "widened")
    features = [protocol("typeWidening", "timestampNtz")]
    # Integers in files are signed ones of their own width, decimals are as small as they can be.
    old = pa.schema([("id", pa.int64())] + [(name, before) for name, _, _, before, *_ in WIDENED])
    new = pa.schema([("id", pa.int64())] + [(name, after) for name, _, _, _, after, *_ in WIDENED])
    first = [{"id": i} | {c[0]: c[5][i] if i < 2 else None for c in WIDENED} for i in range(3)]
    for row in first:
        row["float_double"] = row["float_double"] and single(row["float_double"])
    second = [{"id": 10 + i} | {c[0]: c[6][i] if i < 2 else None for c in WIDENED} for i in range(3)]
    before = [field("id", "long")] + [field(c[0], c[1]) for c in WIDENED]
    after = [field("id", "long")] + [field(c[0], c[2], [(c[1], c[2])]) for c in WIDENED]
    commit(case, 0, features + [metadata(before)])
    commit(case, 1, [write(case, "old.parquet", first, old, store_decimal_as_integer=True)])
    commit(case, 2, [metadata(after, **{"delta.enableTypeWidening": "true"})])
    commit(case, 3, [write(case, "new.parquet", second, new)])
    wide = [{"id": row["id"]} | {c[0]: widened(row[c[0]], c[4]) for c in WIDENED} for row in first]
    case.answer(1, pa.Table.from_pylist(first, schema=old))
    case.answer(2, pa.Table.from_pylist(wide, schema=new))
    case.answer(3, pa.Table.from_pylist(wide + second, schema=new))

    nested = Case(folder, "widened_nested")
    def types(number, fraction, day):
        return pa.schema([("id", pa.int64()), ("s", pa.struct([("n", number), ("t", pa.string())])), ("l", pa.list_(number)),
                          ("m", pa.map_(number, fraction)), ("deep", pa.list_(pa.struct([("m", pa.map_(pa.string(), day))])))])
    def fields(number, fraction, day, change=True):
        n, f, d = (("integer", number), ("float", fraction), ("date", day)) if change else (None, None, None)
        one = lambda pair, path=None: [] if not change else [pair if path is None else (*pair, path)]
        array = lambda of: {"type": "array", "elementType": of, "containsNull": True}
        map_of = lambda key, value: {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
        struct = lambda *of: {"type": "struct", "fields": list(of)}
        return [field("id", "long"), field("s", struct(field("n", number, one(n)), field("t", "string"))),
                field("l", array(number), one(n, "element")),
                field("m", map_of(number, fraction), one(n, "key") + one(f, "value")),
                field("deep", array(struct(field("m", map_of("string", day), one(d, "value")))))]
    day, moment = datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29)
    def rows(id, number, fraction, day):
        return [{"id": id, "s": {"n": number, "t": "x"}, "l": [number, None], "m": [(number, fraction), (1, None)], "deep": [{"m": [("k", day)]}, None]},
                {"id": id + 1, "s": None, "l": None, "m": [], "deep": []}, {"id": id + 2, "s": {"n": None, "t": None}, "l": [], "m": None, "deep": None}]
    old, new = types(pa.int32(), pa.float32(), pa.date32()), types(pa.int64(), pa.float64(), pa.timestamp("us"))
    tenth = single(0.1)
    commit(nested, 0, features + [metadata(fields("integer", "float", "date", False))])
    commit(nested, 1, [write(nested, "old.parquet", rows(1, 2**31 - 1, tenth, day), old)])
    later = datetime.datetime(2024, 2, 29, 1)
    commit(nested, 2, [metadata(fields("long", "double", "timestamp_ntz")), write(nested, "new.parquet", rows(11, 2**40, 0.1, later), new)])
    nested.answer(1, pa.Table.from_pylist(rows(1, 2**31 - 1, tenth, day), schema=old))
    nested.answer(2, pa.Table.from_pylist(rows(1, 2**31 - 1, tenth, moment) + rows(11, 2**40, 0.1, later), schema=new))

    parts = Case(folder, "widened_partitions")
    columns = [("n", "integer", "long", pa.int64(), "7", "1099511627776", 7, 2**40),
               ("f", "float", "double", pa.float64(), "1.5", "1.0E300", 1.5, 1e300),
               ("i", "integer", "decimal(12,2)", pa.decimal128(12, 2), "-7", "0.05", D(-7), D("0.05")),
               ("p", "decimal(4,2)", "decimal(9,4)", pa.decimal128(9, 4), "-1.50", "12345.0001", D("-1.5"), D("12345.0001")),
               ("e", "decimal(9,8)", "decimal(20,10)", pa.decimal128(20, 10), "1E-8", "1.5E-9", D("1E-8"), D("1.5E-9")),
               ("d", "date", "timestamp_ntz", pa.timestamp("us"), "2024-02-29", "2024-02-29 00:00:00.000001",
                datetime.datetime(2024, 2, 29), datetime.datetime(2024, 2, 29, 0, 0, 0, 1))]
    names = [c[0] for c in columns]
    file = pa.schema([("id", pa.int64())])
    commit(parts, 0, features + [metadata([field("id", "long")] + [field(c[0], c[1]) for c in columns], names)])
    commit(parts, 1, [write(parts, "old.parquet", [{"id": 1}], file, {c[0]: c[4] for c in columns}),
                      write(parts, "none.parquet", [{"id": 3}], file, {c[0]: None for c in columns})])
    commit(parts, 2, [metadata([field("id", "long")] + [field(c[0], c[2], [(c[1], c[2])]) for c in columns], names),
                      write(parts, "new.parquet", [{"id": 2}], file, {c[0]: c[5] for c in columns})])
    schema = pa.schema([("id", pa.int64())] + [(c[0], c[3]) for c in columns])
    parts.answer(2, pa.Table.from_pylist([{"id": 1} | {c[0]: c[6] for c in columns}, {"id": 2} | {c[0]: c[7] for c in columns},
                                         {"id": 3} | {name: None for name in names}], schema=schema))


def partition_values(folder):
    """Partition values of every type as the protocol writes them, with NULL in each of its three forms."""
    case = Case(folder, "partition_values")
    nan, infinity = float("nan"), float("inf")
    columns = [
        ("text", "string", pa.string(), [("a b/ä%20=\"", "a b/ä%20=\""), ("__HIVE_DEFAULT_PARTITION__", "__HIVE_DEFAULT_PARTITION__")]),
        ("tiny", "byte", pa.int8(), [("-128", -128), ("0", 0)]),
        ("small", "short", pa.int16(), [("32767", 32767), ("-1", -1)]),
        ("number", "integer", pa.int32(), [("-2147483648", -2**31), ("7", 7)]),
        ("long", "long", pa.int64(), [("9223372036854775807", 2**63 - 1), ("-9", -9)]),
        ("float", "float", pa.float32(), [("0.1", single(0.1)), ("NaN", nan)]),
        ("double", "double", pa.float64(), [("-Infinity", -infinity), ("1.0E10", 1e10)]),
        ("flag", "boolean", pa.bool_(), [("true", True), ("false", False)]),
        ("price", "decimal(9,2)", pa.decimal128(9, 2), [("-1234567.89", D("-1234567.89")), ("0.10", D("0.10"))]),
        ("huge", "decimal(38,10)", pa.decimal128(38, 10), [("1234567890123456789012345678.0123456789", D("1234567890123456789012345678.0123456789")), ("5.0000000000", D(5))]),
        ("bytes", "binary", pa.binary(), [("\u0001\u0002\u0003", b"\x01\x02\x03"), ("é", "é".encode())]),
        ("day", "date", pa.date32(), [("0001-01-01", datetime.date(1, 1, 1)), ("2024-02-29", datetime.date(2024, 2, 29))]),
        ("instant", "timestamp", pa.timestamp("us", "UTC"),
         [("1969-12-31 23:59:59.999999", datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)), ("2024-02-29T01:02:03.000004Z", datetime.datetime(2024, 2, 29, 1, 2, 3, 4, UTC))]),
        ("local", "timestamp_ntz", pa.timestamp("us"),
         [("2024-03-31 02:30:00", datetime.datetime(2024, 3, 31, 2, 30)), ("1970-01-01 00:00:00.5", datetime.datetime(1970, 1, 1, 0, 0, 0, 500000))]),
    ]
    file = pa.schema([("id", pa.int64())])
    actions, rows = [], []
    for at in (0, 1):
        values = {c[0]: c[3][at][0] for c in columns}
        actions.append(write(case, f"value {at}.parquet", [{"id": at}], file, values, at=f"value%20{at}.parquet"))
        rows.append({"id": at} | {c[0]: c[3][at][1] for c in columns})
    for at, values in ((2, {c[0]: None for c in columns}), (3, {c[0]: "" for c in columns}), (4, {})):
        actions.append(write(case, f"none-{at}.parquet", [{"id": at}], file, values))
        rows.append({"id": at} | {c[0]: None for c in columns})
    fields = [field("id", "long")] + [field(c[0], c[1]) for c in columns]
    commit(case, 0, [protocol("timestampNtz"), metadata(fields, [c[0] for c in columns])] + actions)
    schema = pa.schema([("id", pa.int64())] + [(c[0], c[2]) for c in columns])
    case.answer(0, pa.Table.from_pylist(rows, schema=schema))


def deep_mapping(folder):
    """Mapped names at any depth: in a struct in a list in a map, renamed, with a field that the file lacks."""
    for mode in ("name", "id"):
        case = Case(folder, f"deep_by_{mode}")
        name = (lambda physical, other: physical) if mode == "name" else (lambda physical, other: other)
        def known(physical, other, data_type, id):
            return pa.field(name(physical, other), data_type, metadata={"PARQUET:field_id": str(id)})
        inner = pa.struct([known("p-x", "y", pa.int64(), 4), known("p-y", "x", pa.string(), 5)])
        schema = pa.schema([known("p-id", "zz", pa.int64(), 1), known("p-deep", "id", pa.map_(pa.string(), pa.list_(inner)), 2)])
        keys = (schema.field(0).name, schema.field(1).name, inner.field(0).name, inner.field(1).name)
        cells = [[("k", [(1, "a"), None, (None, None)]), ("l", None)], [], None]
        def value(cell, x, y, **more):
            return cell if cell is None else [(k, items and [i and {x: i[0], y: i[1]} | more for i in items]) for k, items in cell]
        rows = [{keys[0]: at, keys[1]: value(cell, keys[2], keys[3])} for at, cell in enumerate(cells)]
        case.table.mkdir()
        file = case.table / "deep.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), file)
        struct = {"type": "struct", "fields": [mapped("y", "string", 5, "p-y"), mapped("new", "long", 6, "p-new"), mapped("x", "long", 4, "p-x")]}
        items = {"type": "array", "elementType": struct, "containsNull": True}
        deep = {"type": "map", "keyType": "string", "valueType": items, "valueContainsNull": True}
        fields = [mapped("deep", deep, 2, "p-deep"), mapped("day", "date", 3, "p-day"), mapped("id", "long", 1, "p-id")]
        mapping = {"delta.columnMapping.mode": mode, "delta.columnMapping.maxColumnId": "6"}
        commit(case, 0, [protocol("columnMapping"), metadata(fields, ["day"], **mapping),
                         add("deep.parquet", file, {"p-day": "2024-02-29"}, minValues={"p-id": 0}, maxValues={"p-id": 2}, nullCount={"p-id": 0})])
        item = pa.struct([("y", pa.string()), ("new", pa.int64()), ("x", pa.int64())])
        answer = pa.schema([("deep", pa.map_(pa.string(), pa.list_(item))), ("day", pa.date32()), ("id", pa.int64())])
        case.answer(0, pa.Table.from_pylist([{"deep": value(cell, "x", "y", new=None), "day": datetime.date(2024, 2, 29), "id": at}
                                             for at, cell in enumerate(cells)], schema=answer))


# ---- checkpoints

VECTOR = pa.struct([("storageType", pa.string()), ("pathOrInlineDv", pa.string()), ("offset", pa.int32()), ("sizeInBytes", pa.int32()), ("cardinality", pa.int64())])
ADD = pa.struct([("path", pa.string()), ("partitionValues", pa.map_(pa.string(), pa.string())), ("size", pa.int64()), ("modificationTime", pa.int64()),
                 ("dataChange", pa.bool_()), ("stats", pa.string()), ("deletionVector", VECTOR)])
REMOVE = pa.struct([("path", pa.string()), ("deletionTimestamp", pa.int64()), ("dataChange", pa.bool_())])
PROTOCOL = pa.struct([("minReaderVersion", pa.int32()), ("minWriterVersion", pa.int32()), ("readerFeatures", pa.list_(pa.string())), ("writerFeatures", pa.list_(pa.string()))])
METADATA = pa.struct([("id", pa.string()), ("format", pa.struct([("provider", pa.string()), ("options", pa.map_(pa.string(), pa.string()))])), ("schemaString", pa.string()),
                      ("partitionColumns", pa.list_(pa.string())), ("configuration", pa.map_(pa.string(), pa.string())), ("createdTime", pa.int64())])
SIDECAR = pa.struct([("path", pa.string()), ("sizeInBytes", pa.int64()), ("modificationTime", pa.int64()), ("tags", pa.map_(pa.string(), pa.string()))])
VERSION = pa.struct([("version", pa.int64()), ("tags", pa.map_(pa.string(), pa.string()))])
ACTIONS = {"protocol": PROTOCOL, "metaData": METADATA, "add": ADD, "remove": REMOVE, "sidecar": SIDECAR, "checkpointMetadata": VERSION}


def checkpoint_parquet(file, actions, names):
    schema = pa.schema([(name, ACTIONS[name]) for name in names])
    def flat(value):
        """Maps of JSON as lists of pairs."""
        value = dict(value)
        for key in ("partitionValues", "configuration", "tags"):
            if isinstance(value.get(key), dict):
                value[key] = list(value[key].items())
        if "format" in value:
            value["format"] = {"provider": "parquet", "options": []}
        return value
    pq.write_table(pa.Table.from_pylist([{name: flat(value)} for action in actions for name, value in action.items()], schema=schema), file)
    return file.stat().st_size


def only_checkpoint(case, fields, features, files, write_checkpoint):
    """A table whose first versions are in a checkpoint of version 2 alone, and one commit after it."""
    schema = pa.schema([("id", pa.int64())])
    adds = [write(case, f"{at}.parquet", [{"id": at * 10 + i} for i in range(3)], schema) for at in range(files)]
    log = case.table / "_delta_log"
    log.mkdir()
    needs = [protocol(*features), metadata(fields)]
    write_checkpoint(log, needs, adds)
    commit(case, 3, [write(case, "later.parquet", [{"id": 1000}], schema), {"remove": {"path": "0.parquet", "deletionTimestamp": 1, "dataChange": True}}])
    ids = [at * 10 + i for at in range(files) for i in range(3)]
    case.answer(2, pa.table({"id": pa.array(ids, pa.int64())}))
    case.answer(3, pa.table({"id": pa.array(ids[3:] + [1000], pa.int64())}))


def checkpoint_forms(folder):
    fields = [field("id", "long")]
    name = f"{2:020}.checkpoint"

    def parts(log, needs, adds):
        for part, actions in enumerate((needs, adds[:2], adds[2:]), 1):
            checkpoint_parquet(log / f"{name}.{part:010}.{3:010}.parquet", actions, ("protocol", "metaData", "add", "remove"))
        (log / "_last_checkpoint").write_text(json.dumps({"version": 2, "size": len(adds) + 2, "parts": 3}))

    def whole(log, needs, adds):
        checkpoint_parquet(log / f"{name}.parquet", needs + adds, ("protocol", "metaData", "add", "remove"))

    def sidecars(log, adds):
        (log / "_sidecars").mkdir()
        for at, chosen in enumerate((adds[:2], adds[2:])):
            file = log / "_sidecars" / f"{uuid.UUID(int=at)}.parquet"
            size = checkpoint_parquet(file, chosen, ("add", "remove"))
            yield {"sidecar": {"path": file.name, "sizeInBytes": size, "modificationTime": 0, "tags": {}}}

    def v2_json(log, needs, adds):
        lines = [{"checkpointMetadata": {"version": 2, "tags": {}}}] + needs + list(sidecars(log, adds))
        file = f"{name}.{uuid.UUID(int=7)}.json"
        (log / file).write_text("\n".join(json.dumps(line) for line in lines) + "\n")

    def v2_parquet(log, needs, adds):
        lines = [{"checkpointMetadata": {"version": 2, "tags": {}}}] + needs + list(sidecars(log, adds))
        checkpoint_parquet(log / f"{name}.{uuid.UUID(int=7)}.parquet", lines, ("checkpointMetadata", "protocol", "metaData", "sidecar", "add", "remove"))

    def v2_without_sidecars(log, needs, adds):
        lines = [{"checkpointMetadata": {"version": 2, "tags": {}}}] + needs + adds
        (log / f"{name}.{uuid.UUID(int=7)}.json").write_text("\n".join(json.dumps(line) for line in lines) + "\n")

    def v2_classic_name(log, needs, adds):
        lines = [{"checkpointMetadata": {"version": 2, "tags": {}}}] + needs + list(sidecars(log, adds))
        checkpoint_parquet(log / f"{name}.parquet", lines, ("checkpointMetadata", "protocol", "metaData", "sidecar", "add", "remove"))

    for write_checkpoint in (parts, whole, v2_json, v2_parquet, v2_without_sidecars, v2_classic_name):
        features = ["v2Checkpoint"] if write_checkpoint.__name__.startswith("v2") else ["deletionVectors"]
        case = Case(folder, f"checkpoint_{write_checkpoint.__name__}")
        only_checkpoint(case, fields, features, 4, write_checkpoint)


def log_compaction(folder):
    """A compacted file beside the commits it holds, which say the same."""
    case = Case(folder, "compacted_log")
    schema = pa.schema([("id", pa.int64())])
    adds = [write(case, f"{at}.parquet", [{"id": at}], schema) for at in range(4)]
    remove = {"remove": {"path": "0.parquet", "deletionTimestamp": 1, "dataChange": True}}
    needs = [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}, metadata([field("id", "long")])]
    for version, actions in enumerate((needs + adds[:1], [adds[1]], [adds[2], remove], [adds[3]])):
        commit(case, version, actions)
    compacted = case.table / "_delta_log" / f"{1:020}.{2:020}.compacted.json"
    compacted.write_text("\n".join(json.dumps(action) for action in (adds[1], adds[2], remove)) + "\n")
    for version, ids in enumerate(([0], [0, 1], [1, 2], [1, 2, 3])):
        case.answer(version, pa.table({"id": pa.array(ids, pa.int64())}))


def main(folder, *names):
    for make in (type_widening, partition_values, deep_mapping, checkpoint_forms, log_compaction):
        if not names or make.__name__ in names:
            make(pathlib.Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
    # All is written. Threads of the writers' libraries can abort an interpreter that stops while they live.
    sys.stderr.flush()
    os._exit(0)
