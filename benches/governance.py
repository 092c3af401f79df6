"""What policies cost.

    TPC-H      row filters and masks on three tables, against the same rows and values by subqueries that are written by hand: above the same
               barrier, and over an open mesh, which has none, so that masks that are constants answer whole queries and joins filter
               scans (told, and no target); and tables that are permitted whole, against the open mesh
    planning   a query of five tables, and one of a table of 200 masked columns: processor time for a statement over that in the open mesh,
               another text each time, by statement_times
    names      the time from a statement to its error: a name that is hidden, and one that means nothing, by statement_times
    loading    the generated mesh of many products with a thousand policies, until the server listens

Nobody is logged in: the policies are about everybody. Answers of both sides are compared.
"""

import os
import shutil
import statistics
import subprocess

import data
import tpch
from server import Server, serving, verdict

RATIO_MAX, WHOLE_RATIO_MAX = 1.03, 1.01
PLANNING_MS_MAX, MASKED_MS_MAX, LOAD_SECONDS_MAX = 0.5, 5.0, 3.0
MASKED_COLUMNS, TURNS, POLICIES = 200, 1000, 1000
# Of the time of a wrong name: two wrong names differ as much by their letters, which are held against those of others.
NAMES_RATIO_MAX = 0.05

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
    good &= names(options)
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
    masked = "SELECT * FROM wide.wide.wide WHERE c1 = '{}'"
    whole = HEAD.replace('when { !["masked", "absent"].contains(resource.classification) }', "")
    governed, plain = wide(mesh(options, "governed", HEAD + filters())), wide(mesh(options, "open", None))
    print("### Planning under policies: milliseconds of processor time, another text each time, in turns; the median difference and its 95 % interval\n")
    print("| statement | governed | open mesh | more | interval | target | met |\n|---|---:|---:|---:|---:|---:|---|")
    good = True
    for title, place, text, limit in (("a query of five tables", governed, five, PLANNING_MS_MAX),
                                      (f"a table of {MASKED_COLUMNS} masked columns", governed, masked, MASKED_MS_MAX),
                                      ("five tables that are permitted whole", mesh(options, "whole", whole), five, None)):
        told = statement_times(options, (place, text), (plain, text))
        more = float(told["more_ms"])
        good &= limit is None or more <= limit
        target = f"{limit:g} | {verdict(more, limit)}" if limit else " | "
        print(f"| {title} | {told['one_ms']} | {told['other_ms']} | {more:.3f} | {told['least_ms']} to {told['most_ms']} | {target} |", flush=True)
    print()
    return good


def statement_times(options, one, other, turns=TURNS, what="plan"):
    """What both statements cost in their meshes: figures and words by name."""
    command = [options.statement_times, what, str(turns), *one, *other]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(line.split(" ", 1) for line in told.splitlines())


def names(options):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sample_mesh import Product, Version, column

    folder = data.tpch_folder(options) / "mesh-names"
    shutil.rmtree(folder, ignore_errors=True)
    columns = [column("id", "integer"), column("masters", "integer", classification="absent")]

    def write(domain, name, versions):
        place = Product(domain, name, [Version(f"{version}.0.0", {table: columns for table in tables}, path=f"v{version}/{{model}}.parquet")
                                       for version, tables in versions.items()]).write(folder)
        for version, tables in versions.items():
            (place / f"v{version}").mkdir()
            for table in tables:
                pq.write_table(pa.table({"id": [1], "masters": [1]}), place / f"v{version}" / f"{table}.parquet")

    write("music", "plays", {1: ["rows", "masters"], 2: ["rows"]})
    write("music", "masters", {1: ["rows"]})
    write("masters", "plays", {1: ["rows"]})
    hidden = ['== Mesh::Table::"music.plays@1.masters"', '== Mesh::Table::"music.plays@2.rows"', 'in Mesh::Product::"music.masters"', 'in Mesh::Domain::"masters"']
    write_policies(folder, HEAD + "".join(
        f'@id("global/hidden-{number}") forbid (principal, action in [Mesh::Action::"discover", Mesh::Action::"select"], resource {what});\n'
        for number, what in enumerate(hidden)))
    # One word is hidden everywhere, and another one, as long and as unlike all others, means nothing.
    texts = {"table": 'SELECT {{}} FROM music."plays@1".{}', "product": "SELECT {{}} FROM music.{}.rows", "domain": "SELECT {{}} FROM {}.plays.rows",
             "column": 'SELECT {}, {{}} FROM music."plays@1".rows', "version": 'SELECT {{}} FROM music."plays@{}".rows'}
    print("### A name that is hidden, and one that means nothing: milliseconds of processor time to the error, in turns; the median difference and its 95 % interval\n")
    print("| name of a | hidden | wrong | more | interval | alike |\n|---|---:|---:|---:|---:|---|")
    good = True
    for what, text in texts.items():
        words = ("2", "3") if what == "version" else ("masters", "vacancy")
        told = statement_times(options, *((folder, text.format(word)) for word in words), turns=3 * TURNS)
        said = [told[f"{side}_said"].replace(word, "").split(" (hint")[0] for side, word in zip(("one", "other"), words)]
        more = abs(float(told["more_ms"]))
        alike = said[0] == said[1] and said[0] != "planned" and more <= NAMES_RATIO_MAX * float(told["other_ms"])
        good &= alike
        print(f"| {what} | {told['one_ms']} | {told['other_ms']} | {told['more_ms']} | {told['least_ms']} to {told['most_ms']} | {'yes' if alike else '**no**'} |", flush=True)
    print()
    return good


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
