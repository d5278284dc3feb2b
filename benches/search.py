"""Measures search and dedup over many rows beside hnswlib and faiss, and feeds; writes benches/SEARCH.md.

usage: search.py --cache DIR --showroom BINARY [--rows 1000,100000] [--feed-rows 1000,100000] [--out FILE]
(see `make bench-search`; the page is written anew after each part, so that a run that is broken off leaves what it has)

Rows are made up of the sample photos' own: their vectors mixed three at a time, every other column as
ingest wrote it. One row in a hundred is another's near copy. Ours is asked in two ways: by `showroom search`, a
process a question, whose `took_ms` leaves out starting and loading models but has opening the catalogue and reading
the index in it; and by `showroom serve` over HTTP, whose time is the client's, with hits as JSON and the
query's own vector looked up by its key. The peers give numbers of rows, in a process that holds everything in memory.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa

import feed
from side import peak_kib, run

HERE = Path(__file__).resolve().parent
PEERS = ["hnswlib", "faiss-hnsw", "faiss-flat"]
K = 10
VECTORS = ["shape", "colour", "text", "classes"]
# Rows that are made and written at once.
BLOCK = 5000
# Most of a made vector comes of one photo; the noise keeps rows apart.
MIX, NOISE = (1.2, 0.6, 0.3), 0.004
PLANTED = 0.01
# Rows of which duplicates are looked for.
MOST_DEDUP = 100_000
# Rows that a server keeps in memory by itself, and what a row takes there where it is let.
HOT_ROWS, HOT_BYTES = 180_000, 12_288


def vectors_of(batch, name):
    column = batch[name].combine_chunks()
    return column.flatten().to_numpy().reshape(len(column), -1)


class Made:
    """A catalogue of `count` made-up rows, and the shapes of all of them."""

    def __init__(self, seed_store, store, count):
        seed = lancedb.connect(seed_store).open_table("photos").to_arrow()
        bases = {name: vectors_of(seed, name) for name in VECTORS}
        random = np.random.default_rng(1)
        shutil.copytree(seed_store, store, ignore=shutil.ignore_patterns("photos.lance"))
        self.direction = bases["shape"][0]
        # On the disk, as a million of them would fill the memory.
        self.shapes = np.lib.format.open_memmap(f"{store}.npy", mode="w+", dtype=np.float32,
                                                shape=(count, bases["shape"].shape[1]))
        self.copies, self.truths, table = {}, {}, None
        for start in range(0, count, BLOCK):
            size = min(BLOCK, count - start)
            batch = self.block(seed, bases, random, start, size)
            if table is None:
                table = lancedb.connect(store).create_table("photos", batch)
            else:
                table.add(batch)
        self.likeness = self.shapes @ self.direction
        # Between two rows, so that rounding lets the same ones through on both sides.
        ranked = np.sort(self.likeness).astype(np.float64)
        self.most, self.least = ((ranked[at - 1] + ranked[at]) / 2 for at in (max(1, count // 100), count - count // 100))
        self.masks = {"random": np.arange(count) % 100 == 7,
                      "like": self.likeness >= self.least,
                      "unlike": self.likeness < self.most}

    def block(self, seed, bases, random, start, size):
        of = random.integers(0, len(seed), (3, size))
        shares = random.dirichlet(MIX, size).astype(np.float32)
        made = {}
        for name in VECTORS:
            rows = sum(bases[name][of[part]] * shares[:, part:part + 1] for part in range(3))
            noise = random.normal(0, NOISE, rows.shape).astype(np.float32)
            rows = rows + np.where(rows > 0, noise, 0)
            lengths = np.linalg.norm(rows, axis=1, keepdims=True)
            made[name] = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        phash = random.integers(0, 1 << 63, size, dtype=np.uint64)
        for row in np.flatnonzero(random.random(size) < PLANTED):
            other = int(random.integers(0, size))
            if other != row and start + other not in self.copies:
                for name in VECTORS:
                    made[name][row] = made[name][other]
                phash[row] = phash[other] ^ np.uint64(1 << int(random.integers(0, 64)))
                self.copies[start + int(row)] = start + other
        self.shapes[start:start + size] = made["shape"]
        numbers = np.arange(start, start + size)
        columns = {"uri": pa.array([f"/made/{n:09}.jpg" for n in numbers]),
                   "sku": pa.array([f"made-{n}" for n in numbers]),
                   "id": pa.array([f"{n:064x}" for n in numbers]),
                   "bytes": pa.array(np.where(numbers % 100 == 7, 1, 5000).astype(np.uint64)),
                   "phash": pa.array(phash)}
        # A column that says how near a row is to where the questions come from: a filter on it is
        # correlated with them.
        columns["sharpness"] = pa.array((made["shape"] @ self.direction).astype(np.float32))
        batch = seed.take(pa.array(of[0]))
        for name, values in made.items():
            field = seed.schema.field(name)
            flat = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
            columns[name] = flat.cast(field.type)
        for name, column in columns.items():
            at = seed.schema.get_field_index(name)
            batch = batch.set_column(at, seed.schema.field(at), column)
        return batch

    def filter(self, name):
        """The filter in the language of --where."""
        return {"random": "bytes < 1000", "like": f"sharpness >= {self.least:.9f}",
                "unlike": f"sharpness < {self.most:.9f}"}[name]

    def truth(self, query, mask):
        """The score of the tenth best of the rows that pass; the row itself is left out."""
        if (query, id(mask)) not in self.truths:
            scores = self.shapes @ self.shapes[query]
            scores[query] = -2
            if mask is not None:
                scores = np.where(mask, scores, -2)
            wanted = min(K, int((scores > -2).sum()))
            self.truths[query, id(mask)] = scores, np.partition(scores, -wanted)[-wanted], wanted
        return self.truths[query, id(mask)]


def recall(made, queries, mask, found):
    """Share of the ten best that were found; as near as the tenth is as good."""
    hit = of = 0
    for query, rows in zip(queries, found):
        scores, least, wanted = made.truth(query, mask)
        rows = [row for row in rows if row != query][:K]
        hit += sum(scores[row] >= least - 1e-5 for row in rows)
        of += wanted
    return hit / of


def ours(showroom, store, made, queries, name, *more):
    times, found, peak = [], [], 0
    for query in queries:
        where = ["--where", made.filter(name)] if name else []
        out, _, _, mib = run([showroom, "search", "--like", f"/made/{query:09}.jpg", "--colour-weight", "0", "-k", K,
                              "--json", "--quiet", "--device", "cpu", "--store", store, *where, *more])
        answer = json.loads(out)
        times.append(answer["took_ms"])
        found.append([int(Path(hit["uri"]).stem) for hit in answer["hits"]])
        peak = max(peak, mib)
    return times, found, peak


@contextmanager
def served(showroom, store, *more):
    """Asks a server of that store; (function of a request, process)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    at = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen([str(showroom), "serve", "--store", str(store), "--index-name", "made", "--read-only",
                                  "--device", "cpu", "--listen", f"127.0.0.1:{port}", *map(str, more)],
                                 stdout=log, stderr=log)

        def ask(body):
            request = urllib.request.Request(f"{at}/indexes/made/search", json.dumps(body).encode(),
                                             {"content-type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)

        try:
            for _ in range(600):
                if child.poll() is not None:
                    log.seek(0)
                    raise SystemExit(f"bench: the server ended:\n{log.read().decode()[-2000:]}")
                try:
                    urllib.request.urlopen(f"{at}/ready", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.5)
            else:
                raise SystemExit("bench: the server did not become ready")
            yield ask, child
        finally:
            child.terminate()
            child.wait()


def asked(ask, child, made, queries, name):
    where = {"where": made.filter(name)} if name else {}
    times, found = [], []
    for query in queries:
        began = time.perf_counter()
        answer = ask({"like": f"/made/{query:09}.jpg", "colour_weight": 0, "limit": K, **where})
        times.append((time.perf_counter() - began) * 1000)
        found.append([int(hit["sku"].removeprefix("made-")) for hit in answer["hits"]])
    return times, found, peak_kib(child.pid) / 1024


def line(rows, what, who, times, quality, memory):
    tenth = sorted(times)[-max(1, len(times) // 10)]
    memory = f"{memory:.0f} MiB" if memory else ""
    text = (f"| {rows:,} | {what} | {who} | {statistics.median(times):.2f} | {tenth:.2f} | "
            f"{quality:.3f} | {memory} |")
    print(text, flush=True)
    return text


def measure(options, work, seed, count):
    """Lines of both tables for that many rows."""
    store, folder = work / f"store-{count}", work / f"peer-{count}"
    made = Made(seed, store, count)
    queries = np.argsort(-made.likeness)[::max(1, count // 20 // options.questions)][:options.questions]
    searches, builds = [], []
    _, wall, cpu, mib = run([options.showroom, "index", "build", "--store", store, "--quiet"])
    builds.append(f"| {count:,} | index | showroom, three vectors and four columns | {wall:.1f} | {cpu:.1f} | {mib:.0f} MiB | |")
    print(builds[-1], flush=True)
    for name in ["", *made.masks]:
        mask, what = made.masks.get(name), f"1 % {name}" if name else "all rows"
        for who, more in (("showroom", []), ("showroom --exact", ["--exact"])):
            times, found, mib = ours(options.showroom, store, made, queries, name, *more)
            searches.append(line(count, what, who, times, recall(made, queries, mask, found), mib))
    servers = [("showroom serve", [])]
    if count > HOT_ROWS:
        mib = count * HOT_BYTES >> 20
        servers.append((f"showroom serve --hot-memory {mib}", ["--hot-memory", mib]))
    for who, more in servers:
        with served(options.showroom, store, *more) as (ask, child):
            for name in ["", *made.masks]:
                mask, what = made.masks.get(name), f"1 % {name}" if name else "all rows"
                # Once before, as the peers are.
                asked(ask, child, made, queries[:3], name)
                times, found, mib = asked(ask, child, made, queries, name)
                searches.append(line(count, what, who, times, recall(made, queries, mask, found), mib))
    folder.mkdir()
    made.shapes.flush()
    Path(f"{store}.npy").rename(folder / "rows.npy")
    np.save(folder / "queries.npy", made.shapes[queries])
    np.savez(folder / "filters.npz", **made.masks)
    for peer in PEERS:
        out, _, _, mib = run([sys.executable, HERE / "peer/search.py", peer, folder])
        answer = json.loads(out)
        builds.append(f"| {count:,} | index | {peer}, one vector | {answer['build']['wall']:.1f} | "
                      f"{answer['build']['cpu']:.1f} | {mib:.0f} MiB | |")
        print(builds[-1], flush=True)
        for name, got in answer["answers"].items():
            mask, what = made.masks.get(name), f"1 % {name}" if name else "all rows"
            searches.append(line(count, what, peer, got["ms"], recall(made, queries, mask, got["found"]), mib))
    if count > MOST_DEDUP:
        shutil.rmtree(store), shutil.rmtree(folder)
        return searches, builds
    out, wall, cpu, mib = run([options.showroom, "dedup", "--read-photos", "0", "--kind", "near", "--json",
                               "--store", store, "--quiet"])
    report = json.loads(out)
    found = {frozenset((pair["a"]["uri"], pair["b"]["uri"])) for pair in report["pairs"]}
    planted = [frozenset(f"/made/{row:09}.jpg" for row in pair) for pair in made.copies.items()]
    hit = sum(pair in found for pair in planted) / max(1, len(planted))
    builds.append(f"| {count:,} | dedup | showroom, no pictures | {wall:.1f} | {cpu:.1f} | {mib:.0f} MiB | "
                  f"{hit:.3f} of {len(planted)} planted copies; recall that it says: {report['method']['recall']} |")
    print(builds[-1], flush=True)
    shutil.rmtree(store), shutil.rmtree(folder)
    return searches, builds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--showroom", type=Path, required=True)
    parser.add_argument("--rows", type=lambda text: [int(word) for word in text.split(",") if word], default=[1000, 100_000])
    parser.add_argument("--feed-rows", type=lambda text: [int(word) for word in text.split(",") if word], default=[1000, 100_000])
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--out", type=Path, default=HERE / "SEARCH.md")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    searches, builds = [], []
    derived = options.cache / "bench"
    derived.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=derived) as work:
        work = Path(work)
        run([options.showroom, "ingest", options.cache / "datasets/sample-photos", "--store", work / "seed", "--quiet"])
        parts = [(count, lambda count: measure(options, work, work / "seed", count)) for count in options.rows]
        parts += [(count, lambda count: ([], feed.measure(options.showroom, work, count))) for count in options.feed_rows]
        for count, part in sorted(parts, key=lambda part: part[0]):
            more_searches, more_builds = part(count)
            searches += more_searches
            builds += more_builds
            write(options.out, options.questions, load, searches, builds)


def write(out, questions, load, searches, builds):
    cores = len(os.sched_getaffinity(0))
    out.write_text(f"""# Search and dedup beside the peer

{platform.machine()}, {cores} cores, no GPU; {datetime.date.today()}; load of the machine before the run: {load:.1f}.
`benches/search.py` writes this page and says at its head how rows are made and what is timed.

Ten nearest by shape (1,280 numbers), {questions} questions one at a time; milliseconds, recall@10 against \
every row. `1 % like` is a filter that passes the rows nearest to the questions, `1 % unlike` those farthest.

| rows | what | who | median ms | 90th | recall@10 | peak memory |
|---|---|---|---|---|---|---|
""" + "\n".join(searches) + f"""

Feeds: a CSV file of {feed.COLUMNS} columns, a cut-out of {feed.SIDE} pixels a product, which needs no mask; what takes the time of \
a first run is the encoder.

| rows | what | who | wall s | CPU s | peak memory | |
|---|---|---|---|---|---|---|
""" + "\n".join(builds) + "\n")
    print(f"written: {out}", flush=True)


if __name__ == "__main__":
    main()
