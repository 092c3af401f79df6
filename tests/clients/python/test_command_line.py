"""The command line as scripts use it: what it prints, where, and with which exit code."""

import csv
import io
import json
import os
import re
import shutil
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

QUERY = "SELECT order_id, note, amount, country FROM shop.orders.orders WHERE order_id IN (0, 1, 700) ORDER BY order_id"


@pytest.fixture
def run(samite):
    """Runs the program to its end: run(*arguments) -> what it said and its exit code."""
    def run(*arguments, **more):
        return subprocess.run([samite, *map(str, arguments)], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, **more)

    return run


def test_json_is_one_object_a_line(run, mesh):
    done = run("sql", "--mesh", mesh, "--format", "json", QUERY)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["order_id"] for row in rows] == [0, 1, 700]
    assert rows[1]["note"] == "note 1" and rows[1]["country"] == "DE"
    assert rows[0].get("note") is None


def test_null_is_an_empty_field_in_csv(run, mesh):
    done = run("sql", "--mesh", mesh, "--format", "csv", QUERY)
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows[0] == ["order_id", "note", "amount", "country"]
    assert rows[1] == ["0", "", "0.00", "CH"]


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_files_hold_the_rows(run, mesh, tmp_path, kind):
    file = tmp_path / f"answer.{kind}"
    done = run("sql", "--mesh", mesh, "--format", kind, "--output", file, QUERY)
    assert done.returncode == 0, done.stderr
    if kind == "parquet":
        rows = pq.read_table(file)
    else:
        content = file.read_bytes()
        opened = pa.ipc.open_file(content) if content.startswith(b"ARROW1") else pa.ipc.open_stream(content)
        rows = opened.read_all()
    assert rows.column("order_id").to_pylist() == [0, 1, 700]


def test_table_is_for_people(run, mesh):
    done = run("sql", "--mesh", mesh, QUERY)
    assert done.returncode == 0, done.stderr
    assert "order_id" in done.stdout and "note 1" in done.stdout
    assert "3 rows" in done.stdout


def test_statement_comes_from_a_file_too(run, mesh, tmp_path):
    file = tmp_path / "question.sql"
    file.write_text(QUERY)
    done = run("sql", "--mesh", mesh, "--format", "csv", "-f", file)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4


def test_server_is_asked_with_connect(run, server):
    done = run("sql", "--connect", server.uri, "--format", "csv", "SELECT count(*) AS n FROM people.customers")
    assert (done.returncode, done.stdout.split()) == (0, ["n", "40"]), done.stderr


def test_failed_query_ends_with_1_and_says_why_on_stderr(run, mesh):
    done = run("sql", "--mesh", mesh, "SELECT * FROM shop.ordres.orders")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "shop.ordres" in done.stderr and "orders" in done.stderr


@pytest.mark.parametrize("arguments", [["--nonsense"], ["sql"], ["serve"], ["sql", "--format", "xml", "SELECT 1"], ["frobnicate"]])
def test_wrong_usage_ends_with_2(run, arguments):
    done = run(*arguments)
    assert done.returncode == 2, done
    assert done.stdout == ""


def test_check_passes_a_good_mesh_and_fails_a_bad_one(run, mesh, tmp_path):
    done = run("check", "--mesh", mesh)
    assert done.returncode == 0, done.stdout + done.stderr
    bad = tmp_path / "bad"
    shutil.copytree(mesh, bad)
    (bad / "domains/shop/kinds/data/kinds.parquet").unlink()
    done = run("check", "--mesh", bad)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "kinds" in done.stdout + done.stderr


def test_products_and_describe_show_what_there_is(run, mesh):
    done = run("products", "--mesh", mesh)
    assert done.returncode == 0, done.stderr
    for name in ("orders", "customers", "items"):
        assert name in done.stdout
    done = run("products", "--mesh", mesh, "--search", "customers")
    assert "customers" in done.stdout and "items" not in done.stdout
    done = run("describe", "--mesh", mesh, "shop.orders")
    assert done.returncode == 0, done.stderr
    assert "amount" in done.stdout and "2.1.0" in done.stdout
    assert run("describe", "--mesh", mesh, "shop.nothing").returncode == 1


def test_serve_says_one_line_and_ends_well(serve, mesh):
    server = serve(mesh)
    assert re.fullmatch(r"grpc://127\.0\.0\.1:\d+", server.uri)
    assert server.stop() == 0
    assert server.process.stdout.read() == ""


def test_serve_refuses_to_listen_to_everyone(run, mesh):
    done = run("serve", "--mesh", mesh, "--listen", "0.0.0.0:0")
    assert done.returncode != 0
    assert "--insecure" in done.stderr
    assert done.stdout == ""


def test_policy_that_is_wrong_is_named_and_opens_nothing(run, mesh, tmp_path):
    governed = tmp_path / "governed"
    shutil.copytree(mesh, governed)
    (governed / "domains/shop/policies").mkdir()
    (governed / "domains/shop/policies/shop.cedar").write_text("permit (principal, action, resource);\n")
    checked = run("check", "--mesh", governed)
    assert checked.returncode == 1 and "domains/shop/policies/shop.cedar:1: error" in checked.stdout, checked
    for table in ("shop.orders.orders", "people.customers.customers"):
        done = run("sql", "--mesh", governed, f"SELECT * FROM {table}")
        assert done.returncode == 1 and not done.stdout and "does not exist" in done.stderr, done


def test_mesh_that_is_not_there_is_named(run, tmp_path):
    done = run("serve", "--mesh", tmp_path / "nowhere", "--listen", "127.0.0.1:0")
    assert done.returncode != 0
    assert "nowhere" in done.stderr


def test_demo_answers_across_three_domains(run, tmp_path):
    done = run("demo", "--dir", tmp_path / "demo", cwd=tmp_path, env=os.environ | {"NO_COLOR": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("media_player", "artists", "payments", "files", "bytes"):
        assert word in done.stdout, done.stdout
    again = run("sql", "--mesh", tmp_path / "demo", "--format", "csv", "SELECT count(*) FROM media_player.play_events.plays")
    assert again.returncode == 0, again.stderr
    assert int(again.stdout.split()[1]) >= 1_000_000
