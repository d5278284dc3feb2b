"""How long a feed takes: the first time, again without a change, and with every title changed.

Photos are drawn: small cut-outs, each a file of its own and no two alike. Part of benches/search.py.
"""

import csv
import json
from pathlib import Path

from PIL import Image, ImageDraw

from side import run

SIDE = 64
COLUMNS = 8
KINDS = ["boot", "mug", "lamp", "jacket", "chair", "bag", "scarf", "vase"]
MAKERS = ["Acme", "Nordlicht", "Casa Verde", "Studio Nine", "Hill & Sons"]


def draw(folder, count):
    for number in range(count):
        picture = Image.new("RGBA", (SIDE, SIDE))
        colour = tuple((number * step + 40) % 216 for step in (7, 31, 101)) + (255,)
        corner = 4 + number % 12
        shape = ImageDraw.Draw(picture)
        outline = [corner, 4 + number // 12 % 12, SIDE - 4 - number // 144 % 12, SIDE - 4]
        (shape.ellipse if number % 2 else shape.rectangle)(outline, fill=colour)
        # Shade enough that no two files have the same bytes.
        picture.putpixel((SIDE // 2, SIDE // 2), (number & 255, number >> 8 & 255, number >> 16 & 255, 255))
        picture.save(folder / f"{number:06}.png", compress_level=1)


def write(path, count, word):
    with open(path, "w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["sku", "title", "image", "brand", "price", "size", "in_stock", "season"])
        for number in range(count):
            maker, kind = MAKERS[number % len(MAKERS)], KINDS[number // 7 % len(KINDS)]
            rows.writerow([f"P-{number:06}", f"{maker} {word} {kind} {number}", f"photos/{number:06}.png", maker,
                           f"{number % 400 + 0.5:.2f}", 36 + number % 12, "true" if number % 3 else "false",
                           f"season {number % 4}"])


def measure(showroom, work, count):
    """Lines of the table."""
    folder = Path(work, f"feed-{count}")
    (folder / "photos").mkdir(parents=True)
    draw(folder / "photos", count)
    lines = []
    for what, word in (("first time", "classic"), ("again", "classic"), ("every title changed", "modern")):
        write(folder / "feed.csv", count, word)
        out, wall, cpu, mib = run([showroom, "ingest", folder / "feed.csv", "--store", folder / "store",
                                   "--quiet", "--json"])
        told = json.loads(out)
        done = ", ".join(f"{told[key]} {key}" for key in ("added", "updated", "unchanged", "rejected") if told.get(key))
        lines.append(f"| {count:,} | feed, {what} | showroom | {wall:.1f} | {cpu:.1f} | {mib:.0f} MiB | {done} |")
        print(lines[-1], flush=True)
    return lines
