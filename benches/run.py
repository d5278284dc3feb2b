"""Measures showroom beside its peers on the same photos and writes benches/RESULTS.md.

usage: run.py --cache DIR --showroom BINARY --steps BINARY [--rounds N] [--out FILE]      (see `make bench`)

Both sides run on this machine in this one run, turn by turn (A, B, A, B, …); what is written is the median of
the rounds, wall time beside CPU time. A ratio above 1 means that showroom is faster. Linux only: CPU
time is read from /proc.
"""

import argparse
import csv
import datetime
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lancedb
import onnxruntime
import PIL
from PIL import Image, ImageOps

from side import Side

HERE = Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")


class TimedSide(Side):
    """Whose CPU time counts too."""

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def timed(self, request):
        """(photos, wall seconds, CPU seconds) of one request."""
        wall, cpu = time.perf_counter(), self.cpu_s()
        photos = int(self.ask(request))
        return photos, time.perf_counter() - wall, self.cpu_s() - cpu


def ingest_once(command):
    """Runs a whole command; (wall seconds, CPU seconds, peak MiB)."""
    with tempfile.TemporaryFile() as log:
        wall = time.perf_counter()
        child = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - wall
        if status:
            log.seek(0)
            raise SystemExit(f"bench: {command[0]} failed:\n{log.read().decode()[-2000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def made_once(folder, make):
    """Fills a folder of derived photos unless it is there."""
    if not folder.is_dir():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        make(part)
        part.rename(folder)
    return folder


def shop_sized(shoes, folder):
    """The shoe photos as a shop has them: 2000 pixels on the longer side, JPEG quality 88."""
    for path in sorted(shoes.glob("*.jpg")):
        photo = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        photo.thumbnail((2000, 2000), Image.LANCZOS)
        photo.save(folder / path.name, quality=88)


def shop_of_100(shop, folder):
    """A hundred different files: five cuts of each of the twenty photos."""
    for path in sorted(shop.glob("*.jpg")):
        photo = Image.open(path)
        for cut in range(5):
            inset = 16 * cut
            photo.crop((inset, inset, photo.width - inset, photo.height - inset)).save(
                folder / f"{path.stem}-{cut}.jpg", quality=88)


class Table:
    def __init__(self, rounds):
        self.rounds = rounds
        self.rows = []

    def alternate(self, sides, request_of):
        """Median (wall, CPU) milliseconds a photo of each side."""
        samples = {name: [] for name in sides}
        for turn in range(self.rounds + 1):
            for name, side in sides.items():
                photos, wall, cpu = side.timed(request_of[name])
                if turn:  # the first one warms caches up
                    samples[name].append((wall / photos * 1000, cpu / photos * 1000))
        return {name: tuple(statistics.median(s) for s in zip(*times))
                for name, times in samples.items()}

    def add(self, what, result, ours, goals):
        for peer, goal in goals.items():
            (our_wall, our_cpu), (wall, cpu) = result[ours], result[peer]
            self.rows.append(f"| {what} | {ours} {our_wall:.1f} / {our_cpu:.1f} | {peer} {wall:.1f} / "
                             f"{cpu:.1f} | {wall / our_wall:.2f}× | {cpu / our_cpu:.2f}× | {goal} |")
            print(self.rows[-1], flush=True)

    def note(self, what, value, goal):
        self.rows.append(f"| {what} | {value} | | | | {goal} |")
        print(self.rows[-1], flush=True)


def decode_rows(table, ours, python, folders):
    for name, folder in folders.items():
        sides = {"showroom": ours, "showroom as ingest decodes": ours, "turbojpeg + fast_image_resize": ours,
                 "zune + fast_image_resize": ours, "Pillow": python, "Pillow, draft mode": python}
        words = ["showroom", "showroom-ingest", "turbojpeg", "zune", "pillow", "pillow-draft"]
        result = table.alternate(sides, {side: f"decode {word} {folder}"
                                         for side, word in zip(sides, words)})
        table.add(f"JPEG → 260² input, {name}", result, "showroom", {
            "turbojpeg + fast_image_resize": "≥ 1.0×", "zune + fast_image_resize": "≥ 2.0×",
            "Pillow": "", "Pillow, draft mode": ""})
        # Decodes larger, as the product's crop needs it, and measures the facts.
        table.add(f"the same as ingest does it, {name}", result, "showroom as ingest decodes", {
            "zune + fast_image_resize": "", "Pillow": ""})
        for side, how in (260, "at least 260 px"), (0, "as ingest decodes"):
            least, mean = ours.ask(f"cosine {side} {folder}").split()
            table.note(f"cosine of embeddings, {how} against full decode, {name}",
                       f"least {float(least):.4f}, mean {float(mean):.4f}", "≥ 0.999")


def embed_rows(table, ours, python, photos, work, threads):
    ours.ask(f"prepare {photos} {work}")
    # U2-NetP's ONNX file takes one picture at a time.
    for model, runs, batches in (("efficientnet-lite2", 48, (1, 16)), ("u2netp", 8, (1,))):
        for batch in batches:
            count = max(runs // batch, 1)
            request = f"{batch} {threads} {count}"
            sides = {"ort": ours, "burn": ours, "onnxruntime (Python)": python}
            result = table.alternate(sides, {
                "ort": f"embed onnxruntime {model} {request} {work}",
                "burn": f"embed burn {model} {request} {work}",
                "onnxruntime (Python)": f"embed {work}/{model}.onnx {request} {work}/{model}.f32"})
            what = f"{model}, batch {batch}, {threads} threads"
            table.add(what, result, "ort", {"onnxruntime (Python)": "≥ 0.9×"})
            table.add(what, result, "burn", {"onnxruntime (Python)": ""})


def words_rows(table, ours, python, truth, work, threads):
    """Titles as a shop writes them, made of what the sample photos show."""
    with open(truth, newline="") as file:
        rows = list(csv.DictReader(file))
    makers = ["Acme", "Nordlicht", "Casa Verde", "Studio Nine"]
    titles = [f"{maker} {row['colour'].split('|')[0]} {row['label']}, {row['category'].split('|')[0]}"
              for maker in makers for row in rows]
    for count in (len(titles), 1):
        name = work / f"titles-{count}.txt"
        name.write_text("\n".join(titles[:count]) + "\n")
        result = table.alternate({"ort": ours, "burn": ours, "onnxruntime (Python)": python}, {
            "ort": f"words onnxruntime {threads} {name}",
            "burn": f"words burn {threads} {name}",
            "onnxruntime (Python)":
                f"words {work}/all-minilm-l6-v2.onnx {threads} {work}/all-minilm-l6-v2.json {name}"})
        what = f"MiniLM with its tokenizer, {count} titles in batches of 32, {threads} threads (ms a title)"
        table.add(what, result, "ort", {"onnxruntime (Python)": "≥ 0.9×"})
        table.add(what, result, "burn", {"onnxruntime (Python)": ""})


def ingest_rows(table, options, ours, folders, work, threads):
    for name, folder in folders.items():
        # What is right for each photo lies beside them.
        count = sum(p.is_file() and p.suffix != ".csv" for p in folder.rglob("*"))
        samples = {"showroom": [], "script": []}
        for turn in range(options.ingest_rounds):
            store = Path(work, f"store-{turn}-{name.split()[0]}")
            samples["showroom"].append(ingest_once(
                [options.showroom, "ingest", folder, "--store", store / "ours", "--quiet"]))
            samples["script"].append(ingest_once(
                [sys.executable, HERE / "peer/ingest.py", folder, work / "u2netp.onnx",
                 work / "efficientnet-lite2.onnx", store / "peer"]))
            shutil.rmtree(store)
        medians = {who: tuple(statistics.median(s) for s in zip(*times))
                   for who, times in samples.items()}
        result = {who: (wall / count * 1000, cpu / count * 1000)
                  for who, (wall, cpu, _) in medians.items()}
        peer = "script (Pillow + onnxruntime + lancedb)"
        result[peer] = result["script"]
        table.add(f"whole ingest, {name}", result, "showroom", {peer: "≥ 2×"})
        table.note(f"peak memory of that ingest, {name}",
                   f"{medians['showroom'][2]:.0f} MiB; the script {medians['script'][2]:.0f} MiB", "")
        ours.ask(f"load {threads} {folder}")
        photos, wall, _ = min(ours.timed("encode") for _ in range(options.ingest_rounds))
        alone = wall / photos * 1000
        table.note(f"share of the slowest stage alone (encoder, {alone:.1f} ms a photo), {name}",
                   f"{alone / result['showroom'][0]:.2f}×", "≥ 0.9×")


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--showroom", type=Path, required=True)
    parser.add_argument("--steps", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ingest-rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    options = parser.parse_args()

    threads = len(os.sched_getaffinity(0))
    load_before = os.getloadavg()[0]
    samples = options.cache / "datasets/sample-photos"
    derived = options.cache / "bench"
    shop = made_once(derived / "shop", lambda f: shop_sized(samples / "shoes", f))
    shop100 = made_once(derived / "shop-100", lambda f: shop_of_100(shop, f))
    table = Table(options.rounds)
    with tempfile.TemporaryDirectory(dir=derived) as work:
        work = Path(work)
        ours = TimedSide([options.steps, options.cache])
        python = TimedSide([sys.executable, HERE / "peer/steps.py"])
        decode_rows(table, ours, python, {"20 JPEGs of 2000 px": shop,
                                          "the same as shot, 2–6 kpx": samples / "shoes"})
        embed_rows(table, ours, python, shop, work, threads)
        words_rows(table, ours, python, samples / "truth.csv", work, threads)
        ingest_rows(table, options, ours, {"100 JPEGs of 2000 px": shop100,
                                           "142 sample photos": samples}, work, threads)

    version = subprocess.run([options.showroom, "--version"], capture_output=True, text=True).stdout
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE,
                            capture_output=True, text=True).stdout.strip()
    options.out.write_text(f"""# Beside the peer

{cpu_name()}, {threads} cores, no GPU; {datetime.date.today()}; {version.strip()} at {commit or "no commit"};
Python {platform.python_version()}, Pillow {PIL.__version__}, onnxruntime {onnxruntime.__version__}, \
lancedb {lancedb.__version__}. Load of the machine before the run: {load_before:.1f}.

Milliseconds a photo, wall / CPU: medians of {table.rounds} alternating rounds ({options.ingest_rounds} for whole \
ingests) in one run. A ratio above 1 means that showroom is faster. `make bench` writes this page.

| what | showroom | peer | ratio, wall | ratio, CPU | goal |
|---|---|---|---|---|---|
""" + "\n".join(table.rows) + "\n")
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
