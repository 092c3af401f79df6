"""What policies cost.

    TPC-H      row filters and masks on three tables, against the same rows and values by subqueries that are written by hand: above the same
               barrier, and over an open mesh, which has none, so that masks that are constants answer whole queries and joins filter
               scans (told, and no target); and tables that are permitted whole, against the open mesh
    planning   a query of five tables, and one of a table of 200 masked columns: CPU of the server for a statement more, another text each
               time, over that of the open mesh
    loading    the generated mesh of many products with a thousand policies, until the server listens

Nobody is logged in: the policies are about everybody. Answers of both sides are compared.
"""

import os
import shutil
import statistics

import data
import tpch
from select1 import message
from server import Server, serving, verdict

RATIO_MAX, WHOLE_RATIO_MAX = 1.03, 1.01
PLANNING_MS_MAX, MASKED_MS_MAX, LOAD_SECONDS_MAX = 0.5, 5.0, 3.0
MASKED_COLUMNS, STATEMENTS, POLICIES = 200, 300, 1000

# Of each table: the rows that stay, and what its masked columns show; both are written a second time as policies.
ROWS = {"lineitem": ("l_returnflag", "A"), "orders": ("o_orderpriority", "1-URGENT"), "customer": ("c_mktsegment", "MACHINERY")}
# No query compares these with a constant: by hand that would make it one without rows.
FIXED = "'XXXXXXXX'"
MASKED = {"lineitem": {"l_linestatus": FIXED, "l_tax": "CAST(0 AS DECIMAL(15, 2))"}, "orders": {"o_shippriority": "CAST(0 AS INT)"},
          "customer": {"c_name": FIXED, "c_address": FIXED}}
# No query asks for these: what is absent of a table is a barrier before it, and nothing to do.
ABSENT = ["l_comment", "o_clerk"]

HEAD = """
@id("global/tables") permit (principal, action in [Mesh::Action::"discover", Mesh::Action::"describe", Mesh::Action::"select",
  Mesh::Action::"explain", Mesh::Action::"profile"], resource);
@id("global/rows") permit (principal, action == Mesh::Action::"readRow", resource);
@id("global/raw") permit (principal, action == Mesh::Action::"readRaw", resource)
when { !["masked", "absent"].contains(resource.classification) };
@id("global/masked") @mask("mask-to-fixed-value")
permit (principal, action == Mesh::Action::"readMasked", resource) when { resource.classification == "masked" };
"""


def measure(options):
    good = restricted(options)
    good &= whole(options)
    good &= planning(options)
    return loading(options) and good


def restricted(options):
    names = {table: f"plain.tpch.{table}" for table in data.TABLES}
    governed = (mesh(options, "governed", HEAD + filters()), names)
    good = compare(options, "row filters and masks on three tables, and subqueries by hand above the same barrier", RATIO_MAX,
                   governed, (mesh(options, "barrier", BARRIER), names | by_hand()))
    compare(options, "the same, and subqueries by hand over an open mesh", None, governed, (mesh(options, "open", None), names | by_hand()))
    return good


def whole(options):
    names = {table: f"plain.tpch.{table}" for table in data.TABLES}
    policies = HEAD.replace('when { !["masked", "absent"].contains(resource.classification) }', "")
    return compare(options, "tables that are permitted whole, and an open mesh", WHOLE_RATIO_MAX,
                   (mesh(options, "whole", policies), names), (mesh(options, "open", None), names))


# Nothing is masked, and no row is hidden: customer has no column to spare, and a filter that every row passes.
BARRIER = HEAD.replace('!["masked", "absent"].contains(resource.classification)', 'resource.classification != "absent"') + """
@id("global/no-customer") forbid (principal, action == Mesh::Action::"readRow", resource is Mesh::Row__plain__tpch__1__customer)
when { resource.c_custkey < 0 };
"""


def filters():
    return "".join(f"""
@id("global/{table}-rows") forbid (principal, action == Mesh::Action::"readRow", resource is Mesh::Row__plain__tpch__1__{table})
when {{ resource.{column} == "{value}" }};""" for table, (column, value) in ROWS.items())


def by_hand():
    texts = {}
    for table, (column, value) in ROWS.items():
        columns = [f"{MASKED[table][name]} AS {name}" if name in MASKED[table] else name for name in column_names(table) if name not in ABSENT]
        texts[table] = f"(SELECT {', '.join(columns)} FROM plain.tpch.{table} WHERE {column} <> '{value}')"
    return texts


