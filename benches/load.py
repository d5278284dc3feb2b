"""A running `showroom serve`, and load on it: `oha` where it can make it, and a client of our own for the rest."""

import asyncio
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path


class Server:
    """The binary on a free port; ready when the block begins."""

    def __init__(self, showroom, store, *flags):
        command = [showroom, "serve", "--listen", "127.0.0.1:0", "--store", store, "--index-name", "bench"]
        # At `info` every request is a line; that is what a server runs with.
        self.command = [str(word) for word in [*command, "--json", "--quiet", *flags]]

    async def __aenter__(self):
        began = time.perf_counter()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        said = self.process.stdout.readline()
        if not said:
            self.log.seek(0)
            raise SystemExit(f"bench: the server did not start:\n{self.log.read().decode()[-2000:]}")
        self.url = json.loads(said)["address"]
        host, port = self.url.removeprefix("http://").rsplit(":", 1)
        self.at = (host, int(port))
        while (await request(self, "GET", "/ready"))[0] != 200:
            await asyncio.sleep(0.02)
        self.ready_s = time.perf_counter() - began
        return self

    async def __aexit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.log.close()

    def memory_mb(self, field="VmHWM"):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
        return 0.0


class Load:
    """What `oha` saw: `ok` and `away` (429 and 503) are counts, `other` everything else, times in milliseconds."""

    def __init__(self, said, client_cpu_s):
        codes = said["statusCodeDistribution"]
        self.took_s = said["summary"]["total"]
        self.ok = codes.get("200", 0)
        self.away = codes.get("429", 0) + codes.get("503", 0)
        self.errors = {what: count for what, count in said["errorDistribution"].items() if "deadline" not in what}
        self.other = sum(codes.values()) - self.ok - self.away + sum(self.errors.values())
        self.rate = self.ok / self.took_s
        times = said.get("latencyPercentilesSuccessful") or {}
        self.p50, self.p95, self.p99 = (1e3 * (times.get(name) or float("nan")) for name in ("p50", "p95", "p99"))
        self.client_cores = client_cpu_s / self.took_s


async def oha(options, server, target, clients, seconds, rate=None):
    """`clients` connections ask for `seconds`, each again as soon as it has its answer; with a `rate` they ask so
    often whatever is answered, and a time is counted from when a request was due."""
    command = [options.oha, "--no-tui", "--output-format", "json", "--stats-success-breakdown", "--redirect", "0"]
    command += ["-z", f"{seconds}s", "-w", "-c", clients, *target.arguments(server)]
    if rate:
        command[1:1] = ["-q", f"{rate:.1f}", "--latency-correction"]
    before = os.times()
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    after = os.times()
    if process.returncode:
        raise SystemExit(f"bench: oha ended with {process.returncode}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Load(json.loads(out), used)


class Bodies:
    """Questions of one kind: each request takes one of these lines, by chance."""

    def __init__(self, folder, name, bodies, path="/indexes/bench/search"):
        self.name, self.path, self.file = name, path, Path(folder) / f"{name}.jsonl"
        with self.file.open("w") as out:
            for body in bodies:
                out.write(json.dumps(body) + "\n")

    def arguments(self, server):
        return ["-m", "POST", "-T", "application/json", "-Z", self.file, server.url + self.path]


class Pages:
    """Pages of a list."""

    def __init__(self, folder, name, paths):
        self.name, self.paths, self.file = name, paths, Path(folder) / f"{name}.txt"

    def arguments(self, server):
        # The port is another for each server.
        self.file.write_text("".join(f"{server.url}{path}\n" for path in self.paths))
        return ["--urls-from-file", self.file]


def head(method, path, body):
    return (
        f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode()


async def answer(reader):
    """Status and body; EOF before the end is an error."""
    text = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status = int(text.split(" ", 2)[1])
    length = next(int(line.split(":")[1]) for line in text.splitlines() if line.startswith("content-length"))
    return status, await reader.readexactly(length)


async def exchange(reader, writer, method, path, body=b""):
    """One request on a connection that is there."""
    writer.write(head(method, path, body) + body)
    await writer.drain()
    return await answer(reader)


async def request(server, method, path, body=b""):
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection(*server.at)
    try:
        return await exchange(reader, writer, method, path, body)
    finally:
        writer.close()
