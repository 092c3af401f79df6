"""Writes tables as a web server hands them out: their metadata names files by the URLs of that server.

    python tests/web_tables.py FOLDER URL

FOLDER/iceberg is the table at URL/iceberg, found by its version hint, and FOLDER/nameless one without a hint;
FOLDER/single.parquet has the rows.
"""

import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO

PLACE = {}


class WebFiles(PyArrowFileIO):
    """Writes what lies at the URL into the folder that the server serves."""

    def new_input(self, location):
        return super().new_input(self.local(location))

    def new_output(self, location):
        output = super().new_output(self.local(location))
        output._location = str(location)
        return output

    def delete(self, location):
        return super().delete(self.local(location))

    @staticmethod
    def local(location):
        return str(location).replace(PLACE["url"], f"file://{PLACE['folder']}")


def main(folder, url):
    PLACE.update(folder=folder, url=url)
    rows = pa.table({"id": pa.array(range(50), pa.int64()), "name": [f"name {n % 7}" for n in range(50)]})
    pq.write_table(rows, f"{folder}/single.parquet", row_group_size=10)
    catalog = SqlCatalog("c", uri="sqlite:///:memory:", **{"py-io-impl": "web_tables.WebFiles"})
    catalog.create_namespace("n")
    for name in ("iceberg", "nameless"):
        table = catalog.create_table(f"n.{name}", schema=rows.schema, location=f"{url}/{name}")
        table.append(rows.slice(0, 20))
        table.append(rows.slice(20))
        stem = table.metadata_location.rsplit("/", 1)[1].removesuffix(".metadata.json")
        if name == "iceberg":
            pathlib.Path(folder, name, "metadata/version-hint.text").write_text(stem, encoding="utf-8")
        else:
            print(table.metadata_location)


if __name__ == "__main__":
    sys.modules["web_tables"] = sys.modules["__main__"]
    main(*sys.argv[1:])
