"""What scores mean: how often hits at each score are right, on photos whose truth is known.

usage: bands.py --showroom BINARY --store DIR --truth truth.csv --queries queries.csv     (the files of `showroom eval`)

The thresholds of src/vision/bands.rs were read off these tables: for each band the lowest score from which on
most of what is called so is right. Searches go the product's own way, each photo and each query asked once;
scores are those of `why`, so that an adapter does not count. Takes a fifth of a second a photo.
"""

import argparse
import csv
import json
import subprocess
from pathlib import Path

STEPS = [step / 100 for step in range(10, 100, 5)]
HITS = 1000
FIRST = 5


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def parts(text):
    return {part for part in (text or "").split("|") if part}


def top(category):
    return {path.split(">")[0].strip() for path in parts(category)}


class Asker:
    def __init__(self, options):
        self.command = [str(options.showroom), "search", "--store", str(options.store), "--json", "--quiet", "--exact",
                        "-k", str(HITS)]
        truth = {row["file"]: row for row in rows_of(options.truth)}
        self.truth = {}
        listed = subprocess.run([str(options.showroom), "export", "--store", str(options.store), "--quiet"], check=True,
                                stdout=subprocess.PIPE, text=True).stdout
        for line in listed.splitlines():
            uri = json.loads(line)["uri"]
            ends = [at + 1 for at, letter in enumerate("/" + uri) if letter == "/"]
            file = next((uri[end - 1:] for end in ends if uri[end - 1:] in truth), None)
            if file:
                self.truth[uri] = truth[file]

    def ask(self, *question):
        """(truth of the hit, score of each part of the query), best first; hits that nothing is known of left out."""
        done = subprocess.run([*self.command, *question], check=True, stdout=subprocess.PIPE, text=True)
        hits = json.loads(done.stdout)["hits"]
        return [(self.truth[hit["uri"]], {why["part"]: why["score"] for why in hit["why"]})
                for hit in hits if hit["uri"] in self.truth]


def share(right):
    right = list(right)
    return f"{sum(right) / len(right):.2f} of {len(right)}" if right else ""


def table(heading, columns, line_of):
    print(f"\n{heading}\n\n| score from | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for step in STEPS:
        print(f"| {step:.2f} | " + " | ".join(line_of(step)) + " |")


def photos(asker):
    asked = [(row, asker.ask("--like", uri)) for uri, row in asker.truth.items()]

    def same(own, other):
        return bool(own.get("item")) and own["item"] == other["item"]

    def both(why):
        return (why["shape"] + why.get("colour", 0)) / 2

    def same_product(step):
        pairs = [(same(row, hit), both(why)) for row, hits in asked for hit, why in hits]
        firsts = [(same(row, hits[0][0]), both(hits[0][1])) for row, hits in asked if hits]
        return [share(right for right, score in pairs if score >= step),
                share(right for right, score in firsts if score >= step),
                share(score >= step for right, score in pairs if right)]

    table("Same product: mean of shape and colour", ["pairs that are", "first hits that are", "of such pairs found"],
          same_product)

    def by_shape(hits):
        return sorted(hits, key=lambda hit: -hit[1]["shape"])

    def similar(step):
        right, found = [], []
        for row, hits in asked:
            first = by_shape(hits)[:FIRST]
            right += [hit["label"] == row["label"] for hit, why in first if why["shape"] >= step]
            if any(hit["label"] == row["label"] for hit, _ in hits):
                found.append(any(hit["label"] == row["label"] and why["shape"] >= step for hit, why in hits))
        return [share(right), share(found)]

    table("Similar: shape", ["first five of the label", "searches with a right hit so called"], similar)

    def related(step):
        right, hidden, shown = [], [], []
        for row, hits in asked:
            mine = top(row["category"])
            ranked = by_shape(hits)
            right += [bool(mine & top(hit["category"])) for hit, why in ranked[:FIRST] if why["shape"] >= step]
            others = [why["shape"] for hit, why in ranked if not mine & top(hit["category"])]
            if others:
                hidden.append(max(others) < step)
            if len(others) < len(ranked):
                shown.append(ranked[0][1]["shape"] < step)
        return [share(right), share(hidden), share(shown)]

    table("Related: shape", ["first five of the category", "no match with the category hidden",
                             "no match with it there"], related)


def words(asker, queries):
    kinds = {"Words without colours": [], "Words of which some are colours": [], "Words that are all colours": []}
    for query in rows_of(queries):
        labels, colours = parts(query["labels"]), parts(query["colours"])
        also = parts(query.get("also_ok") or query.get("also_ok_labels"))
        kind = "Words of which some are colours" if colours else "Words without colours"
        kinds[kind].append((query["query"], labels, colours, also))
    for colour in sorted(set().union(*(parts(row["colour"]) for row in asker.truth.values()))):
        kinds["Words that are all colours"].append((colour, set(), {colour}, set()))
    for kind, queries in kinds.items():
        asked = [(question(asker, *query)) for query in queries]
        words_of_kind(f"{kind} ({len(asked)} searches)", asked)


def question(asker, text, labels, colours, also):
    """(acceptable labels, whether a photo is right, hits by the words alone)."""
    def right(row):
        return (not labels or row["label"] in labels) and (not colours or bool(colours & parts(row["colour"])))

    return also, right, sorted(asker.ask("--text", text), key=lambda hit: -hit[1]["text"])


def words_of_kind(heading, asked):
    def line(step):
        first_right, hidden = [], []
        for also, right, hits in asked:
            tops = set().union(*(top(row["category"]) for row, _ in hits if right(row)))
            first = [row for row, why in hits[:FIRST] if why["text"] >= step]
            first_right += [right(row) for row in first if right(row) or row["label"] not in also]
            others = [why["text"] for row, why in hits if not tops & top(row["category"])]
            if tops and others:
                hidden.append(max(others) < step)
        return [share(first_right), share(hidden)]

    table(heading, ["first five right", "no match with the right category hidden"], line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--showroom", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    options = parser.parse_args()
    asker = Asker(options)
    if not asker.truth:
        raise SystemExit("bands.py: the truth names no photo of the catalogue")
    print(f"{len(asker.truth)} photos")
    photos(asker)
    words(asker, options.queries)


if __name__ == "__main__":
    main()
