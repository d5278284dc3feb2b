"""Measures `showroom cutout` beside rembg on the same photos and weights, and writes benches/CUTOUT.md.

usage: cutout.py --cache DIR --showroom BINARY [--rounds N] [--photos N] [--threads N] [--out FILE]   (see `make bench-cutout`)

1. Whole commands, turn by turn (A, B, A, B, …), medians: wall time, CPU time, peak memory; and how far the two
   agree (intersection over union of alpha > ½).
2. Pictures with a known alpha: the sample photos' own cut-outs over the backgrounds of other photos. Before is
   rembg, which stretches the network's mask over the photo; after is showroom, which refines it. Errors of alpha:
   SAD (thousands), MSE (thousandths), gradient and connectivity (thousands; Rhemann et al. 2009). And what a shop
   sees: the mean difference (0–255, over the pixels where alpha or its error is not 0) of the cut-out, put on
   white and on green, from the true one.
   The same pictures over the plain backdrops of a studio, as JPEG.
3. The pictures of 2 as PNG and as JPEG: what the confidence says beside the true overlap.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import rembg
import skimage.data
from PIL import Image, ImageOps
from scipy import ndimage

HERE = Path(__file__).resolve().parent
MARGIN = 0.15


def run(command, env=None):
    """Runs a whole command; (wall seconds, CPU seconds, peak MiB)."""
    with tempfile.TemporaryFile() as log:
        wall = time.perf_counter()
        child = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log, env={**os.environ, **(env or {})})
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - wall
        if status:
            log.seek(0)
            raise SystemExit(f"bench: {command[0]} failed:\n{log.read().decode()[-2000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def showroom(args, photos, out, *more):
    command = [args.showroom, "cutout", *photos, "-o", out, "--force", "--quiet", "--threads", args.threads,
               "--device", "cpu", "--cache", args.cache, *more]
    return run(command)


def peer(args, photos, out, *more):
    return run([sys.executable, HERE / "peer/cutout.py", args.weights, args.threads, out, *photos, *more])


def ours_of(out, photo):
    (path,) = Path(out).glob(f"{photo.stem}.cutout-*.png")
    return np.asarray(Image.open(path).convert("RGBA"))


def theirs_of(out, photo):
    return np.asarray(Image.open(Path(out) / f"{photo.stem}.png").convert("RGBA"))


# Errors of alpha, 0-1.

def gradient_error(found, wanted):
    magnitude = lambda a: ndimage.gaussian_gradient_magnitude(a, 1.4)  # noqa: E731
    return ((magnitude(found) - magnitude(wanted)) ** 2).sum() / 1000


def connectivity_error(found, wanted, step=0.1):
    """How far each pixel hangs together with the largest part that both call product."""
    level = np.full(wanted.shape, -1.0)
    thresholds = np.arange(0, 1 + step / 2, step)
    for i in range(1, len(thresholds)):
        both = (found >= thresholds[i]) & (wanted >= thresholds[i])
        labels, count = ndimage.label(both)
        largest = np.zeros_like(both)
        if count:
            sizes = np.bincount(labels.ravel())
            sizes[0] = 0
            largest = labels == sizes.argmax()
        level[(level == -1) & ~largest] = thresholds[i - 1]
    level[level == -1] = 1
    part = lambda a: 1 - (a - level) * ((a - level) >= 0.15)  # noqa: E731
    return np.abs(part(found) - part(wanted)).sum() / 1000


def errors(found, wanted):
    return {
        "SAD": np.abs(found - wanted).sum() / 1000,
        "MSE": ((found - wanted) ** 2).mean() * 1000,
        "gradient": gradient_error(found, wanted),
        "connectivity": connectivity_error(found, wanted),
    }


def composite_error(cut, colours, alpha, behind):
    behind = np.array(behind, np.float64)
    over = lambda rgb, a: rgb * a[..., None] + behind * (1 - a[..., None])  # noqa: E731
    found_alpha = cut[..., 3] / 255
    apart = np.abs(over(cut[..., :3].astype(float), found_alpha) - over(colours.astype(float), alpha)).mean(-1)
    counts = (alpha > 0) | (found_alpha > 0)
    return apart[counts].mean()


# Pictures with a known alpha.

def backgrounds(shoes):
    found = []
    for path in sorted(shoes.glob("*.jpg")):
        photo = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        found.append(photo.crop((0, 0, photo.width, photo.height * 12 // 100)))
    found += [Image.fromarray(getattr(skimage.data, name)()).convert("RGB") for name in ("brick", "grass", "gravel")]
    return found


def cut_outs(samples):
    """Name and pixels of each sample that is cut out, with a margin."""
    for path in sorted(samples.rglob("*.png")):
        picture = Image.open(path)
        if picture.mode not in ("RGBA", "LA", "P", "PA") or max(picture.size) < 300:
            continue
        picture = np.asarray(picture.convert("RGBA"))
        if (picture[..., 3] < 250).mean() <= 0.02 or picture[..., 3].max() < 255:
            continue
        pad = int(MARGIN * max(picture.shape[:2]))
        yield path.stem, np.pad(picture, ((pad, pad), (pad, pad), (0, 0)))


def put_over(picture, back):
    """The picture, and its product's colours and alpha."""
    alpha = picture[..., 3] / 255
    mixed = picture[..., :3] * alpha[..., None] + back * (1 - alpha[..., None])
    return Image.fromarray(np.rint(mixed.clip(0, 255)).astype(np.uint8)), (picture[..., :3], alpha)


