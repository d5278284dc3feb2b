#!/usr/bin/env python3
"""Photos on white, on a colour and in three scenes, as one page to look at.

usage: gallery.py --showroom BINARY --photos DIR -o DIR [--own] [--model u2net]

Writes DIR/gallery.html and the pictures beside it. What is there already is not made again. DIR holds the
sample photos: the twenty of them that are photos (red on red, white on white, laces), and of the others, which
are renders cut out already, some that are hard: thin straps and spokes, holes, glass, chairs on thin legs. With
--own it holds photos of any shop, and the first twenty by name are taken.

Needs Python 3.11 and nothing else.
"""

import argparse
import html
import json
import subprocess
import sys
from pathlib import Path

PHOTOS = """
shoes/red-running-shoe.jpg shoes/white-court-shoe.jpg shoes/red-high-tops.jpg shoes/brown-suede-boots.jpg
shoes/pastel-sneaker.jpg shoes/black-running-shoe.jpg shoes/white-high-tops.jpg shoes/cream-sneakers.jpg
shoes/red-white-high-top.jpg shoes/white-blue-running-shoe.jpg shoes/white-purple-running-shoe.jpg
shoes/lime-running-shoe.jpg shoes/olive-running-shoe.jpg shoes/pink-running-shoe.jpg shoes/grey-low-sneaker.jpg
shoes/orange-running-shoe__1.jpg shoes/orange-running-shoe__2.jpg shoes/tan-leather-sneaker.jpg
shoes/black-gum-sole-sneaker.jpg shoes/black-neon-sneaker.jpg
kitchen/espresso-cup.png kitchen/beer-glass.png kitchen/coffee-press.png bags/cream-handbag.png
furniture/antique-chair.png furniture/wooden-stool.png home/desk-lamp.png sport-and-hobby/blue-bicycle.png
clothing/sunglasses.png plants/orchid.png
""".split()
BACKDROPS = ["white", "#e9dfd3", "studio-grey", "oak-table", "sand-sun"]
# Longer side of a picture, in pixels.
SIZE = 900
# Endings of the photos that --own takes.
ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}


def backdrops(binary, photos, folder, on, model):
    """File name of each photo on one backdrop, by the photo's path."""
    command = [binary, "backdrop", *photos, "--on", on, "-o", folder, "--size", str(SIZE), "--model", model,
               "--format", "webp", "--quality", "88", "--json", "--quiet"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"gallery: {' '.join(map(str, command[:2]))} on {on} failed, see above")
    return {asset["uri"]: asset for asset in map(json.loads, done.stdout.splitlines())}


def page(rows):
    head = "".join(f"<th>{html.escape(on)}</th>" for on in BACKDROPS)
    body = "".join(
        f"<tr><th>{html.escape(name)}</th>" + "".join(
            f'<td><a href="{asset["file"]}"><img src="{asset["file"]}" loading="lazy" width="260"></a>'
            f'<small>{", ".join(asset["flags"])}</small></td>' if asset else "<td>none: see the output above</td>"
            for asset in assets) + "</tr>\n"
        for name, assets in rows)
    return f"""<!doctype html><meta charset="utf-8"><title>showroom: backdrops</title>
<style>body {{ font: 14px system-ui, sans-serif; margin: 24px; background: #fafafa }}
td, th {{ padding: 6px; vertical-align: top; text-align: left }} th {{ max-width: 9em; font-weight: 500 }}
img {{ display: block; border-radius: 4px; box-shadow: 0 0 0 1px #0001 }} small {{ color: #a33 }}</style>
<h1>{len(rows)} photos, {len(BACKDROPS)} backdrops</h1><table><tr><th></th>{head}</tr>
{body}</table>
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--showroom", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--own", action="store_true")
    parser.add_argument("--model", default="u2net")
    options = parser.parse_args()
    folder = options.output / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    names = PHOTOS
    if options.own:
        there = options.photos.rglob("*")
        names = sorted(str(path.relative_to(options.photos)) for path in there if path.suffix.lower() in ENDINGS)[:20]
        if not names:
            sys.exit(f"gallery: there are no photos in {options.photos}")
    photos = [(options.photos / name).resolve() for name in names]
    made = [backdrops(options.showroom, photos, folder, on, options.model) for on in BACKDROPS]
    rows = [(name, [of.get(str(path)) for of in made]) for name, path in zip(names, photos)]
    for _, assets in rows:
        for asset in filter(None, assets):
            asset["file"] = f"gallery/{asset['file']}"
    target = options.output / "gallery.html"
    target.write_text(page(rows))
    print(f"{len(photos)} photos on {len(BACKDROPS)} backdrops: {target}")


main()
