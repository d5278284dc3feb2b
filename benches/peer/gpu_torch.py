"""The peer of `benches/gpu`: PyTorch (and faiss, where it is installed) on the same GPU and the same
weights. A request a line in, an answer a line out.

usage: gpu_torch.py FOLDER [DEVICE]      FOLDER has the NAME.onnx that `prepare` wrote; DEVICE cuda or cpu
- `adapter`: the device and the versions.
- `peak PRECISION SIZE RUNS`, `copy MIB RUNS`: as `benches/gpu`.
- `embed MODEL PRECISION HOW BATCH RUNS`: HOW is `eager` or `compile`; pictures a second.
- `search WHO ELEMENT ROWS DIMENSION QUERIES RUNS`: WHO is `torch` or `faiss`; ms a search, or `none`.
"""

import importlib.util
import statistics
import sys
import time

import onnx2torch
import torch

SIZES = {"efficientnet-lite0": 224, "efficientnet-lite2": 260, "u2netp": 320}
TYPES = {"f32": torch.float32, "f16": torch.float16, "i8": torch.int8}
HITS = 10


class Peer:
    def __init__(self, folder, device):
        self.folder, self.device = folder, torch.device(device)
        self.models, self.held = {}, (None, None)
        # Ours computes in f32 where it says f32; PyTorch by default rounds to TF32 in convolutions.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def median_s(self, runs, work):
        """Median seconds of one call, the device waited for; calls before them warm up and compile."""
        seconds = []
        for turn in range(runs + 3):
            self.wait()
            began = time.perf_counter()
            work()
            self.wait()
            if turn >= 3:
                seconds.append(time.perf_counter() - began)
        return statistics.median(seconds)

    def adapter(self):
        name = torch.cuda.get_device_name() if self.device.type == "cuda" else "CPU"
        return f"{name}, PyTorch {torch.__version__}"

    def peak(self, precision, size, runs):
        a, b = (torch.rand(int(size), int(size), device=self.device).to(TYPES[precision]) for _ in "ab")
        return 2 * int(size) ** 3 / self.median_s(int(runs), lambda: a @ b)

    def copy(self, mebibytes, runs):
        data = torch.rand(int(mebibytes) << 18, device=self.device)
        return 8 * data.numel() / self.median_s(int(runs), lambda: data + 1)

    def embed(self, model, precision, how, batch, runs):
        key = (model, precision, how)
        if key not in self.models:
            network = onnx2torch.convert(f"{self.folder}/{model}.onnx").eval()
            network = network.to(self.device, TYPES[precision])
            self.models[key] = torch.compile(network) if how == "compile" else network
        network = self.models[key]
        pixels = torch.rand(int(batch), 3, SIZES[model], SIZES[model], device=self.device)
        pixels = (pixels * 2 - 1).to(TYPES[precision])
        with torch.inference_mode():
            return int(batch) / self.median_s(int(runs), lambda: network(pixels))

    def search(self, who, element, rows, dimension, queries, runs):
        rows, dimension, queries = int(rows), int(dimension), int(queries)
        if who == "faiss":
            return self.faiss(element, rows, dimension, queries, int(runs))
        if element == "i8":
            return "none"
        if self.held[0] != (element, rows, dimension):
            self.held = (None, None)
            vectors = torch.empty(rows, dimension, device=self.device, dtype=TYPES[element])
            for part in vectors.split(1 << 16):
                part.uniform_(-1, 1)
            self.held = ((element, rows, dimension), vectors)
        vectors = self.held[1]
        asked = torch.rand(queries, dimension, device=self.device).to(vectors.dtype)
        return 1e3 * self.median_s(int(runs), lambda: torch.topk(asked @ vectors.T, HITS))

    def faiss(self, element, rows, dimension, queries, runs):
        if importlib.util.find_spec("faiss") is None or element == "i8":
            return "none"
        import faiss
        import numpy
        random = numpy.random.default_rng(1)
        vectors = random.random((rows, dimension), dtype=numpy.float32) * 2 - 1
        index = faiss.IndexFlatIP(dimension)
        if hasattr(faiss, "StandardGpuResources") and self.device.type == "cuda":
            options = faiss.GpuClonerOptions()
            options.useFloat16 = element == "f16"
            index = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index, options)
        elif element == "f16":
            return "none"
        index.add(vectors)
        asked = random.random((queries, dimension), dtype=numpy.float32) * 2 - 1
        return 1e3 * self.median_s(runs, lambda: index.search(asked, HITS))


def main():
    device = sys.argv[2] if len(sys.argv) > 2 else "cuda"
    peer = Peer(sys.argv[1], device)
    for line in sys.stdin:
        verb, *words = line.split()
        print(getattr(peer, verb)(*words), flush=True)


if __name__ == "__main__":
    main()
