"""Runs every example against the mesh that `samite demo` writes. tests/run examples calls it.

An example passes if it ends with 0 and prints something.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/clients/python"))

from conftest import Server  # noqa: E402

SECONDS_MAX = 300


def main():
    program = pathlib.Path(os.environ.get("SAMITE_BIN") or ROOT / "target/debug/samite")
    built = pathlib.Path(os.environ.get("SAMITE_EXAMPLES") or program.parent / "examples")
    with tempfile.TemporaryDirectory() as folder:
        mesh = pathlib.Path(folder) / "mesh"
        subprocess.run([program, "demo", "--dir", mesh], check=True, stdout=subprocess.DEVNULL, timeout=SECONDS_MAX)
        server = Server(program, mesh)
        try:
            commands = [[sys.executable, file, server.uri] for file in sorted((ROOT / "examples").glob("*.py"))]
            commands += [[built / file.stem, mesh] for file in sorted((ROOT / "examples").glob("*.rs"))]
            results = [run(command) for command in commands]
        finally:
            server.stop()
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if results and all(results) else 1


def run(command):
    name = pathlib.Path(command[1] if command[0] == sys.executable else command[0]).name
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=SECONDS_MAX, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{name}: {error}")
        return False
    good = done.returncode == 0 and done.stdout.strip() != ""
    print(f"{name}: {'passed' if good else 'FAILED'}\n{done.stdout}{done.stderr if not good else ''}", flush=True)
    return good


if __name__ == "__main__":
    sys.exit(main())
