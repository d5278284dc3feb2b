"""Load on `showroom serve`: rates and times at 1, 8 and 64 clients, what batching brings, what happens beyond
capacity, memory, and SIGTERM under load. Writes SERVE.md beside itself.

    python3 benches/serve.py --showroom target/release/showroom --store STORE --photos FOLDER [--quick]

Needs nothing but Python's standard library. Client and server share the machine, so that the rates are a floor.
"""

import argparse
import asyncio
import base64
import itertools
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

WORDS = "red blue black white green leather wooden metal small large".split()
THINGS = "shoe chair lamp mug bag bottle camera jacket sofa table watch hat".split()


class Server:
    """The binary on a free port; ready when the block begins."""

    def __init__(self, options, *flags):
        command = [options.showroom, "serve", "--listen", "127.0.0.1:0", "--store", options.store]
        self.command = [*command, "--index-name", "bench", "--json", "--quiet", *flags]

    async def __aenter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        said = json.loads(self.process.stdout.readline())
        host, port = said["address"].removeprefix("http://").rsplit(":", 1)
        self.at = (host, int(port))
        while (await request(self, "GET", "/ready"))[0] != 200:
            await asyncio.sleep(0.02)
        return self

    async def __aexit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()

    def memory_mb(self, field="VmHWM"):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
        return 0.0


