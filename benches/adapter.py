"""What an adapter gains on a feed: titles as a shop writes them, made of the truth about photos.

usage: adapter.py --showroom BINARY --photos DIR [--truth CSV]     (see `make bench-adapter`)

A title is a maker's name, which no photo shows, the colour and the label; so products of a label, and photos of
an item, share words. `showroom adapt --dry-run` then holds each title back once and says how well it finds its photos
by the words alone and with the adapter. Photos of the truth that are not there are left out.
"""

import argparse
import csv
import json
import tempfile
from pathlib import Path

from side import run

MAKERS = ["Acme", "Nordlicht", "Casa Verde", "Studio Nine"]


def feed(photos, truth, out):
    """Rows written to `out`: sku, title, image."""
    with open(truth, newline="") as file:
        rows = [row for row in csv.DictReader(file) if (photos / row["file"]).is_file() and row.get("label")]
    with open(out, "w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["sku", "title", "image"])
        for number, row in enumerate(rows):
            item = row.get("item") or f"{number}"
            first = lambda column: (row.get(column) or "").split("|")[0]
            maker = MAKERS[sum(item.encode()) % len(MAKERS)]
            lines.writerow([item, " ".join(f"{maker} {first('colour')} {first('label')}".split()), row["file"]])
    return len(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--showroom", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--truth", type=Path, help="by default truth.csv among the photos")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        count = feed(options.photos, options.truth or options.photos / "truth.csv", work / "feed.csv")
        run([options.showroom, "ingest", work / "feed.csv", "--image-root", options.photos, "--store", work / "shop", "--quiet"])
        out, wall, cpu, mib = run([options.showroom, "adapt", "--dry-run", "--json", "--store", work / "shop", "--quiet"])
    print(json.dumps({"rows": count, "seconds": round(wall, 1), "cpu_seconds": round(cpu, 1), "peak_mib": round(mib),
                      "adapt": json.loads(out)}, indent=1))


if __name__ == "__main__":
    main()
