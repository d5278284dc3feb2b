"""Load on `showroom serve`: rates and times at 1, 8 and 64 clients, what batching brings, what happens beyond
capacity, a catalogue of many rows, memory, and SIGTERM under load. Writes SERVE.md beside itself.

usage: serve.py --cache DIR --showroom BINARY --oha BINARY [--quick] [--only PART,…] [--rows N] [--out FILE]
(see `make bench-serve`)

Client and server share the machine, so that the rates are a floor: the cores that the client took are in the tables.
`oha` asks; our own client does what it cannot, which is to tell a connection that was refused from a request that was
dropped. The catalogue of many rows is made of the sample photos', as in search.py.
"""

import argparse
import asyncio
import base64
import itertools
import json
import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from load import Bodies, Pages, Server, exchange, oha, request
from side import run as must_run

HERE = Path(__file__).resolve().parent
WORDS = "red blue black white green leather wooden metal small large".split()
THINGS = "shoe chair lamp mug bag bottle camera jacket sofa table watch hat".split()
CLIENTS = (1, 8, 64)
# Sentences to draw from: so many that hardly one is asked twice, and the server keeps a thousand.
SENTENCES = 200_000
# Connections from which requests come at a fixed rate: more than the server lets wait, so that nothing waits here.
OPEN_LOOP_CLIENTS = 192
PARTS = ("rates", "batching", "overload", "rows", "terminations")
KINDS = {".jpg": "jpeg", ".png": "png", ".webp": "webp"}


def sentences():
    for number in itertools.count():
        yield {"q": f"{random.choice(WORDS)} {random.choice(THINGS)} {number}", "limit": 10}


def targets(work, photos, likes):
    """What is asked: words, photos, and photos of the catalogue."""
    files = sorted(path for path in photos.rglob("*") if path.suffix in KINDS)
    chosen = random.sample(files, min(24, len(files)))
    uri = lambda path: f"data:image/{KINDS[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return {
        "text": Bodies(work, "text", itertools.islice(sentences(), SENTENCES)),
        "image": Bodies(work, "image", ({"image": uri(path), "limit": 10} for path in chosen)),
        "like": Bodies(work, "like", ({"like": like, "limit": 10} for like in likes)),
    }


def table(lines, *names):
    lines += ["", row(*names), row(*["---"] * len(names))]


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def add(lines, *cells):
    lines.append(row(*cells))
    print(lines[-1], flush=True)


def times(load):
    return [f"{ms:.0f}" for ms in (load.p50, load.p95, load.p99)]


def check(load, what):
    if load.away or load.other:
        raise SystemExit(f"bench: {what}: {load.away} turned away, {load.other} failed {load.errors}")


async def rates(options, lines, asked):
    """Also the most answers a second of each kind: what the server can do."""
    capacity = {}
    async with Server(options.showroom, options.store) as server:
        table(lines, "question", "clients", "answers/s", "p50 ms", "p95 ms", "p99 ms", "client's cores")
        for kind, clients in itertools.product(asked, CLIENTS):
            load = await oha(options, server, asked[kind], clients, options.seconds)
            check(load, f"{kind} by {clients}")
            capacity[kind] = max(capacity.get(kind, 0), load.rate)
            add(lines, kind, clients, f"{load.rate:.1f}", *times(load), f"{load.client_cores:.2f}")
        lines += ["", f"Memory at the end: {server.memory_mb('VmRSS'):.0f} MB, at the most {server.memory_mb():.0f} MB."]
    return capacity


async def batching(options, lines, asked):
    lines += ["", "## Batching"]
    table(lines, "photos at a time", "clients", "answers/s", "p50 ms", "p95 ms")
    for name, flags in (("1", ["--batch", "1", "--batch-wait", "0"]), ("as measured best", [])):
        async with Server(options.showroom, options.store, *flags) as server:
            for clients in CLIENTS:
                load = await oha(options, server, asked["image"], clients, options.seconds)
                check(load, f"batching by {clients}")
                add(lines, name, clients, f"{load.rate:.1f}", *times(load)[:2])


async def overload(options, lines, asked, capacity):
    lines += ["", "## Beyond capacity", "", "Open loop: requests come at a fixed rate, whatever is answered.", ""]
    lines += ["Times are those of what was answered, from the moment a request was due."]
    table(lines, "question", "× capacity", "asked/s", "answered/s", "share of peak", "turned away", "failed",
          "p50 ms", "p99 ms", "client's cores")
    for kind, over in itertools.product(("text", "image"), (2, 5)):
        if kind not in capacity:
            # Not measured in this run.
            async with Server(options.showroom, options.store) as server:
                load = await oha(options, server, asked[kind], 64, options.seconds)
                capacity[kind] = load.rate
        async with Server(options.showroom, options.store) as server:
            # What is asked before it is warm says little of what it can do.
            await oha(options, server, asked[kind], 8, 1)
            asked_rate = over * capacity[kind]
            load = await oha(options, server, asked[kind], OPEN_LOOP_CLIENTS, options.seconds, asked_rate)
            share = f"{load.rate / capacity[kind]:.2f}"
            add(lines, kind, over, f"{asked_rate:.0f}", f"{load.rate:.1f}", share, load.away, load.other,
                f"{load.p50:.0f}", f"{load.p99:.0f}", f"{load.client_cores:.2f}")


