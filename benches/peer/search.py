"""One peer of benches/search.py: builds an index over vectors and searches it; prints one JSON object.

usage: search.py PEER DIR     with DIR/{rows,queries}.npy (f32, unit length) and DIR/filters.npz (name → bool a row)
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

K = 11  # the row that is asked with is found too, and left out
EF = 64


def hnswlib_index(rows):
    import hnswlib
    index = hnswlib.Index(space="ip", dim=rows.shape[1])
    index.init_index(max_elements=len(rows), ef_construction=200, M=16, random_seed=1)
    index.add_items(rows)
    index.set_ef(EF)
    # One question at a time, as a shop asks.
    index.set_num_threads(1)

    def search(query, allowed):
        passes = None if allowed is None else allowed.__getitem__
        most = K if allowed is None else min(K, int(allowed.sum()))
        # Where it cannot find as many that pass it gives none at all.
        try:
            return index.knn_query(query[None], k=most, filter=passes)[0][0]
        except RuntimeError:
            return []
    return search


def faiss_index(rows, kind):
    import faiss
    if kind == "flat":
        index, parameters = faiss.IndexFlatIP(rows.shape[1]), faiss.SearchParameters
    else:
        index = faiss.IndexHNSWFlat(rows.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction, index.hnsw.efSearch = 200, EF
        parameters = faiss.SearchParametersHNSW
    index.add(rows)
    selectors = {}

    def search(query, allowed):
        if allowed is None:
            return index.search(query[None], K)[1][0]
        if id(allowed) not in selectors:
            selectors[id(allowed)] = faiss.IDSelectorBatch(np.flatnonzero(allowed))
        options = parameters(sel=selectors[id(allowed)])
        if kind != "flat":
            options.efSearch = EF
        return index.search(query[None], K, params=options)[1][0]
    return search


def main():
    peer, folder = sys.argv[1], Path(sys.argv[2])
    rows, queries = np.load(folder / "rows.npy", mmap_mode="r"), np.load(folder / "queries.npy")
    filters = {"": None, **np.load(folder / "filters.npz")}
    wall, cpu = time.perf_counter(), time.process_time()
    search = hnswlib_index(rows) if peer == "hnswlib" else faiss_index(rows, peer.removeprefix("faiss-"))
    built = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    answers = {}
    for name, allowed in filters.items():
        search(queries[0], allowed)
        times, found = [], []
        for query in queries:
            began = time.perf_counter()
            hits = search(query, allowed)
            times.append((time.perf_counter() - began) * 1000)
            found.append([int(hit) for hit in hits if hit >= 0])
        answers[name] = {"ms": times, "found": found}
    print(json.dumps({"build": built, "answers": answers, "cores": len(os.sched_getaffinity(0))}))


if __name__ == "__main__":
    main()
