"""Quality rules: what `samite check --data` finds, who sees it, and whether `datacontract test` finds the same."""

import datetime
import decimal
import json
import os
import pathlib
import subprocess
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from sample_mesh import Product, Version, column

UTC = datetime.timezone.utc
HOSTILE = 'odd"name\'; --'
IMPLICIT = {  # what datacontract-cli calls what another word of the contract implies
    "required": "field_required", "unique": "field_unique", "primaryKey": "field_primary_key_required",
    "primaryKey.unique": "field_primary_key_unique", "enum": "field_enum", "minimum": "field_minimum", "maximum": "field_maximum",
    "minLength": "field_min_length", "maxLength": "field_max_length", "pattern": "field_regex", "minItems": "field_min_items",
    "maxItems": "field_max_items", "uniqueItems": "field_unique_items", "foreignKey": "field_relationships"}


def library(name, metric, arguments=None, **more):
    return {"id": name, "metric": metric} | ({"arguments": arguments} if arguments else {}) | more


def sql(name, query, **more):
    return {"id": name, "type": "sql", "query": query} | more


def events():
    """Twenty rows with faults of every kind."""
    numbers = range(20)
    return pa.table({
        "id": pa.array([None if n == 7 else 3 if n == 9 else n for n in numbers], pa.int64()),
        "country": pa.array([None if n == 4 else ["SE", "CH", "se", "N/A", "", "it's", "Ö"][n % 7] for n in numbers], pa.string()),
        "score": pa.array([None if n == 2 else n / 4 - 1 for n in numbers], pa.float64()),
        "price": pa.array([decimal.Decimal(n * 37 % 500) / 100 for n in numbers], pa.decimal128(10, 2)),
        "day": pa.array([datetime.date(2026, 1, 1) + datetime.timedelta(days=n % 11) for n in numbers]),
        "at": pa.array([datetime.datetime(2026, 3, 1, n) for n in numbers], pa.timestamp("us")),
        "flag": pa.array([None if n == 5 else n % 2 == 0 for n in numbers], pa.bool_()),
        "tags": pa.array([None if n == 1 else ["a"] * (n % 4) for n in numbers], pa.list_(pa.string())),
        "home": pa.array([None if n == 3 else {"city": None if n % 6 == 0 else f"city {n}"} for n in numbers]),
        "lines": pa.array([None if n == 1 else [{"sku": None if n % 5 == k else f"s{k % 2}", "count": n - 3 * k} for k in range(n % 4)] for n in numbers]),
        "labels": pa.array([None if n == 8 else [("k" * (n % 3 + 1), n - 4)] for n in numbers], pa.map_(pa.string(), pa.int64())),
        HOSTILE: pa.array([n % 6 for n in numbers], pa.int32()),
    })


def countries():
    return pa.table({"code": pa.array(["SE", "CH", "N/A", None]), "open": pa.array([True, None, True, False])})


