"""Writes the small mesh that the SQL files and the Python clients ask, with the writers that people use.

    python tests/sample_mesh.py FOLDER

Three domains, one kind of port each: shop on Parquet, people on Delta Lake, stock on Iceberg; several files, commits and
partitions. No randomness and no clock: the same rows each time. `Product` writes documents for other tests too.
"""

import dataclasses
import datetime
import decimal
import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

UTC = datetime.timezone.utc
COUNTRIES = ["CH", "DE", "SE"]


@dataclasses.dataclass
class Version:
    """One output port and its contract, with one server."""

    version: str
    tables: dict[str, list[dict]]  # name of the table -> its ODCS properties; an empty list promises nothing
    format: str = "parquet"
    path: str = "data/{model}"
    status: str = "active"
    port: str | None = None
    deprecated: bool = False
    server: dict = dataclasses.field(default_factory=dict)
    sla: list[dict] = dataclasses.field(default_factory=list)
    contract: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Product:
    """A data product: writes its ODPS document and an ODCS document for each version."""

    domain: str
    name: str
    versions: list[Version]
    document: dict = dataclasses.field(default_factory=dict)

    def folder(self, mesh):
        return pathlib.Path(mesh) / "domains" / self.domain / self.name

    def write(self, mesh):
        folder = self.folder(mesh)
        folder.mkdir(parents=True, exist_ok=True)
        ports = []
        for version in self.versions:
            major = version.version.split(".")[0]
            contract_id = f"{self.domain}.{self.name}.{version.port or 'main'}.{major}"
            port = {"name": version.port or self.name, "type": version.format, "version": version.version,
                    "contractId": contract_id}
            ports.append(port | ({"deprecated": True} if version.deprecated else {}))
            contract = {
                "apiVersion": "v3.2.0", "kind": "DataContract", "id": contract_id, "name": self.name,
                "version": version.version, "status": version.status, "domain": self.domain,
                "servers": [{"server": "local", "type": "local", "format": version.format}
                            | ({} if "location" in version.server else {"path": version.path}) | version.server],
                "schema": [table(name, properties) for name, properties in version.tables.items()],
            }
            if version.sla:
                contract["slaProperties"] = version.sla
            suffix = f"{version.port}." if version.port else ""
            dump(folder / f"{self.name}.{suffix}v{major}.odcs.yaml", contract | version.contract)
        dump(folder / f"{self.name}.odps.yaml", {
            "apiVersion": "v1.1.0", "kind": "DataProduct", "id": f"{self.domain}-{self.name}", "name": self.name,
            "version": self.versions[-1].version, "status": "active", "domain": self.domain, "outputPorts": ports,
        } | self.document)
        return folder


def table(name, properties):
    entry = {"name": name, "physicalName": name, "logicalType": "object"}
    return entry | ({"properties": properties} if properties else {})


def column(name, logical_type, physical_type=None, **more):
    entry = {"name": name, "logicalType": logical_type}
    return entry | ({"physicalType": physical_type} if physical_type else {}) | more


def dump(path, document):
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")


# ---- rows


def orders():
    """1,000 orders of 40 customers; every seventh has no note."""
    numbers = range(1000)
    return pa.table({
        "order_id": pa.array(numbers, pa.int64()),
        "customer_id": pa.array([n * 7 % 40 for n in numbers], pa.int32()),
        "item_id": pa.array([n * 11 % 25 for n in numbers], pa.int32()),
        "quantity": pa.array([n % 5 + 1 for n in numbers], pa.int32()),
        "amount": pa.array([decimal.Decimal(n * 37 % 10_000) / 100 for n in numbers], pa.decimal128(12, 2)),
        "ordered_on": pa.array([datetime.date(2026, 1, 1) + datetime.timedelta(days=n % 90) for n in numbers]),
        "note": pa.array([None if n % 7 == 0 else f"note {n % 13}" for n in numbers], pa.string()),
        "country": pa.array([COUNTRIES[n % 3] for n in numbers], pa.string()),
    })


def customers():
    """40 customers; every tenth has no e-mail address."""
    numbers = range(40)
    return pa.table({
        "customer_id": pa.array(numbers, pa.int32()),
        "name": pa.array([f"Customer {n:02}" for n in numbers], pa.string()),
        "email": pa.array([None if n % 10 == 0 else f"c{n}@shop.example" for n in numbers], pa.string()),
        "born_on": pa.array([datetime.date(1960 + n, n % 12 + 1, n % 28 + 1) for n in numbers]),
        "country": pa.array([COUNTRIES[n * 5 % 3] for n in numbers], pa.string()),
    })


