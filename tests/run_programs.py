"""Builds clients that need an environment of their own, and runs them against a server over the sample mesh.

    python tests/run_programs.py java          the Arrow Flight SQL JDBC driver, each version of it, and pgjdbc
    python tests/run_programs.py go            the ADBC driver for Go, and pgx
    python tests/run_programs.py sqlalchemy1   Python with SQLAlchemy 1.4: flightsql-dbapi, and the dialect in python/, installed

A program is given the URI of a server without logins, or the host and port of its PostgreSQL listener, and by SAMITE_LOGIN_URI, _POSTGRESQL, _CA and _TOKEN one with TLS, the user anna and tokens. One in Java or Go prints a line for each check: ok, limit (of the driver), fault (of the server, known) or FAILED, and their numbers. Downloads go into
.clients; once they are there, nothing needs the network. What cannot be built here is written into SAMITE_TEST_LEFT_OUT.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/clients/python")]

import sample_mesh  # noqa: E402
from conftest import Server  # noqa: E402
from identity import Authority, Provider, add_user  # noqa: E402

CACHE = ROOT / ".clients"
URI, POSTGRESQL = object(), object()  # stand for the server's in a command
PG = ("--pg-listen", "127.0.0.1:0")
BUILD_SECONDS_MAX = 1200
RUN_SECONDS_MAX = 300
NETTY = "--add-opens=java.base/java.nio=ALL-UNNAMED"  # as the driver's documentation says


class LeftOut(Exception):
    """What this machine lacks."""


def main():
    language = sys.argv[1]
    try:
        commands = {"java": java, "go": go, "sqlalchemy1": sqlalchemy1}[language]()
    except LeftOut as lacking:
        leave_out(language, lacking)
        print("0 passed, 0 failed, 1 skipped")
        return 0
    program = pathlib.Path(os.environ.get("SAMITE_BIN") or ROOT / "target/debug/samite")
    with tempfile.TemporaryDirectory() as mesh, tempfile.TemporaryDirectory() as folder:
        sample_mesh.write(mesh)
        os.environ |= {"SAMITE_TEST_MESH": mesh, "SAMITE_BIN": str(program)}
        server, with_logins, provider = Server(program, mesh, *PG), None, Provider()
        try:
            with_logins = server_with_logins(program, mesh, pathlib.Path(folder), provider)
            given = {URI: server.uri, POSTGRESQL: ":".join(server.postgresql)}
            good = [run(language, name, [given.get(part, part) for part in command]) for name, command in commands.items()]
        finally:
            for running in (server, with_logins):
                if running:
                    running.stop()
            provider.close()
    return 0 if all(good) else 1


def server_with_logins(program, mesh, folder, provider):
    """A server with TLS, the user anna (password `it's; 1=1 & 100%`) and tokens of a provider, told to the programs by the environment."""
    authority = Authority(folder)
    certificate, key = authority.issue("server")
    add_user(program, folder / "users.toml", "anna", "it's; 1=1 & 100%").check_returncode()
    (folder / "samite.toml").write_text(f'[auth]\nusers_file = "users.toml"\n{provider.options()}jwt_name = "sub"\n'
                                        f'[server]\ntls_certificate = "{certificate.name}"\ntls_key = "{key.name}"\n')
    server = Server(program, mesh, "--config", str(folder / "samite.toml"), *PG)
    os.environ |= {"SAMITE_LOGIN_URI": server.uri, "SAMITE_LOGIN_POSTGRESQL": ":".join(server.postgresql), "SAMITE_LOGIN_CA": str(authority.ca), "SAMITE_LOGIN_TOKEN": provider.token("bert")}
    return server


def java():
    """The programs with each version of their driver."""
    for tool, package in (("javac", "default-jdk-headless"), ("mvn", "maven")):
        if not shutil.which(tool):
            raise LeftOut(f"{tool} is missing (Debian: apt-get install {package})")
    folder, target = ROOT / "tests/clients/java", CACHE / "java"
    arguments = ["-q", "-B", "-f", folder / "pom.xml", f"-Dmaven.repo.local={CACHE / 'maven'}", f"-Dfolder={target}", "compile"]
    if build(["mvn", "-o", *arguments], quiet=True) and build(["mvn", *arguments]):
        raise LeftOut("Maven could not build it, see above")

    def programs(drivers, *command):
        return {driver.stem: ["java", NETTY, "-Duser.timezone=UTC", "-cp", f"{target / 'classes'}:{driver}", *command] for driver in sorted((target / drivers).glob("*.jar"))}

    return programs("drivers", "samite.Main", URI) | programs("postgresql", "samite.Postgresql", POSTGRESQL)


def go():
    """The one program."""
    if not shutil.which("go"):
        raise LeftOut("go is missing (go.dev/dl)")
    made = CACHE / "go/clients"
    if build(["go", "-C", ROOT / "tests/clients/go", "build", "-buildvcs=false", "-o", made, "."]):
        raise LeftOut("go could not build it, see above")
    return {"go": [made, URI, POSTGRESQL]}


def sqlalchemy1():
    """pytest in a virtual environment that is made once for each state of its requirements."""
    requirements, folder = ROOT / "tests/requirements-sqlalchemy1.txt", CACHE / "sqlalchemy1"
    python, made = folder / "bin/python", folder / "requirements.txt"
    if not made.is_file() or made.read_bytes() != requirements.read_bytes():
        shutil.rmtree(folder, ignore_errors=True)
        if build([sys.executable, "-m", "venv", folder]) or build([python, "-m", "pip", "install", "-q", "-r", requirements]):
            raise LeftOut("its environment could not be made, see above")
        shutil.copyfile(requirements, made)
    with tempfile.TemporaryDirectory() as copy:  # building leaves files beside the sources
        shutil.copytree(ROOT / "python", copy, dirs_exist_ok=True)
        if build([python, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--force-reinstall", copy]):
            raise LeftOut("python/ could not be installed, see above")
    tests = ROOT / "tests/clients/python"
    return {"SQLAlchemy 1.4": [python, "-m", "pytest", "-rs", "--color=no", "-p", "no:cacheprovider", tests / "sqlalchemy_1", tests / "test_sqlalchemy.py"]}


def build(command, quiet=False):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=BUILD_SECONDS_MAX, stdin=subprocess.DEVNULL)
    if done.returncode and not quiet:
        print(done.stdout + done.stderr, flush=True)
    return done.returncode


def run(language, name, command):
    print(f"---- {name}", flush=True)
    try:
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=RUN_SECONDS_MAX,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as late:
        print(f"{name}: {late}\n0 passed, 1 failed")
        return False
    good = done.returncode == 0
    print(done.stdout + ("" if good else done.stderr), flush=True)
    for fault in re.findall(r"^fault +(.*)", done.stdout, re.MULTILINE):
        leave_out(f"{language}, known fault of the server", fault)
    return good


def leave_out(what, why):
    file = os.environ.get("SAMITE_TEST_LEFT_OUT")
    if file:
        with open(file, "a", encoding="utf-8") as left_out:
            print(f"{what}: {why}", file=left_out)


if __name__ == "__main__":
    sys.exit(main())
