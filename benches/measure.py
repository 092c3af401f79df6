"""Measures Samite and prints one Markdown table for each part.

    benches/run                     all parts
    benches/run tpch select1        only these: data, tpch, parquet, select1, clients, connections, products, metadata,
                                    bulk, formats, selective, latency, governance

`data` makes TPC-H (scale factor 1, 0.5 GB) and the generated meshes below --data, where they are missing. Every other part
starts a server of its own on a free port of this machine and ends it. Rounds are interleaved with the other engine's, and
the first round warms up and does not count. CPU is user and system time of the server's process; the client's own is not in it.
"""

import argparse
import datetime
import os
import pathlib
import platform
import sys

import bulk
import clients
import connections
import data
import governance
import lake
import latency
import metadata
import products
import select1
import tpch

ROOT = pathlib.Path(__file__).resolve().parent.parent
PARTS = {"data": None, "tpch": tpch.measure, "parquet": tpch.measure_parquet, "select1": select1.measure, "clients": clients.measure,
         "connections": connections.measure, "products": products.measure, "metadata": metadata.measure, "bulk": bulk.measure,
         "formats": lake.measure_formats, "selective": lake.measure_selective, "latency": latency.measure, "governance": governance.measure}


def newest_program():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    for profile in ("dist", "release"):
        if (target / profile / "samite").is_file():
            return target / profile / "samite"
    sys.exit("benches/run: no samite in target/dist or target/release; run cargo build --profile dist, or name one with --samite")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all without any")
    parser.add_argument("--samite", type=pathlib.Path, help="the program; target/dist/samite or target/release/samite without it")
    parser.add_argument("--programs", type=pathlib.Path, help="folder of light_clients, memory_server and statement_times (samite-benches); that of samite without it")
    parser.add_argument("--sail", help="the program of Sail (PyPI: pysail), measured beside in clients; not without it")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "target" / "bench-data", help="where the data is kept")
    parser.add_argument("--scale-factor", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count")
    parser.add_argument("--queries", type=lambda text: [int(number) for number in text.split(",")], default=list(range(1, 23)))
    parser.add_argument("--pause-ms", type=int, default=30, help="what each request to the store of latency takes longer")
    parser.add_argument("--products", type=int, default=10_000, help="products of the large generated mesh")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part is named {', '.join(sorted(unknown))}")
    options.data = options.data.absolute()
    parts = options.parts or list(PARTS)
    options.samite = options.samite or (newest_program() if parts != ["data"] else None)

    programs = (options.programs or options.samite.parent) if options.samite else pathlib.Path()
    options.clients, options.memory_server, options.statement_times = (programs / name for name in ("light_clients", "memory_server", "statement_times"))

    print(f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
          f"load {os.getloadavg()[0]:.1f} at the start\n", flush=True)
    data.make(options)
    good = True
    for name in parts:
        if PARTS[name]:
            good &= PARTS[name](options)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