def items():
    """25 items; the prices have two digits after the point."""
    numbers = range(25)
    return pa.table({
        "item_id": pa.array(numbers, pa.int32()),
        "title": pa.array([f"Item {n:02}" for n in numbers], pa.string()),
        "price": pa.array([decimal.Decimal(n * n * 3 + 99) / 100 for n in numbers], pa.decimal128(10, 2)),
        "weight_kg": pa.array([None if n == 13 else n / 8 for n in numbers], pa.float64()),
        "added_at": pa.array([datetime.datetime(2026, 3, 1, n % 24, tzinfo=UTC) for n in numbers], pa.timestamp("us", tz="UTC")),
    })


def kinds():
    """Three rows of every type: the smallest, a usual one, and NULL."""
    date, moment = datetime.date(2026, 11, 21), datetime.datetime(2026, 11, 21, 13, 14, 15, 678901)
    return pa.table({
        "id": pa.array([1, 2, 3], pa.int32()),
        "flag": pa.array([False, True, None], pa.bool_()),
        "tiny": pa.array([-128, 7, None], pa.int8()),
        "small": pa.array([-32768, 7, None], pa.int16()),
        "whole": pa.array([-(2**31), 7, None], pa.int32()),
        "large": pa.array([-(2**63), 7, None], pa.int64()),
        "single": pa.array([-0.5, 7.25, None], pa.float32()),
        "double": pa.array([-0.5, 7.125, None], pa.float64()),
        "exact": pa.array([decimal.Decimal("-99999999.99"), decimal.Decimal("7.10"), None], pa.decimal128(10, 2)),
        "wide": pa.array([decimal.Decimal("-" + "9" * 38), decimal.Decimal(7), None], pa.decimal128(38, 0)),
        "day": pa.array([datetime.date(1, 1, 1), date, None], pa.date32()),
        "local_time": pa.array([datetime.datetime(1970, 1, 1), moment, None], pa.timestamp("us")),
        "instant": pa.array([datetime.datetime(1970, 1, 1, tzinfo=UTC), moment.replace(tzinfo=UTC), None], pa.timestamp("us", tz="UTC")),
        "text": pa.array(["", "Zürich 🎵", None], pa.string()),
        "bytes": pa.array([b"", b"\x00\xff", None], pa.binary()),
        "list": pa.array([[], [1, None, 3], None], pa.list_(pa.int32())),
        "struct": pa.array([{"a": 1, "b": "x"}, {"a": None, "b": "y"}, None], pa.struct([("a", pa.int32()), ("b", pa.string())])),
    })


# ---- the mesh


ORDER_COLUMNS = [
    column("order_id", "integer", "BIGINT", required=True, primaryKey=True, primaryKeyPosition=1, unique=True),
    column("customer_id", "integer", "INTEGER", required=True),
    column("item_id", "integer", "INTEGER", required=True),
    column("quantity", "integer", "INTEGER", required=True),
    column("amount", "number", "DECIMAL(12,2)", required=True, classification="restricted", description="In Swiss francs."),
    column("ordered_on", "date", "DATE", required=True),
    column("note", "string", "VARCHAR"),
    column("country", "string", "VARCHAR", required=True, partitioned=True, partitionKeyPosition=1),
]