async def rows(options, lines, work):
    """A catalogue as large as a shop's: search, and the list of products that the page shows."""
    from search import Made  # needs lancedb, which the other parts do without

    count, store = options.rows, work / "many"
    began = time.perf_counter()
    Made(options.store, store, count)
    made_s = time.perf_counter() - began
    _, index_s, _, _ = must_run([options.showroom, "index", "build", "--store", store, "--quiet"])
    lines += ["", f"## {count:,} rows"]
    likes = random.sample(range(count), min(count, 5000))
    asked = {
        "text": Bodies(work, "text-many", itertools.islice(sentences(), SENTENCES)),
        "text, filtered": Bodies(work, "filtered", (
            {**body, "where": "bytes < 1000"} for body in itertools.islice(sentences(), SENTENCES))),
        "like": Bodies(work, "like-many", ({"like": f"made-{number}", "limit": 10} for number in likes)),
        "list page": Pages(work, "pages", [f"/v1/products?limit=50&offset={number}" for number in likes]),
    }
    async with Server(options.showroom, store) as server:
        ready_s, ready_mb = server.ready_s, server.memory_mb("VmRSS")
        began = time.perf_counter()
        status, _ = await request(server, "GET", "/v1/products?limit=50")
        first_s = time.perf_counter() - began
        if status != 200:
            raise SystemExit(f"bench: the list of products answers {status}")
        table(lines, "question", "clients", "answers/s", "p50 ms", "p95 ms", "p99 ms")
        for kind, clients in itertools.product(asked, (1, 8)):
            load = await oha(options, server, asked[kind], clients, options.seconds)
            check(load, f"{kind} by {clients} of many")
            add(lines, kind, clients, f"{load.rate:.1f}", *times(load))
        lines += ["", f"Ready {ready_s:.1f} s after the start, with {ready_mb:.0f} MB; at the most {server.memory_mb():.0f} MB. "
                  f"The first list of products, which reads the catalogue: {first_s:.1f} s. Made in {made_s:.0f} s, indexed "
                  f"in {index_s:.0f} s."]
    print(lines[-1], flush=True)


async def terminations(options, lines):
    answered = dropped = unclean = 0
    for _ in range(options.terminations):
        async with Server(options.showroom, options.store, "--drain-notice", "0.1") as server:
            over = False

            async def client():
                nonlocal answered, dropped
                asked = sentences()
                while not over:
                    body = json.dumps(next(asked)).encode()
                    try:
                        reader, writer = await asyncio.open_connection(*server.at)
                    except OSError:
                        # Who cannot connect was not accepted.
                        await asyncio.sleep(0.005)
                        continue
                    try:
                        status, _ = await exchange(reader, writer, "POST", "/indexes/bench/search", body)
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
    lines += [f"{options.terminations} times, 8 clients: {answered} requests answered, {dropped} dropped, "
              f"{unclean} exits other than 0."]
    print(lines[-1], flush=True)


async def bench(options, work):
    random.seed(1)
    photos = options.cache / "datasets/sample-photos"
    if options.store is None:
        options.store = work / "store"
        must_run([options.showroom, "ingest", photos, "--store", options.store, "--quiet"])
    exported, *_ = must_run([options.showroom, "export", "--store", options.store, "--quiet"])
    likes = [json.loads(line)["id"] for line in exported.splitlines()]
    version = subprocess.run([options.showroom, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    lines = ["# Serving", "", f"{version}, {len(likes)} photos, {cores} cores shared with the client, no GPU, "
             f"{options.seconds:g} s each; load of the machine before the run: {load:.1f}.",
             "`benches/serve.py` writes this page and says at its head how it asks. Every sentence is a new one."]
    asked = targets(work, photos, likes)
    capacity = {}
    if "rates" in options.only:
        capacity = await rates(options, lines, asked)
    if "batching" in options.only:
        await batching(options, lines, asked)
    if "overload" in options.only:
        await overload(options, lines, asked, capacity)
    if "rows" in options.only:
        await rows(options, lines, work)
    if "terminations" in options.only:
        await terminations(options, lines)
    options.out.write_text("\n".join(lines) + "\n")
    print(f"written: {options.out}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--showroom", type=Path, required=True)
    parser.add_argument("--oha", type=Path, required=True)
    parser.add_argument("--store", type=Path, help="a catalogue of the sample photos that is there already")
    parser.add_argument("--rows", type=int, help="of the large catalogue: 100,000, or 5,000 with --quick")
    parser.add_argument("--only", type=lambda text: text.split(","), default=PARTS, help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="two seconds each and ten terminations")
    parser.add_argument("--out", type=Path, default=HERE / "SERVE.md")
    options = parser.parse_args()
    options.seconds, options.terminations = (2, 10) if options.quick else (10, 100)
    options.rows = options.rows or (5_000 if options.quick else 100_000)
    derived = options.cache / "bench"
    derived.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=derived) as work:
        asyncio.run(bench(options, Path(work)))


if __name__ == "__main__":
    main()