def head(method, path, body, close):
    closing = "connection: close\r\n" if close else ""
    return (
        f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n{closing}content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode()


async def answer(reader):
    """Status and body; EOF before the end is an error."""
    text = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status = int(text.split(" ", 2)[1])
    length = next(int(line.split(":")[1]) for line in text.splitlines() if line.startswith("content-length"))
    return status, await reader.readexactly(length)


async def request(server, method, path, body=b""):
    reader, writer = await asyncio.open_connection(*server.at)
    try:
        writer.write(head(method, path, body, True) + body)
        await writer.drain()
        return await answer(reader)
    finally:
        writer.close()


def questions(kind, options):
    """Bodies without end. No two sentences are the same, so that none is known already."""
    path = "/indexes/bench/search"
    for at in itertools.count():
        if kind == "text":
            body = {"q": f"{random.choice(WORDS)} {random.choice(THINGS)} {at}"}
        elif kind == "image":
            body = {"image": random.choice(options.images)}
        else:
            body = {"like": random.choice(options.likes)}
        yield path, json.dumps({**body, "limit": 10}).encode()


async def closed_loop(server, asked, clients, seconds):
    """Each client asks again as soon as it has its answer, on one connection."""
    times, wrong = [], []
    end = time.perf_counter() + seconds

    async def client():
        reader, writer = await asyncio.open_connection(*server.at)
        while time.perf_counter() < end:
            path, body = next(asked)
            began = time.perf_counter()
            writer.write(head("POST", path, body, False) + body)
            await writer.drain()
            status, _ = await answer(reader)
            (times if status == 200 else wrong).append(time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return times, wrong, time.perf_counter() - began


async def open_loop(server, asked, rate, seconds):
    """Requests come at a fixed rate, whether answers do or not; each on a connection of its own."""
    accepted, turned_away, failed = [], 0, 0

    async def one():
        nonlocal turned_away, failed
        path, body = next(asked)
        began = time.perf_counter()
        try:
            status, _ = await request(server, "POST", path, body)
        except (OSError, EOFError):
            failed += 1
            return
        if status == 200:
            accepted.append(time.perf_counter() - began)
        elif status in (429, 503):
            turned_away += 1
        else:
            failed += 1

    began, tasks = time.perf_counter(), []
    for at in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + at / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(one()))
    await asyncio.gather(*tasks)
    return accepted, turned_away, failed, time.perf_counter() - began


def quantiles(times):
    times = sorted(times) or [float("nan")]
    return [1e3 * times[min(len(times) - 1, int(share * len(times)))] for share in (0.5, 0.95, 0.99)]


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


async def rates(options, lines):
    capacity = {}
    async with Server(options) as server:
        lines += ["", row("question", "clients", "answers/s", "p50 ms", "p95 ms", "p99 ms"), row(*["---"] * 6)]
        for kind in ("text", "image", "like"):
            for clients in (1, 8, 64):
                times, wrong, took = await closed_loop(server, questions(kind, options), clients, options.seconds)
                rate = len(times) / took
                capacity[kind] = max(capacity.get(kind, 0), rate)
                lines.append(row(kind, clients, f"{rate:.1f}", *(f"{ms:.0f}" for ms in quantiles(times))))
                assert not wrong, f"{len(wrong)} of {kind} at {clients} were refused"
        lines += ["", f"Memory at the end: {server.memory_mb('VmRSS'):.0f} MB, at the most {server.memory_mb():.0f} MB."]
    return capacity


async def batching(options, lines):
    lines += ["", "## Batching", "", row("photos at a time", "clients", "answers/s", "p50 ms", "p95 ms"), row(*["---"] * 5)]
    for name, flags in (("1", ["--batch", "1", "--batch-wait", "0"]), ("as measured best", [])):
        async with Server(options, *flags) as server:
            for clients in (1, 8, 64):
                times, _, took = await closed_loop(server, questions("image", options), clients, options.seconds)
                p50, p95, _ = quantiles(times)
                lines.append(row(name, clients, f"{len(times) / took:.1f}", f"{p50:.0f}", f"{p95:.0f}"))


async def overload(options, lines, capacity):
    lines += ["", "## Beyond capacity", "", "Open loop: requests come at a fixed rate, whatever is answered.", ""]
    lines += [row("question", "× capacity", "asked/s", "answered/s", "share of peak", "turned away", "failed", "p99 ms of answered")]
    lines.append(row(*["---"] * 8))
    for kind in ("text", "image"):
        for times_over in (2, 5):
            async with Server(options) as server:
                rate = times_over * capacity[kind]
                asked = questions(kind, options)
                accepted, away, failed, took = await open_loop(server, asked, rate, options.seconds)
                goodput = len(accepted) / took
                p99 = quantiles(accepted)[2]
                share = f"{goodput / capacity[kind]:.2f}"
                lines.append(row(kind, times_over, f"{rate:.0f}", f"{goodput:.1f}", share, away, failed, f"{p99:.0f}"))


async def terminations(options, lines):
    answered = dropped = unclean = 0
    for _ in range(options.terminations):
        async with Server(options, "--drain-notice", "0.1") as server:
            over = False

            async def client():
                nonlocal answered, dropped
                asked = questions("text", options)
                while not over:
                    path, body = next(asked)
                    try:
                        reader, writer = await asyncio.open_connection(*server.at)
                    except OSError:
                        # Who cannot connect was not accepted.
                        await asyncio.sleep(0.005)
                        continue
                    try:
                        writer.write(head("POST", path, body, True) + body)
                        await writer.drain()
                        status, _ = await answer(reader)
                        answered += status == 200
                        dropped += status not in (200, 429)
                    except (OSError, EOFError):
                        dropped += 1
                    finally:
                        writer.close()

            clients = [asyncio.create_task(client()) for _ in range(8)]
            await asyncio.sleep(random.uniform(0.1, 0.4))
            server.process.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(server.process.wait)
            unclean += code != 0
            over = True
            await asyncio.gather(*clients)
    lines += ["", "## SIGTERM under load", ""]
    lines.append(
        f"{options.terminations} times, 8 clients: {answered} requests answered, {dropped} dropped, "
        f"{unclean} exits other than 0."
    )


async def run(options):
    files = sorted(path for path in pathlib.Path(options.photos).rglob("*") if path.suffix in (".jpg", ".png", ".webp"))
    random.seed(1)
    chosen = random.sample(files, min(24, len(files)))
    kind = {".jpg": "jpeg", ".png": "png", ".webp": "webp"}
    options.images = [
        f"data:image/{kind[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}" for path in chosen
    ]
    export = subprocess.run([options.showroom, "export", "--store", options.store], capture_output=True, check=True)
    options.likes = [json.loads(line)["id"] for line in export.stdout.splitlines()]
    version = subprocess.run([options.showroom, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    lines = ["# Serving", "", f"{version}, {len(options.likes)} photos, {os.cpu_count()} cores shared with the client,"]
    lines.append(f"{options.seconds:g} s each; `python3 benches/serve.py`. Every sentence is a new one.")
    capacity = await rates(options, lines)
    await batching(options, lines)
    await overload(options, lines, capacity)
    await terminations(options, lines)
    text = "\n".join(lines) + "\n"
    print(text)
    pathlib.Path(options.output).write_text(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--showroom", required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--photos", required=True)
    parser.add_argument("--output", default=str(pathlib.Path(__file__).with_name("SERVE.md")))
    parser.add_argument("--quick", action="store_true", help="two seconds each and ten terminations")
    options = parser.parse_args()
    options.seconds, options.terminations = (2.0, 10) if options.quick else (10.0, 100)
    asyncio.run(run(options))


if __name__ == "__main__":
    sys.exit(main())
