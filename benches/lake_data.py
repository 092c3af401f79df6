"""lineitem as Parquet, Delta and Iceberg over the very same data files, whole and with deleted rows, by month, and a table of ten
thousand files: one mesh of one domain, `lake`, with a product for each.

pyiceberg writes the data files; the Parquet folders and the Delta logs link to them, so that what differs is only how the files are found.
"""

import datetime
import json
import os
import pathlib
import shutil
import struct
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from sample_mesh import Product, Version  # noqa: E402

import data  # noqa: E402

DELETED_OF = 20  # every twentieth row is deleted: 5 %
FILES, ROWS_OF_FILE = 10_000, 100
PRODUCTS = {
    "plain": ("parquet", "lineitem"), "delta": ("delta", "lineitem"), "iceberg": ("iceberg", "lineitem"),
    "delta_deleted": ("delta", "lineitem"), "iceberg_deleted": ("iceberg", "lineitem"),
    "delta_month": ("delta", "lineitem"), "iceberg_month": ("iceberg", "lineitem"),
    "delta_files": ("delta", "keys"), "iceberg_files": ("iceberg", "keys"),
}


def mesh(options):
    return options.data / f"lake-sf{options.scale_factor:g}"


def table_folder(options, product):
    return mesh(options) / "domains/lake" / product / "data" / PRODUCTS[product][1]


def make(options):
    """Makes the mesh, if it is not there."""
    if (mesh(options) / "complete").exists():
        return
    shutil.rmtree(mesh(options), ignore_errors=True)
    for product, (kind, table) in PRODUCTS.items():
        path = "data/{model}/" if kind == "parquet" else "data/{model}"
        Product("lake", product, [Version("1.0.0", {table: []}, format=kind, path=path)]).write(mesh(options))
    catalog = open_catalog(options)
    parts = [data.plain(file) for file in data.parquet_files(options, "lineitem")]
    for product in ("iceberg", "iceberg_deleted"):
        write_iceberg(catalog, table_folder(options, product), parts)
    files = data_files(table_folder(options, "iceberg"))
    link(files, table_folder(options, "plain"))
    for product in ("delta", "delta_deleted"):
        write_delta(table_folder(options, product), files, deleted=product == "delta_deleted")
    delete_positions(catalog, table_folder(options, "iceberg_deleted"))
    write_months(options, catalog, parts)
    write_many_files(options, catalog)
    (mesh(options) / "complete").touch()


def open_catalog(options):
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("lake", uri=f"sqlite:///{mesh(options)}/catalog.db", warehouse=f"file://{mesh(options)}")
    catalog.create_namespace("lake")
    return catalog


PROPERTIES = {"write.parquet.compression-codec": "zstd", "write.parquet.compression-level": "1",
              "write.parquet.row-group-limit": str(data.ROW_GROUP_ROWS), "format-version": "2"}


def write_iceberg(catalog, folder, parts, by_month=None):
    from pyiceberg.transforms import MonthTransform

    made = catalog.create_table(f"lake.{folder.parent.parent.name}", schema=parts[0].schema, location=f"file://{folder}",
                                properties=PROPERTIES)
    if by_month:
        with made.update_spec() as update:
            update.add_field(by_month, MonthTransform(), f"{by_month}_month")
    for rows in parts:
        made.append(rows)
    hint(made, folder)
    return made


def hint(made, folder):
    stem = pathlib.Path(made.metadata_location).name.removesuffix(".metadata.json")
    (folder / "metadata/version-hint.text").write_text(stem, encoding="utf-8")


def data_files(folder):
    return sorted((folder / "data").rglob("*.parquet"))


def link(files, folder):
    folder.mkdir(parents=True)
    linked = []
    for number, file in enumerate(files):
        linked.append(folder / f"part-{number:05}.parquet")
        os.link(file, linked[-1])
    return linked


# ---- Delta: the log by hand, after its protocol


