"""Serves Parquet, Delta and Iceberg tables from an S3 service on this machine, until its input ends.

    python tests/s3_tables.py FOLDER [MESH]

Prints one line of JSON when the tables are there: the endpoint, the key, and the location of each table. FOLDER/<table>.parquet
has the rows, as the writer reads them. s3://lake/data/open holds the Parquet files for everybody. The files of the folder MESH lie at s3://lake/mesh.
"""

import json
import os
import pathlib
import sys

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from moto.server import ThreadedMotoServer
from pyiceberg.catalog.sql import SqlCatalog

KEY = {"access_key_id": "reader", "secret_access_key": "hunter2-not-to-be-seen"}
BUCKET = "lake"


def upload(client, folder, prefix, acl="private"):
    for file in sorted(pathlib.Path(folder).rglob("*")):
        if file.is_file():
            client.upload_file(str(file), BUCKET, f"{prefix}/{file.relative_to(folder)}", ExtraArgs={"ACL": acl})


def main(folder, mesh=None):
    folder = pathlib.Path(folder)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    os.environ |= {"AWS_ACCESS_KEY_ID": KEY["access_key_id"], "AWS_SECRET_ACCESS_KEY": KEY["secret_access_key"],
                   "AWS_DEFAULT_REGION": "eu-north-1"}
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})

    def rows(start):
        ids = range(start, start + 20)
        return pa.table({"id": pa.array(ids, pa.int64()), "part": [["a b", "100%", None][i % 3] for i in ids]})

    parts = folder / "parts"
    parts.mkdir()
    for start in range(0, 100, 20):
        pq.write_table(rows(start), parts / f"part {start}.parquet", row_group_size=5)
    upload(client, parts, "data/parquet")
    upload(client, parts, "data/open", acl="public-read")
    pq.write_table(pq.read_table(parts), folder / "parquet.parquet")
    if mesh:
        upload(client, mesh, "mesh")

    delta = f"s3://{BUCKET}/data/delta"
    options = {"AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "eu-north-1"}
    for start in (0, 20, 40):
        write_deltalake(delta, rows(start), mode="append", partition_by=["part"], storage_options=options)
    pq.write_table(DeltaTable(delta, storage_options=options).to_pyarrow_table(), folder / "delta.parquet")

    catalog = SqlCatalog("c", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"s3://{BUCKET}/data/iceberg",
                         **{"s3.endpoint": endpoint, "s3.region": "eu-north-1", "s3.access-key-id": KEY["access_key_id"],
                            "s3.secret-access-key": KEY["secret_access_key"]})
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", schema=rows(0).schema, location=f"s3://{BUCKET}/data/iceberg")
    for start in (0, 20):
        table.append(rows(start))
    pq.write_table(table.scan().to_arrow(), folder / "iceberg.parquet")

    print(json.dumps({"endpoint": endpoint, "parquet": f"s3://{BUCKET}/data/parquet", "delta": delta,
                      "iceberg": table.location()} | KEY), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