def pictures(samples, folder):
    """Writes them over parts of photos; name of the file → (product colours, alpha)."""
    generator = np.random.default_rng(7)
    behind = backgrounds(samples / "shoes")
    truth = {}
    for name, picture in cut_outs(samples):
        height, width = picture.shape[:2]
        source = behind[(len(truth) * 7 + 3) % len(behind)]
        scale = min(source.width / width, source.height / height)
        w, h = int(width * scale), int(height * scale)
        x = generator.integers(0, source.width - w + 1)
        y = generator.integers(0, source.height - h + 1)
        back = np.asarray(source.crop((x, y, x + w, y + h)).resize((width, height), Image.LANCZOS)).astype(float)
        mixed, truth[f"{name}.png"] = put_over(picture, back)
        mixed.save(folder / f"{name}.png")
    return truth


# Colour above and below of plain backdrops.
BACKDROPS = {
    "white": ((255, 255, 255), (255, 255, 255)),
    "grey": ((190, 190, 192), (236, 236, 236)),
    "cream": ((222, 214, 204), (240, 236, 230)),
    "blue": ((140, 180, 200), (120, 165, 190)),
    "purple": ((139, 64, 159), (120, 50, 140)),
}


def on_backdrops(samples, folder):
    """As [`pictures`], over plain backdrops with grain, all but the white one."""
    generator = np.random.default_rng(1)
    truth = {}
    for name, picture in cut_outs(samples):
        height, width = picture.shape[:2]
        down = np.linspace(0, 1, height)[:, None, None]
        for backdrop, (above, below) in BACKDROPS.items():
            grain = 0 if backdrop == "white" else generator.normal(0, 1.5, (height, width, 1))
            back = np.array(above) * (1 - down) + np.array(below) * down + grain
            mixed, truth[f"{name}-{backdrop}.jpg"] = put_over(picture, back)
            mixed.save(folder / f"{name}-{backdrop}.jpg", quality=92)
    return truth


def confidence(args, samples, lines):
    """What the confidence says beside the true overlap, each picture as PNG and as JPEG."""
    found = []
    with tempfile.TemporaryDirectory() as work:
        folder, out = Path(work) / "pictures", Path(work) / "out"
        folder.mkdir()
        truth = pictures(samples, folder)
        for name in truth:
            Image.open(folder / name).save(folder / name.replace(".png", "-jpeg.jpg"), quality=85)
        showroom(args, sorted(folder.iterdir()), out)
        for path in sorted(folder.iterdir()):
            wanted = truth[f"{path.stem.removesuffix('-jpeg')}.png"][1] > 0.5
            cut = ours_of(out, path)[..., 3] > 127
            (told,) = out.glob(f"{path.stem}.cutout-*.json")
            overlap = (cut & wanted).sum() / max((cut | wanted).sum(), 1)
            found.append((json.loads(told.read_text())["confidence"], overlap))
    lines += ["", "## What the confidence says", "", "| confidence | pictures | mean IoU | worst IoU |", "|---|---|---|---|"]
    for low, high in ((0, 0.5), (0.5, 0.75), (0.75, 0.9), (0.9, 1), (1, 2)):
        overlaps = [overlap for value, overlap in found if low <= value < high]
        if overlaps:
            ends = "1" if low == 1 else f"{low} to {high}"
            lines.append(f"| {ends} | {len(overlaps)} | {statistics.mean(overlaps):.3f} | {min(overlaps):.3f} |")
            print(lines[-1], flush=True)


