"""Measures the models and kernels on a GPU beside PyTorch on the same machine and writes benches/GPU.md.

usage: gpu.py --cache DIR --gpu BINARY [--device gpu] [--peer cuda|cpu|none] [--small] [--out FILE]

The two sides run in one run, turn by turn; what is written is the median. A ratio above 1 means that showroom is
faster. `--small` takes shapes that a software adapter gets through: it shows that everything runs, not how fast.
BINARY is `target/release/deps/gpu_bench-…` (`make bench-gpu` builds it); it needs no more than a GPU driver.
"""

import argparse
import datetime
import sys
import tempfile
from pathlib import Path

from side import Side

HERE = Path(__file__).resolve().parent


class Page:
    def __init__(self):
        self.lines = []

    def add(self, line=""):
        self.lines.append(line)
        print(line, flush=True)


def number(text):
    return None if text is None or text == "none" else float(text.split()[0])


def ratio(ours, peer, more_is_better):
    if ours is None or peer is None:
        return "–"
    return f"{ours / peer if more_is_better else peer / ours:.2f}×"


def shown(value, unit=1):
    return "–" if value is None else f"{value / unit:,.1f}"


def models(page, ours, peer, small):
    page.add("## Models\n")
    page.add("Pictures a second; the batch lies on the device, every batch is waited for.\n")
    page.add("| model | precision | batch | showroom | PyTorch, eager | PyTorch, compiled | to eager | to compiled |")
    page.add("|---|---|---|---|---|---|---|---|")
    batches, runs = ([1, 2], 1) if small else ([1, 4, 16, 64, 256], 20)
    names = ["efficientnet-lite0"] if small else ["efficientnet-lite0", "efficientnet-lite2", "u2netp"]
    for model in names:
        for precision in ["f32", "f16"]:
            for batch in batches:
                mine = number(ours.ask(f"embed {model} {precision} {batch} {runs}"))
                eager = compiled = None
                if peer:
                    eager = number(peer.ask(f"embed {model} {precision} eager {batch} {runs}"))
                    if not small:
                        compiled = number(peer.ask(f"embed {model} {precision} compile {batch} {runs}"))
                page.add(f"| {model} | {precision} | {batch} | {shown(mine)} | {shown(eager)} | {shown(compiled)} | "
                         f"{ratio(mine, eager, True)} | {ratio(mine, compiled, True)} |")
    page.add()


def search(page, ours, peer, small, bandwidth):
    page.add("## Exact search, top 10\n")
    page.add("Milliseconds a search; the bound is the time to read every vector once at the bandwidth measured "
             "above.\n")
    page.add("| vectors | element | queries | showroom | bound | of the bound | PyTorch | faiss | to PyTorch |")
    page.add("|---|---|---|---|---|---|---|---|---|")
    shapes, runs = ([(20_000, 64)], 1) if small else ([(1_000_000, 512), (10_000_000, 512)], 20)
    for rows, dimension in shapes:
        for element in ["f32", "f16", "i8"]:
            for queries in [1, 16]:
                request = f"{element} {rows} {dimension} {queries} {runs}"
                ms, read = map(float, ours.ask(f"search {request}").split())
                bound = read / bandwidth * 1e3
                torch = number(peer.ask(f"search torch {request}")) if peer else None
                faiss = number(peer.ask(f"search faiss {request}")) if peer and rows <= 1_000_000 else None
                page.add(f"| {rows:,} × {dimension} | {element} | {queries} | {ms:.2f} | {bound:.2f} | "
                         f"{bound / ms:.0%} | {shown(torch)} | {shown(faiss)} | {ratio(ms, torch, False)} |")
    page.add()


def kernels(page, ours, small, bandwidth):
    page.add("## Kernels\n")
    page.add("Milliseconds a call with its read-back where it has one; the bound is the bytes that it must move.\n")
    page.add("| kernel | case | ms | bound | of the bound |")
    page.add("|---|---|---|---|---|")
    for name in ["resize_normalize", "masked_lab_histogram", "photo_facts", "conse"]:
        ms, moved, case = ours.ask(f"kernel {name} {1 if small else 20}").split(maxsplit=2)
        bound = float(moved) / bandwidth * 1e3
        page.add(f"| {name} | {case} | {float(ms):.2f} | {bound:.3f} | {bound / float(ms):.0%} |")
    page.add()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--gpu", type=Path, required=True)
    parser.add_argument("--device", default="gpu")
    parser.add_argument("--peer", default="cuda", choices=["cuda", "cpu", "none"])
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=Path, default=HERE / "GPU.md")
    args = parser.parse_args()
    page = Page()
    with tempfile.TemporaryDirectory() as folder:
        ours = Side([args.gpu, args.cache, args.device])
        ours.ask(f"prepare {folder}")
        peer = None
        if args.peer != "none":
            peer = Side([sys.executable, HERE / "peer" / "gpu_torch.py", folder, args.peer])
        page.add("# On a GPU, beside PyTorch\n")
        page.add(f"{ours.ask('adapter')}; {peer.ask('adapter') if peer else 'no peer'}; {datetime.date.today()}.\n")
        size, mebibytes, runs = (256, 16, 1) if args.small else (8192, 1024, 10)
        page.add("## What the device can do\n")
        page.add("| | showroom (burn) | PyTorch | ratio |")
        page.add("|---|---|---|---|")
        for precision in ["f32", "f16"]:
            request = f"peak {precision} {size} {runs}"
            mine, theirs = number(ours.ask(request)), number(peer.ask(request)) if peer else None
            page.add(f"| matrix product {size}², {precision}, TFLOP/s | {shown(mine, 1e12)} | {shown(theirs, 1e12)} | "
                     f"{ratio(mine, theirs, True)} |")
        request = f"copy {mebibytes} {runs}"
        bandwidth, theirs = number(ours.ask(request)), number(peer.ask(request)) if peer else None
        page.add(f"| element-wise pass over {mebibytes} MiB, GB/s | {shown(bandwidth, 1e9)} | {shown(theirs, 1e9)} | "
                 f"{ratio(bandwidth, theirs, True)} |")
        page.add()
        bandwidth = max(bandwidth, theirs or 0)
        models(page, ours, peer, args.small)
        search(page, ours, peer, args.small, bandwidth)
        kernels(page, ours, args.small, bandwidth)
    args.out.write_text("\n".join(page.lines) + "\n")


if __name__ == "__main__":
    main()