def write_shop(mesh):
    product = Product("shop", "orders", [
        Version("1.3.0", {"orders": ORDER_COLUMNS[:5]}, path="data/v1/{model}.parquet", status="deprecated", deprecated=True),
        Version("2.1.0", {"orders": ORDER_COLUMNS}, path="data/v2/{model}/",
                server={"customProperties": [{"property": "partitioning", "value": "hive", "vendor": "samite"}]}),
    ], {"description": {"purpose": "What was ordered."}, "type": "sourceAligned", "tags": ["sales"],
        "team": {"name": "Shop", "members": [{"username": "ines@shop.example", "role": "data product owner"}]}})
    folder, rows = product.write(mesh), orders()
    (folder / "data/v1").mkdir(parents=True)
    pq.write_table(rows.select(["order_id", "customer_id", "item_id", "quantity", "amount"]), folder / "data/v1/orders.parquet")
    for country in COUNTRIES:
        part = folder / f"data/v2/orders/country={country}"
        part.mkdir(parents=True)
        chosen = rows.filter(pa.array([value == country for value in rows["country"].to_pylist()])).drop_columns("country")
        half = chosen.num_rows // 2
        pq.write_table(chosen.slice(0, half), part / "part-0.parquet", row_group_size=50)
        pq.write_table(chosen.slice(half), part / "part-1.parquet", row_group_size=50)

    folder = Product("shop", "kinds", [Version("1.0.0", {"kinds": []}, path="data/{model}.parquet")]).write(mesh)
    (folder / "data").mkdir()
    pq.write_table(kinds(), folder / "data/kinds.parquet")

    product = Product("shop", "calendar", [Version("1.0.0", {"days": [], "months": []}, path="data/{model}.parquet")])
    folder = product.write(mesh)
    (folder / "data").mkdir()
    pq.write_table(pa.table({"day": pa.array([datetime.date(2026, 1, n) for n in range(1, 32)])}), folder / "data/days.parquet")
    pq.write_table(pa.table({"month": pa.array(range(1, 13), pa.int32())}), folder / "data/months.parquet")

    product = Product("shop", "Price-List", [Version("1.0.0", {"Prices": [column("Price", "number")]}, path="data.parquet")])
    pq.write_table(pa.table({"Price": pa.array([1.5, 2.5], pa.float64())}), product.write(mesh) / "data.parquet")

    ended = Version("1.0.0", {"orders": []}, path="data.parquet", status="retired",
                    sla=[{"property": "endOfLife", "value": "2020-01-01T00:00:00Z"}])
    folder = Product("shop", "returns", [ended, Version("2.0.0", {"returns": []}, path="data.parquet")]).write(mesh)
    pq.write_table(pa.table({"order_id": pa.array([3, 5, 8], pa.int64())}), folder / "data.parquet")


def write_people(mesh):
    from deltalake import DeltaTable, write_deltalake

    product = Product("people", "customers", [Version("1.0.2", {"customers": [
        column("customer_id", "integer", required=True, primaryKey=True, primaryKeyPosition=1),
        column("name", "string", required=True, classification="confidential"),
        column("email", "string", classification="confidential"),
        column("born_on", "date"), column("country", "string"),
    ]}, format="delta")], {"type": "sourceAligned", "team": {"name": "People"}})
    location, rows = str(product.write(mesh) / "data/customers"), customers()
    for start in (0, 15, 30):
        write_deltalake(location, rows.slice(start, 15), mode="append", partition_by=["country"])
    # A row that comes and goes: the table has a delete that rewrote a file.
    extra = pa.table({name: rows[name].slice(0, 1) for name in rows.column_names})
    extra = extra.set_column(0, "customer_id", pa.array([99], pa.int32()))
    write_deltalake(location, extra, mode="append", partition_by=["country"])
    DeltaTable(location).delete("customer_id = 99")


def write_stock(mesh):
    from pyiceberg.catalog.sql import SqlCatalog

    product = Product("stock", "items", [Version("1.2.0", {"items": [
        column("item_id", "integer", required=True, primaryKey=True, primaryKeyPosition=1),
        column("title", "string"), column("price", "number"), column("weight_kg", "number"), column("added_at", "timestamp"),
    ]}, format="iceberg")], {"type": "aggregate", "team": {"name": "Stock"}})
    folder, rows = product.write(mesh), items()
    write_iceberg(folder / "data/items", [rows.slice(0, 10), rows.slice(10)], catalog=SqlCatalog(
        "sample", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}"))


def write_iceberg(location, appends, catalog):
    """Writes an Iceberg table with one snapshot for each of `appends`, found by its root folder."""
    catalog.create_namespace_if_not_exists("main")
    made = catalog.create_table(f"main.{location.name}", schema=appends[0].schema, location=f"file://{location}")
    for rows in appends:
        made.append(rows)
    stem = pathlib.Path(made.metadata_location).name.removesuffix(".metadata.json")
    (location / "metadata/version-hint.text").write_text(stem, encoding="utf-8")
    return made


def write(mesh):
    """Writes the whole mesh into a folder."""
    write_shop(mesh)
    write_people(mesh)
    write_stock(mesh)


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]).absolute())