def speed(args, photos, lines):
    sides = {
        "showroom": lambda out: showroom(args, photos, out),
        "rembg": lambda out: peer(args, photos, out),
    }
    samples = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as work:
        outs = {name: Path(work) / name for name in sides}
        [out.mkdir() for out in outs.values()]
        for _ in range(args.rounds):
            for name, side in sides.items():
                samples[name].append(side(outs[name]))
        overlaps = []
        for photo in photos:
            ours, theirs = (of(outs[name], photo)[..., 3] > 127
                            for name, of in (("showroom", ours_of), ("rembg", theirs_of)))
            overlaps.append((ours & theirs).sum() / max((ours | theirs).sum(), 1))
    medians = {name: [statistics.median(s) for s in zip(*times)] for name, times in samples.items()}
    for i, (what, unit) in enumerate((("wall time", "s a photo"), ("CPU time", "s a photo"), ("peak memory", "MiB"))):
        per = len(photos) if i < 2 else 1
        ours, theirs = (medians[name][i] / per for name in sides)
        lines.append(f"| {what}, {unit} | {ours:.2f} | {theirs:.2f} | {theirs / ours:.2f}× |")
        print(lines[-1], flush=True)
    overlaps.sort()
    agree = f"median {statistics.median(overlaps):.4f}, least {overlaps[0]:.4f}"
    lines.append(f"| agreement of the finished cut-outs (IoU) | {agree} | | |")
    print(lines[-1], flush=True)


def quality(args, samples, write, lines):
    ways = ["rembg", "rembg, alpha matting", "showroom"]
    table = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "pictures"
        folder.mkdir()
        truth = write(samples, folder)
        photos = [folder / name for name in truth]
        outs = {way: Path(work) / way.replace(", ", "-").replace(" ", "-") for way in ways}
        [out.mkdir() for out in outs.values()]
        peer(args, photos, outs["rembg"])
        peer(args, photos, outs["rembg, alpha matting"], "--matting")
        showroom(args, photos, outs["showroom"])
        for photo in photos:
            colours, alpha = truth[photo.name]
            for way in ways:
                cut = (ours_of if way == "showroom" else theirs_of)(outs[way], photo)
                row = errors(cut[..., 3] / 255, alpha)
                row["on white"] = composite_error(cut, colours, alpha, (255, 255, 255))
                row["on green"] = composite_error(cut, colours, alpha, (0, 160, 80))
                table[way].append(row)
    names = list(table[ways[0]][0])
    lines.append(f"\n{len(table[ways[0]])} pictures; mean (median). Lower is better.\n")
    lines.append("| | " + " | ".join(names) + " |")
    lines.append("|---" * (len(names) + 1) + "|")
    for way in ways:
        cells = []
        for name in names:
            values = [row[name] for row in table[way]]
            cells.append(f"{statistics.mean(values):.2f} ({statistics.median(values):.2f})")
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--showroom", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--photos", type=int, default=20, help="photos to take the time with")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--out", type=Path, default=HERE / "CUTOUT.md")
    args = parser.parse_args()
    known = json.loads(subprocess.check_output([args.showroom, "models", "verify", "u2net", "--json",
                                                "--cache", args.cache]))
    args.weights = next(file["path"] for file in known if file["file"] == "u2net.onnx")
    samples = args.cache / "datasets/sample-photos"
    photos = sorted((samples / "shoes").glob("*.jpg"))[: args.photos]

    lines = [
        "# Cut-outs beside rembg", "",
        f"Written by `make bench-cutout` on {datetime.date.today()}: {platform.machine()}, "
        f"{args.threads} threads, onnxruntime {onnxruntime.__version__} and rembg {rembg.__version__} on the Python "
        "side, u2net with the same weights on both.", "",
        f"## Time and memory: {len(photos)} shoe photos of 6 to 26 megapixels, medians of {args.rounds}", "",
        "| | showroom | rembg | ratio |", "|---|---|---|---|",
    ]
    speed(args, photos, lines)
    lines += ["", "## Errors on pictures whose alpha is known"]
    quality(args, samples, pictures, lines)
    lines += ["", "## The same on plain backdrops: " + ", ".join(BACKDROPS)]
    quality(args, samples, on_backdrops, lines)
    confidence(args, samples, lines)
    lines += ["", "The constants of the refinement were chosen on these pictures, so expect less on others. Some of "
              "them have a dark rim of their first background in their own colours, which counts against whoever "
              "finds the outline.", ""]
    args.out.write_text("\n".join(lines))


main()