def columns():
    ten = {"mustBeLessThan": 10, "unit": "percent"}
    none = {"mustBe": 0}
    return [
        column("id", "integer", required=True, primaryKey=True, quality=[
            library("id_nulls", "nullValues", mustBe=1), library("id_nulls_percent", "nullValues", **ten),
            library("id_twice", "duplicateValues", mustBe=1), library("id_missing", "missingValues", {"missingValues": [0, 1, None]}, mustBeBetween=[3, 4]),
            sql("id_max", "SELECT max({property}) FROM {object}", mustBe=19), sql("id_min", "SELECT min({column}) FROM {model}", mustNotBe=0)]),
        column("country", "string", relationships=[{"to": "countries.code"}], enum=[{"value": word} for word in ("SE", "CH", "it's")], logicalTypeOptions={
            "minLength": 2, "maxLength": 3, "pattern": "^[A-Z]"}, quality=[
            library("country_invalid", "invalidValues", {"validValues": ["SE", "CH", "it's"]}, mustBeLessOrEqualTo=5),
            library("country_pattern", "invalidValues", {"pattern": "E"}, mustBeGreaterThan=3),
            library("country_both", "invalidValues", {"validValues": ["SE", "CH", None], "pattern": "S"}, mustBe=16),
            library("country_invalid_percent", "invalidValues", {"validValues": ["SE"]}, mustBeBetween=[80, 90], unit="%"),
            library("country_missing", "missingValues", {"missingValues": ["", "N/A", None]}, mustNotBeBetween=[1, 3]),
            library("country_missing_percent", "missingValues", {"missingValues": [""]}, unit="percentage", mustBe=15),
            library("country_info", "nullValues", severity="info", **none)]),
        column("score", "number", logicalTypeOptions={"minimum": -0.5, "maximum": 3}, quality=[
            library("score_nulls", "nullValues", mustBeGreaterOrEqualTo=1), sql("score_mean", "SELECT avg(score) FROM {table}", mustBeBetween=[1.3, 1.5]),
            library("score_values", "invalidValues", {"validValues": [0, 0.5, 1]}, mustBe=16)]),
        column("price", "number", "decimal(10,2)", logicalTypeOptions={"minimum": 0.37, "maximum": 4}, unique=True),
        column("day", "date", logicalTypeOptions={"minimum": "2026-01-03", "maximum": "2026-01-09"}),
        column("at", "timestamp", logicalTypeOptions={"minimum": "2026-03-01T02:00:00"}),
        column("flag", "boolean", required=True, quality=[library("flag_values", "invalidValues", {"validValues": [True]}, mustBe=9)]),
        column("tags", "array", items={"logicalType": "string", "enum": [{"value": "b"}], "unique": True}, logicalTypeOptions={"minItems": 1, "maxItems": 2, "uniqueItems": True}),
        column("home", "object", properties=[column("city", "string", required=True, logicalTypeOptions={"maxLength": 6})]),
        column("lines", "array", items={"logicalType": "object", "properties": [
            column("sku", "string", required=True, unique=True, logicalTypeOptions={"pattern": "^s0"}, quality=[
                library("skus_missing", "missingValues", {"missingValues": ["s1"]}, mustBe=9), library("skus_twice", "duplicateValues", mustBe=1),
                library("skus_invalid", "invalidValues", {"validValues": ["s1"]}, mustBeLessThan=3)]),
            column("count", "integer", logicalTypeOptions={"minimum": 4, "maximum": 17})]}),
    ]


COUNTRIES = {"id": "countries_object", "name": "countries", "physicalName": "countries", "logicalType": "object", "properties": [
    column("code", "string", id="code_of_country"), column("open", "boolean")]}
KEYS = [{"from": ["events.country", "events.flag"], "to": ["countries.code", "countries.open"]}]


# Their reader of files does not get through a table with such a name.
ODD = [column(HOSTILE, "integer", enum=[{"value": n} for n in range(5)], quality=[
    library("odd_twice", "duplicateValues", mustBe=6), sql("odd_max", "SELECT max({property}) FROM {object}", mustBe=5)]),
    # What they do not run.
    column("country", "string", logicalTypeOptions={"format": "hostname"}, relationships=[
        {"to": "../good/good.v1.odcs.yaml#/schema/countries_object/properties/code_of_country"}]),
    column("score", "number", logicalTypeOptions={"format": "f64"}),
    column("home", "object", logicalTypeOptions={"minProperties": 1, "required": ["city"]}, properties=[column("city", "string")]),
    column("labels", "map", map={"key": {"logicalType": "string", "logicalTypeOptions": {"maxLength": 2}},
                                 "value": {"logicalType": "integer", "logicalTypeOptions": {"minimum": 0, "format": "u8"}}}),
]


TABLE_RULES = [
    library("rows", "rowCount", mustBe=20), library("too_few", "rowCount", mustBeGreaterThan=20),
    library("pairs", "duplicateValues", {"properties": ["country", "flag"]}, mustBeLessThan=4),
    sql("above", "SELECT count(*) FROM {object} WHERE score > 2", mustBeLessThan=5),
    sql("is_true", "SELECT count(*) = 20 FROM {object}", mustBe=True),
    sql("null", "SELECT max(id) FROM {object} WHERE id > 99", mustBe=0),
    sql("share", "SELECT 100.0 * count(score) / count(*) FROM {object}", mustBe=95),
    {"id": "prose", "type": "text", "description": "the rows are good"},
]

BROKEN_RULES = [  # what no engine can run: an error here, something else there
    sql("writes", "DELETE FROM {object}", mustBe=0), sql("fails", "SELECT nothing FROM {object}", mustBe=0),
    sql("two", "SELECT 1; SELECT 2", mustBe=0), sql("many", "SELECT id FROM {object}", mustBe=0),
    sql("slow", "SELECT sum(a.id * b.id - c.id * d.id + e.id * f.id - g.id * h.id) FROM {object} a, {object} b, {object} c, {object} d, {object} e, {object} f, {object} g, {object} h", mustBe=0),
    sql("divides", "SELECT sum(1 / (id - 3)) FROM {object}", mustBe=0), library("misplaced", "nullValues", mustBe=0),
]


