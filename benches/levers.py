"""What the levers of tags and searches are worth on photos of which you say what is right.

usage: levers.py --showroom BINARY --photos DIR [--truth CSV] [--queries CSV] [--colour-weight 0,0.5,1,2]
                 [--encoder efficientnet-lite2,OTHER] [--without mask,table,mask+table]   (see `make bench-levers`)

A line for each, of shares with their 95 % intervals, as `showroom eval` measures them: with the weights of colour (words
and tags do not depend on it), then with parts of the way left out (`eval --without`), one by one and all together. An
encoder has to put pictures and words into one space. (`adapter.py` measures what titles teach.)
"""

import argparse
import json
import tempfile
from pathlib import Path

from side import run

COLUMNS = [("same item, first 1", ("same_item", "recall_at_1")), ("first 5", ("same_item", "recall_at_5")),
           ("same label, first 1", ("same_label", "recall_at_1")), ("words, first 5", ("text", "all", "recall_at_5")),
           ("category answered", ("category", "answered")), ("right of these", ("category", "right")),
           ("main colour", ("colour", "right"))]
PARTS = ["mask", "table", "tree", "phrases", "synonyms", "colour-words"]


def share(results, path):
    for name in path:
        results = (results or {}).get(name)
    if not results or results.get("value") is None:
        return ""
    return f"{results['value']:.3f} ({results['low']:.2f}–{results['high']:.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--showroom", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--truth", type=Path, help="by default truth.csv among the photos")
    parser.add_argument("--queries", type=Path, help="by default queries.csv among the photos")
    parser.add_argument("--colour-weight", type=lambda text: text.split(","), default=["0", "0.5", "1", "2"])
    parser.add_argument("--encoder", type=lambda text: text.split(","), default=["efficientnet-lite2"])
    parser.add_argument("--without", type=lambda text: [part for part in text.split(",") if part],
                        default=[*PARTS, "+".join(PARTS)], help="parts joined by + are left out together")
    options = parser.parse_args()
    named = []
    for name in ("truth", "queries"):
        table = getattr(options, name) or options.photos / f"{name}.csv"
        if table.is_file():
            named += [f"--{name}", table]
    print("| encoder | colour | without | " + " | ".join(name for name, _ in COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 3) + "|")

    def line(encoder, weight, without, *words):
        out, *_ = run([options.showroom, "eval", *words, *named, "--json", "--quiet"])
        results = json.loads(out)["results"]
        cells = [share(results, path) for _, path in COLUMNS]
        print(f"| {encoder} | {weight} | {without} | " + " | ".join(cells) + " |", flush=True)

    with tempfile.TemporaryDirectory() as work:
        for encoder in options.encoder:
            store = Path(work) / encoder
            run([options.showroom, "ingest", options.photos, "--encoder", encoder, "--store", store, "--quiet"])
            for weight in options.colour_weight:
                line(encoder, weight, "", "--store", store, "--colour-weight", weight)
    for parts in options.without:
        line("efficientnet-lite2", 1, parts.replace("+", ", "), options.photos, "--without", parts.replace("+", ","))


if __name__ == "__main__":
    main()
