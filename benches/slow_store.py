"""A store like S3 for a measurement: the files of a folder, each answer after a pause, and every request counted by its kind.

It knows just what readers ask: listings, HEAD, and GET with a range. Signatures are not looked at. Where that is asked for, a share of the
requests fails at random, as those of real stores do. It runs in a process of its own.
"""

import asyncio
import multiprocessing
import os
import pathlib
import random
import re
import urllib.parse

BUCKET = "lake"
FAULTS = ("429 Too Many Requests", "500 Internal Server Error", "503 Slow Down", "reset", "cut short")
MODIFIED = ("2026-11-21T12:00:00.000Z", "Sat, 21 Nov 2026 12:00:00 GMT")


class SlowStore:
    """The running store: `url`, and what it was asked since the last time that one looked."""

    def __init__(self, folder, pause_ms, fault_share=0.0):
        context = multiprocessing.get_context("spawn")
        self.end, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, str(folder), pause_ms, fault_share), daemon=True)
        self.process.start()
        self.url = f"http://127.0.0.1:{self.end.recv()}"

    def take(self):
        """Each request as (kind, key, bytes, whether they reach the end of the file)."""
        self.end.send("take")
        return self.end.recv()

    def stop(self):
        self.end.send("stop")
        self.process.join(10)


def serve(end, folder, pause_ms, fault_share):
    asyncio.run(run(end, pathlib.Path(folder), pause_ms / 1000, fault_share))


async def run(end, folder, pause, fault_share):
    asked = []
    server = await asyncio.start_server(lambda reader, writer: connection(reader, writer, folder, (pause, fault_share), asked), "127.0.0.1", 0, backlog=512)
    end.send(server.sockets[0].getsockname()[1])
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()

    def told():
        if end.recv() == "stop":
            stopped.set()
        else:
            end.send(asked[:])
            asked.clear()

    loop.add_reader(end.fileno(), told)
    await stopped.wait()


async def connection(reader, writer, folder, troubles, asked):
    pause, fault_share = troubles
    try:
        while head := await request(reader):
            await asyncio.sleep(pause)
            if random.random() < fault_share:
                await fail(writer, asked, random.choice(FAULTS))
            else:
                await answer(writer, folder, asked, *head)
    except (ConnectionError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


async def fail(writer, asked, fault):
    asked.append((fault, "", 0, False))
    if fault == "cut short":
        writer.write(b"HTTP/1.1 206 Partial Content\r\ncontent-length: 100000\r\ncontent-range: bytes 0-99999/9999999\r\n\r\n" + b"x" * 500)
        await writer.drain()
    if fault in ("reset", "cut short"):
        writer.transport.abort()
        raise ConnectionError
    writer.write(f"HTTP/1.1 {fault}\r\ncontent-length: 0\r\n\r\n".encode())
    await writer.drain()


async def request(reader):
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, target, _ = lines[0].split(" ")
    headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:] if line)}
    return method, urllib.parse.urlsplit(target), headers


async def answer(writer, folder, asked, method, target, headers):
    key = urllib.parse.unquote(target.path).removeprefix(f"/{BUCKET}").lstrip("/")
    query = dict(urllib.parse.parse_qsl(target.query, keep_blank_values=True))
    if method == "GET" and query.get("list-type") == "2":
        body = listing(folder, query).encode()
        asked.append(("LIST", query.get("prefix", ""), len(body), False))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        return await writer.drain()
    path = folder / key
    if not key or not path.is_file():
        asked.append((method, key, 0, False))
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        return await writer.drain()
    size = path.stat().st_size
    start, end = span(headers.get("range"), size)
    status = "206 Partial Content" if "range" in headers else "200 OK"
    lines = [f"HTTP/1.1 {status}", f"content-length: {end - start}", f"etag: {tag(size, key)}", f"last-modified: {MODIFIED[1]}",
             "accept-ranges: bytes"] + ([f"content-range: bytes {start}-{end - 1}/{size}"] if "range" in headers else [])
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    asked.append((method, key, end - start if method == "GET" else 0, end == size))
    if method == "GET":
        await writer.drain()
        with path.open("rb") as file:
            await asyncio.get_running_loop().sendfile(writer.transport, file, start, end - start)


def span(text, size):
    """The bytes that a range header names."""
    first, last = re.fullmatch(r"bytes=(\d*)-(\d*)", text or "bytes=0-").groups()
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size


def tag(size, key):
    return f'"{size:x}-{len(key):x}"'


def listing(folder, query):
    """All keys below a prefix, or its folders and files where a delimiter is asked for; never more than one page."""
    prefix, after, delimiter = query.get("prefix", ""), query.get("start-after", ""), query.get("delimiter", "")
    top = folder / prefix.rpartition("/")[0]
    found = (pathlib.Path(where, name) for where, _, names in os.walk(top) for name in names)
    keys = {str(file.relative_to(folder)): file.stat().st_size for file in found}
    keys = {key: size for key, size in sorted(keys.items()) if key.startswith(prefix) and key > after}
    inner = {key for key in keys if delimiter and delimiter in key[len(prefix):]}
    folders = sorted({prefix + key[len(prefix):].split(delimiter)[0] + delimiter for key in inner})
    entries = "".join(
        f"<Contents><Key>{escaped(key)}</Key><LastModified>{MODIFIED[0]}</LastModified><ETag>{escaped(tag(size, key))}</ETag><Size>{size}</Size></Contents>"
        for key, size in keys.items() if key not in inner)
    entries += "".join(f"<CommonPrefixes><Prefix>{escaped(name)}</Prefix></CommonPrefixes>" for name in folders)
    return f'<?xml version="1.0"?><ListBucketResult><Name>{BUCKET}</Name><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>'


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
