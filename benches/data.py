"""The data of the benches: TPC-H in three formats as a mesh of three domains, and generated meshes of many products."""

import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from sample_mesh import Product, Version  # noqa: E402

# Where each table of TPC-H is: domain, product, format.
TABLES = {
    "lineitem": ("sales", "orders", "parquet"), "orders": ("sales", "orders", "parquet"),
    "customer": ("trade", "goods", "delta"), "part": ("trade", "goods", "delta"), "partsupp": ("trade", "goods", "delta"),
    "supplier": ("geography", "places", "iceberg"), "nation": ("geography", "places", "iceberg"),
    "region": ("geography", "places", "iceberg"),
}
ROW_GROUP_ROWS = 215_000
WANTED = 3  # products of a generated mesh that have data
SILENT_DOMAIN = "domain_50"  # its ports are on a store that does not answer
SILENT_STORE = {"type": "s3", "location": "s3://gone/{model}", "endpointUrl": "http://192.0.2.1:9000"}  # RFC 5737


def tpch_folder(options):
    return options.data / f"tpch-sf{options.scale_factor:g}"


def parquet_files(options, table):
    return sorted((tpch_folder(options) / "parquet" / table).glob("*.parquet"))


def tpch_mesh(options):
    return tpch_folder(options) / "mesh"


def sql_name(table):
    domain, product, _ = TABLES[table]
    return f"{domain}.{product}.{table}"


def make(options):
    """Makes what is missing."""
    folder = tpch_folder(options)
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make_parquet(options, folder / "parquet")
        make_tpch_mesh(options)
        (folder / "complete").touch()
    for count in (10, options.products):
        mesh = generated_mesh(options, count)
        if not (mesh / "complete").exists():
            shutil.rmtree(mesh, ignore_errors=True)
            make_generated_mesh(mesh, count)
            (mesh / "complete").touch()


def make_parquet(options, folder):
    program = pathlib.Path(sys.executable).parent / "tpchgen-cli"
    for tables, parts in (("lineitem,orders", 4), ("customer,part,partsupp,supplier,nation,region", 1)):
        subprocess.check_call([
            program, "parquet", "-s", f"{options.scale_factor:g}", "-o", folder, "--parts", str(parts), "-T", tables,
            "-c", "ZSTD(1)", "--row-group-bytes=16MB", "--overwrite", "--no-progress"])


def make_tpch_mesh(options):
    mesh = tpch_mesh(options)
    for domain, name in sorted({(domain, name) for domain, name, _ in TABLES.values()}):
        tables = [table for table, place in TABLES.items() if place[:2] == (domain, name)]
        kind = TABLES[tables[0]][2]
        version = Version("1.0.0", {table: [] for table in tables}, format=kind, path="data/{model}/" if kind == "parquet" else "data/{model}")
        folder = Product(domain, name, [version]).write(mesh)
        {"parquet": link_parquet, "delta": write_delta, "iceberg": write_iceberg}[kind](options, folder / "data", tables)


def link_parquet(options, folder, tables):
    for table in tables:
        (folder / table).mkdir(parents=True)
        for file in parquet_files(options, table):
            os.link(file, folder / table / file.name)


def parquet_mesh(options):
    """The Parquet files alone as one product, made if it is not there."""
    mesh = tpch_folder(options) / "mesh-parquet"
    if not (mesh / "complete").exists():
        shutil.rmtree(mesh, ignore_errors=True)
        version = Version("1.0.0", {table: [] for table in TABLES}, format="parquet", path="data/{model}/")
        link_parquet(options, Product("plain", "tpch", [version]).write(mesh) / "data", TABLES)
        (mesh / "complete").touch()
    return mesh


def write_delta(options, folder, tables):
    from deltalake import WriterProperties, write_deltalake

    properties = WriterProperties(compression="ZSTD", compression_level=1, max_row_group_size=ROW_GROUP_ROWS)
    for table in tables:
        for file in parquet_files(options, table):
            write_deltalake(str(folder / table), plain(file), mode="append", writer_properties=properties)


def write_iceberg(options, folder, tables):
    from pyiceberg.catalog.sql import SqlCatalog

    folder.mkdir(parents=True)
    catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
    catalog.create_namespace("tpch")
    properties = {"write.parquet.compression-codec": "zstd", "write.parquet.compression-level": "1",
                  "write.parquet.row-group-limit": str(ROW_GROUP_ROWS), "format-version": "2"}
    for table in tables:
        files = parquet_files(options, table)
        made = catalog.create_table(f"tpch.{table}", schema=plain(files[0]).schema, location=f"file://{folder}/{table}",
                                    properties=properties)
        for file in files:
            made.append(plain(file))
        stem = pathlib.Path(made.metadata_location).name.removesuffix(".metadata.json")
        (folder / table / "metadata/version-hint.text").write_text(stem, encoding="utf-8")


def plain(file):
    """A file's rows with ordinary strings, so that every writer takes them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pq.read_table(file)
    fields = [pa.field(field.name, pa.string() if pa.types.is_string_view(field.type) else field.type, nullable=False)
              for field in rows.schema]
    return rows.cast(pa.schema(fields))


# ---- meshes of many products


def generated_mesh(options, count):
    return options.data / f"mesh-{count}-products"


def make_generated_mesh(mesh, count):
    """A mesh of `count` products in up to a hundred domains; three have a few rows, the others only documents, and one domain's
    store does not answer."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sample_mesh import column

    columns = [column("id", "integer", "BIGINT", required=True, primaryKey=True, primaryKeyPosition=1)]
    columns += [column(f"text_{number}", "string", "VARCHAR", description="A word.") for number in range(6)]
    columns += [column(f"value_{number}", "number", "DOUBLE", classification="internal") for number in range(6)]
    for number in range(count):
        wanted = number < WANTED
        domain, name = ("wanted", f"product_{number}") if wanted else (f"domain_{number % 100}", f"product_{number}")
        server = SILENT_STORE if domain == SILENT_DOMAIN else {}
        version = Version("1.0.0", {"rows": columns}, path="data/{model}.parquet", server=server)
        folder = Product(domain, name, [version], {"description": {"purpose": f"Product {number} of a generated mesh."}}).write(mesh)
        if wanted:
            (folder / "data").mkdir()
            ids = pa.array(range(1000), pa.int64())
            texts = {f"text_{n}": pa.array([f"{i % (n + 2)}" for i in range(1000)]) for n in range(6)}
            values = {f"value_{n}": pa.array([float(i * n) for i in range(1000)]) for n in range(6)}
            pq.write_table(pa.table({"id": ids} | texts | values), folder / "data/rows.parquet")