def write(mesh, name, properties, rules, keys=None):
    events_schema = {"name": "events", "physicalName": "events", "logicalType": "object", "properties": properties, "quality": rules}
    contract = {"schema": [events_schema | {"relationships": keys}, COUNTRIES] if keys else [events_schema]}
    place = Product("quality", name, [Version("1.0.0", {"events": []}, path="data/{model}/*.parquet", contract=contract)]).write(mesh)
    (place / "data/events").mkdir(parents=True)
    table = events()
    pq.write_table(table.slice(0, 12), place / "data/events/a.parquet")
    pq.write_table(table.slice(12), place / "data/events/b.parquet")
    (place / "data/countries").mkdir()
    pq.write_table(countries(), place / "data/countries/a.parquet")
    return place


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quality")
    write(folder, "good", columns(), TABLE_RULES, KEYS)
    write(folder, "odd", ODD, [])
    write(folder, "broken", [column("id", "integer"), column("country", "string", logicalTypeOptions={"pattern": "^(?=S)"})], BROKEN_RULES)
    (folder / "samite.toml").write_text('[quality]\nevery = "1s"\nrule_timeout = "2s"\n')
    return folder


def check(samite, mesh):
    command = [samite, "check", "--mesh", mesh, "--data", "--config", mesh / "samite.toml"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def results(samite, mesh):
    """What a server has found: (product, column, rule) -> row of mesh.discovery.quality."""
    from conftest import Server
    server = Server(samite, mesh, "--config", str(mesh / "samite.toml"))
    try:
        for _ in range(120):
            with server.connect() as connection, connection.cursor() as cursor:
                cursor.execute("SELECT * FROM mesh.discovery.quality")
                rows = cursor.fetch_arrow_table().to_pylist()
            if all(row["status"] != "not checked" for row in rows):
                return {(row["product"], row["column"], row["rule"]): row for row in rows}
            time.sleep(0.5)
        pytest.fail(f"not all rules were checked: {rows}")
    finally:
        server.stop()


def test_server_checks_all_rules_on_a_schedule(results):
    good = {key[1:]: row for key, row in results.items() if key[0] == "good"}
    assert good[None, "rows"]["status"] == "pass" and good[None, "rows"]["measured"] == 20
    assert good[None, "prose"]["status"] == "not run" and good[None, "prose"]["kind"] == "text"
    row = good["id", "required"]
    assert (row["kind"], row["metric"], row["expectation"], row["status"], row["measured"], row["rows"]) == (
        "implicit", "nullValues", "= 0", "fail", 1, 20)
    assert row["checked_at"] > datetime.datetime.now(UTC) - datetime.timedelta(minutes=5)
    assert good["country", "country_missing_percent"]["measured"] == 15 and good["country", "country_missing_percent"]["unit"] == "percent"
    assert [(rule, results["odd", HOSTILE, rule]["measured"]) for rule in ("enum", "odd_twice", "odd_max")] == [("enum", 3), ("odd_twice", 6), ("odd_max", 5)]
    assert good["home.city", "required"]["measured"] == 4
    assert good["country", "foreignKey"]["measured"] == 10 and good["country", "foreignKey"]["metric"] == "foreignKey"
    assert good["lines[].sku", "required"]["measured"] > 0 and good["tags[]", "enum"]["measured"] == 14
    odd = {key[1:]: (row["status"], row["measured"]) for key, row in results.items() if key[0] == "odd"}
    assert odd["country", "format"] == ("fail", 10) and odd["country", "foreignKey"] == ("fail", 10)
    assert odd["home", "minProperties"] == ("fail", 4) and odd["home.city", "required"] == ("fail", 4)
    assert odd["labels[key]", "maxLength"] == ("fail", 5) and odd["labels[value]", "minimum"] == odd["labels[value]", "format"] == ("fail", 4)
    assert odd["score", "format"] == ("not run", None)
    snapshots = {(row["product"], row["snapshot"]) for row in results.values() if row["status"] in ("pass", "fail") and row["table"] == "events"}
    assert len(snapshots) == 2 and all(snapshot.startswith("parquet:") for _, snapshot in snapshots), snapshots
    assert not [row for row in good.values() if row["status"] == "error"]


@pytest.mark.parametrize("rule, message", [
    ("writes", "DELETE"), ("fails", "nothing"), ("two", "2 statements"), ("many", "several rows"), ("slow", "longer than 2 s"),
    ("divides", "division by zero"), ("misplaced", "a column")])
def test_rule_that_cannot_run_is_an_error(results, rule, message):
    row = results["broken", None, rule]
    assert row["status"] == "error" and row["measured"] is None and message in row["message"], row


def test_pattern_that_looks_around_is_an_error(results):
    row = results["broken", "country", "pattern"]
    assert row["status"] == "error" and "looks around" in row["message"], row


def test_check_prints_each_broken_rule_with_its_line(samite, mesh, results):
    done = check(samite, mesh)
    assert done.returncode == 1, done
    lines = done.stdout.splitlines()
    wrong = [row for row in results.values() if row["status"] in ("fail", "error")]
    assert len([line for line in lines if "quality rule" in line and ": error: " in line or ": warning: quality rule" in line]) == len(wrong), done.stdout
    document = mesh / "domains/quality/good/good.v1.odcs.yaml"
    line = 1 + next(number for number, text in enumerate(document.read_text().splitlines()) if "id: too_few" in text)
    assert f"domains/quality/good/good.v1.odcs.yaml:{line}: error: quality rule \"too_few\" of quality.good@1.0.0.events is broken: measured 20, expected > 20" in lines
    assert any(": warning: quality rule \"country_info\" of quality.good@1.0.0.events.country is broken" in line for line in lines)
    counts = [sum(row["status"] == status for row in results.values()) for status in ("pass", "fail", "error", "not run")]
    assert f"{len(results)} quality rules: {counts[0]} pass, {counts[1]} fail, {counts[2]} cannot be run, {counts[3]} are not run" in lines


def test_check_without_data_reads_no_rows(samite, mesh):
    done = subprocess.run([samite, "check", "--mesh", mesh], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "quality rule" not in done.stdout, done


def python_of_datacontract():
    """A Python with datacontract-cli and its DuckDB, which is older than ours."""
    folder = pathlib.Path(__file__).resolve().parents[3] / ".clients/datacontract"
    return os.environ.get("SAMITE_TEST_DATACONTRACT") or folder / "bin/python"


def one_of_each(rules, turn):
    """The rules whose metric comes for this time: two of one metric and one column are one name there, and fail together."""
    seen = []
    kept = []
    for rule in rules:
        metric = rule.get("metric")
        if seen.count(metric) == turn if metric else turn == 0:
            kept.append(rule)
        seen.append(metric)
    return kept


@pytest.fixture(scope="module")
def theirs(mesh):
    python = pathlib.Path(python_of_datacontract())
    if not python.exists():
        pytest.skip("datacontract-cli[duckdb]: its environment could not be made")
    script, place = pathlib.Path(__file__).with_name("datacontract_results.py"), mesh / "domains/quality/good"
    answers = []
    for turn in range(4):
        contract = yaml.safe_load((place / "good.v1.odcs.yaml").read_text())
        events_schema = contract["schema"][0]
        items = next(it for it in events_schema["properties"] if it["name"] == "lines")["items"]
        for owner in [events_schema, *events_schema["properties"], *items["properties"]]:
            owner["quality"] = one_of_each(owner.get("quality", []), turn)
        (place / "turn.yaml").write_text(yaml.safe_dump(contract))
        done = subprocess.run([python, script, "turn.yaml"], cwd=place, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done
        answer = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        answers += [it for it in answer if it["rule"] or turn == 0]
    (place / "turn.yaml").unlink()
    return answers


def test_datacontract_test_finds_the_same(results, theirs):
    """Rule by rule: the same number and the same verdict."""
    def their_answer(row):
        if row["kind"] == "implicit":
            found = [it for it in theirs if it["field"] == row["column"] and it["type"] == IMPLICIT[row["rule"]] and not it["rule"]]
        else:
            found = [it for it in theirs if it["rule"] == row["rule"]]
        assert len(found) == 1, (row, found)
        return found[0]

    compared, different = 0, []
    for (product, _, _), row in results.items():
        if product != "good" or row["status"] == "not run":
            continue
        answer, compared = their_answer(row), compared + 1
        words = {"pass": ["passed"], "fail": ["failed", "warning"]}[row["status"]]
        measured = None if answer["measured"] is None else float(answer["measured"])
        same = measured == row["measured"] or (measured is not None and row["measured"] is not None and abs(measured - row["measured"]) < 1e-6)
        if answer["result"] not in words or not same:
            different.append((row["column"], row["rule"], row["status"], row["measured"], answer))
    assert not different, different
    assert compared > 40
    schema = {"field_is_present", "field_type"}
    assert len([it for it in theirs if it["type"] not in schema]) == compared