COLUMNS = {}


def column_names(table):
    return [field.name for field in COLUMNS[table]]


def mesh(options, name, policies):
    """The Parquet files with a contract that names their columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sample_mesh import Product, Version, column

    for table in data.TABLES:
        COLUMNS[table] = list(pq.read_schema(data.parquet_files(options, table)[0]))
    folder = data.tpch_folder(options) / f"mesh-{name}"
    shutil.rmtree(folder, ignore_errors=True)

    def logical(kind):
        if pa.types.is_integer(kind):
            return "integer"
        return "number" if pa.types.is_decimal(kind) or pa.types.is_floating(kind) else "date" if pa.types.is_date(kind) else "string"

    def promised(table):
        classes = dict.fromkeys(MASKED.get(table, {}), "masked") | dict.fromkeys(ABSENT, "absent")
        return [column(field.name, logical(field.type), required=True, classification=classes.get(field.name, "public")) for field in COLUMNS[table]]

    version = Version("1.0.0", {table: promised(table) for table in data.TABLES}, path="data/{model}/")
    data.link_parquet(options, Product("plain", "tpch", [version]).write(folder) / "data", data.TABLES)
    write_policies(folder, policies)
    return folder


def write_policies(folder, policies):
    if policies:
        (folder / "mesh/policies").mkdir(parents=True)
        (folder / "mesh/policies/bench.cedar").write_text(policies, encoding="utf-8")


def compare(options, title, limit, ours, theirs):
    times, wrong = tpch.Times(), []
    with serving(options, ours[0]) as server, server.connect() as connection, connection.cursor() as cursor, \
            serving(options, theirs[0]) as other, other.connect() as other_connection, other_connection.cursor() as other_cursor:
        for turn in range(options.rounds + 1):
            for number in options.queries:
                sides = [lambda: tpch.ask_samite(server, cursor, tpch.query(number, ours[1], options.scale_factor)),
                         lambda: tpch.ask_samite(other, other_cursor, tpch.query(number, theirs[1], options.scale_factor))]
                order = (0, 1) if (turn + number) % 2 == 0 else (1, 0)
                both = {side: sides[side]() for side in order}
                if turn:
                    times.add(number, both[0][1:], both[1][1:])
                    continue
                difference = tpch.compare(both[0][0], both[1][0])
                wrong += [f"\n- q{number:02}: {difference}"] if difference else []
    print(f"### TPC-H, scale factor {options.scale_factor:g}: {title}; seconds, medians of {options.rounds} interleaved rounds\n")
    print("| query | governed CPU | other CPU | ratio | governed wall | other wall | ratio |\n|---|---:|---:|---:|---:|---:|---:|")
    columns = [side(key) for key in ("cpu", "wall") for side in (times.ours, times.theirs)]
    for number in columns[0]:
        print(tpch.line(f"q{number:02}", [column[number] for column in columns]))
    totals = [sum(column.values()) for column in columns]
    print(tpch.line("**all**", totals) + "\n")
    ratio = totals[0] / totals[1]
    met = f", at most {limit}: {verdict(ratio, limit)}" if limit else ""
    print(f"CPU of all {ratio:.3f}{met}; geometric means: CPU {times.mean_ratio('cpu'):.3f}, "
          f"wall {times.mean_ratio('wall'):.3f}. Different answers: {len(wrong)}.{''.join(wrong)}\n", flush=True)
    return (not limit or ratio <= limit) and not wrong


def planning(options):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sample_mesh import Product, Version, column

    def wide(folder):
        names = [f"c{number}" for number in range(MASKED_COLUMNS)]
        columns = [column(name, "string", classification="masked") for name in names]
        place = Product("wide", "wide", [Version("1.0.0", {"wide": columns}, path="data/{model}.parquet")]).write(folder) / "data"
        place.mkdir()
        pq.write_table(pa.table({name: ["text"] for name in names}), place / "wide.parquet")
        return folder

    five = ("SELECT count(*) FROM plain.tpch.lineitem JOIN plain.tpch.orders ON l_orderkey = o_orderkey JOIN plain.tpch.customer ON o_custkey = c_custkey "
            "JOIN plain.tpch.nation ON c_nationkey = n_nationkey JOIN plain.tpch.region ON n_regionkey = r_regionkey WHERE l_quantity > {}")
    texts = {"a query of five tables": (five, PLANNING_MS_MAX), f"a table of {MASKED_COLUMNS} masked columns": ("SELECT * FROM wide.wide.wide WHERE c1 = '{}'", MASKED_MS_MAX)}
    print("### Planning under policies: milliseconds of CPU of the server for each GetFlightInfo, another text each time\n")
    print("| statement | governed | open mesh | more | target | met |\n|---|---:|---:|---:|---:|---|")
    good = True
    meshes = wide(mesh(options, "governed", HEAD + filters())), wide(mesh(options, "open", None))
    for title, (text, limit) in texts.items():
        samples = [plan_milliseconds(options, place, text) for _ in range(options.rounds) for place in meshes]
        ours, theirs = statistics.median(samples[::2]), statistics.median(samples[1::2])
        good &= ours - theirs <= limit
        print(f"| {title} | {ours:.2f} | {theirs:.2f} | {ours - theirs:.2f} | {limit:g} | {verdict(ours - theirs, limit)} |", flush=True)
    print()
    return good


def plan_milliseconds(options, mesh, text):
    """A server keeps so many planned queries and no more, so that each sample has one of its own."""
    from pyarrow import flight

    def plan(client, number):
        command = message("CommandStatementQuery", [text.format(number).encode()])
        client.get_flight_info(flight.FlightDescriptor.for_command(command))

    with serving(options, mesh) as server, flight.connect(server.uri) as client:
        for number in range(STATEMENTS):
            plan(client, number)
        before = server.cpu_seconds()
        for number in range(STATEMENTS):
            plan(client, STATEMENTS + number)
        return (server.cpu_seconds() - before) * 1000 / STATEMENTS


def loading(options):
    """Ten policies for each domain: who may read it, and which of its rows and columns are not for everybody."""
    plain = data.generated_mesh(options, options.products)
    folder = plain.with_name(plain.name + "-policies")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(plain, folder, copy_function=os.link)
    write_policies(folder, HEAD)
    domains = sorted(path.name for path in (folder / "domains").iterdir())
    count = 0
    for index in range(POLICIES - HEAD.count("@id")):
        domain = domains[index % len(domains)]
        place = folder / "domains" / domain / "policies"
        place.mkdir(exist_ok=True)
        product = next(iter(sorted((folder / "domains" / domain).glob("product_*")))).name
        rule = [f'permit (principal in Mesh::Group::"team-{index}", action == Mesh::Action::"select", resource in Mesh::Domain::"{domain}") when {{ context.purpose == "work-{index}" }};',
                f'forbid (principal, action == Mesh::Action::"readRow", resource is Mesh::Row__{domain}__{product}__1) when {{ resource.id > {index} }} unless {{ principal in Mesh::Group::"team-{index}" }};',
                f'forbid (principal, action == Mesh::Action::"readRaw", resource in Mesh::Product::"{domain}.{product}") unless {{ principal.clearance >= {index % 4} }};'][index // len(domains) % 3]
        with open(place / "bench.cedar", "a", encoding="utf-8") as file:
            file.write(f'@id("{domain}/rule-{index}")\n{rule}\n')
        count += 1
    seconds = {}
    for name, place in (("with policies", folder), ("without", plain)):
        times = []
        for _ in range(options.rounds + 1):
            server = Server(options, place)
            times.append(server.start_seconds)
            if name == "with policies":
                with server.connect() as connection, connection.cursor() as cursor:
                    cursor.execute("SELECT count(*) FROM mesh.discovery.problems WHERE level = 'error'")
                    broken = cursor.fetchall()[0][0]
            server.stop()
        seconds[name] = statistics.median(times[1:])
    with_policies = seconds["with policies"]
    print(f"### Loading {options.products:,} products with {count + HEAD.count('@id'):,} policies, medians of {options.rounds} starts\n")
    print(f"{with_policies:.2f} s until the server listens, {seconds['without']:.2f} s without policies; under {LOAD_SECONDS_MAX:g} s: "
          f"{verdict(with_policies, LOAD_SECONDS_MAX)}. Problems among them: {broken}.\n")
    return with_policies < LOAD_SECONDS_MAX and not broken