def write_delta(folder, files, deleted=False, partitions=None):
    """A table of one commit over `files`, with their statistics."""
    import pyarrow.parquet as pq

    linked = link(files, folder)
    schema = pq.read_schema(linked[0])
    columns = [partition for partition in (["l_month"] if partitions else [])]
    fields = [{"name": field.name, "type": delta_type(field.type), "nullable": True, "metadata": {}} for field in schema]
    fields += [{"name": name, "type": "string", "nullable": True, "metadata": {}} for name in columns]
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    actions = [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7} | features},
        {"metaData": {"id": "0", "format": {"provider": "parquet", "options": {}}, "partitionColumns": columns,
                      "schemaString": json.dumps({"type": "struct", "fields": fields}), "configuration": {}, "createdTime": 0}}]
    for number, file in enumerate(linked):
        add = {"path": file.name, "size": file.stat().st_size, "modificationTime": 0, "dataChange": True,
               "partitionValues": {"l_month": partitions[number]} if partitions else {}, "stats": json.dumps(statistics_of(file))}
        if deleted:
            add["deletionVector"] = deletion_vector(folder, number, json.loads(add["stats"])["numRecords"])
        actions.append({"add": add})
    log = folder / "_delta_log"
    log.mkdir()
    (log / f"{0:020}.json").write_text("\n".join(map(json.dumps, actions)) + "\n", encoding="utf-8")


def delta_type(arrow):
    import pyarrow as pa

    if pa.types.is_decimal(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    return {pa.int64(): "long", pa.int32(): "integer", pa.date32(): "date"}.get(arrow, "string")


def statistics_of(file):
    import pyarrow.parquet as pq

    footer = pq.read_metadata(file)
    bounds = {"minValues": {}, "maxValues": {}, "nullCount": {}}
    for index in range(footer.num_columns):
        parts = [footer.row_group(group).column(index).statistics for group in range(footer.num_row_groups)]
        name = footer.schema.column(index).name
        bounds["minValues"][name] = plain_value(min(part.min for part in parts))
        bounds["maxValues"][name] = plain_value(max(part.max for part in parts))
        bounds["nullCount"][name] = sum(part.null_count for part in parts)
    return {"numRecords": footer.num_rows} | bounds


def plain_value(value):
    return value if isinstance(value, (int, str)) else value.isoformat() if isinstance(value, datetime.date) else float(value)


def deletion_vector(folder, number, rows):
    from pyroaring import BitMap64

    gone = range(0, rows, DELETED_OF)
    content = struct.pack("<I", 1681511377) + BitMap64(gone).serialize()
    target = folder / f"vector-{number}.bin"
    target.write_bytes(b"\x01" + struct.pack(">I", len(content)) + content + struct.pack(">I", zlib.crc32(content)))
    return {"storageType": "p", "pathOrInlineDv": f"file://{target}", "offset": 1, "sizeInBytes": len(content), "cardinality": len(gone)}


# ---- Iceberg: position deletes by pyiceberg's own manifest writer


def delete_positions(catalog, folder):
    import pyarrow.parquet as pq
    from iceberg_tables import delete_file, merge_on_read, position_file
    from pyiceberg.manifest import DataFileContent

    class Case:
        table = catalog.load_table(f"lake.{folder.parent.parent.name}")

    for number, task in enumerate(Case.table.scan().plan_files()):
        rows = [(task.file.file_path, row) for row in range(0, task.file.record_count, DELETED_OF)]
        path = position_file(Case, f"deletes-{number}", rows)
        assert pq.read_metadata(path).num_rows == len(rows)
        merge_on_read(Case, lambda snapshot: delete_file(Case, snapshot, path, DataFileContent.POSITION_DELETES, len(rows)))
    hint(Case.table, folder)


# ---- by month, and many files


def write_months(options, catalog, parts):
    import pyarrow as pa

    made = write_iceberg(catalog, table_folder(options, "iceberg_month"), [pa.concat_tables(parts)], by_month="l_shipdate")
    files = [pathlib.Path(task.file.file_path.removeprefix("file://")) for task in made.scan().plan_files()]
    months = [file.parent.name.split("=")[1] for file in files]
    write_delta(table_folder(options, "delta_month"), files, partitions=months)


def write_many_files(options, catalog):
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = table_folder(options, "iceberg_files")
    rows = lambda number: pa.table({  # noqa: E731
        "key": pa.array(range(number * ROWS_OF_FILE, (number + 1) * ROWS_OF_FILE), pa.int64()),
        "value": pa.array([f"value {number}"] * ROWS_OF_FILE)})
    made = catalog.create_table("lake.iceberg_files", schema=rows(0).schema, location=f"file://{folder}", properties=PROPERTIES)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    files = [folder / f"data/{number:05}.parquet" for number in range(FILES)]
    for number, file in enumerate(files):
        pq.write_table(rows(number), file, compression="zstd")
    for start in range(0, FILES, 1000):
        made.add_files([f"file://{file}" for file in files[start:start + 1000]])
    hint(made, folder)
    write_delta(table_folder(options, "delta_files"), files)
