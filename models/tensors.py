"""Writes tensors.json beside it: what PyTorch, safetensors and onnx read in the weight files.

The test of our own readers compares with it: for some tensors of each file the shape, the first and
the last number and a weighted sum. Needs torch, safetensors, onnx and numpy.

python3 tensors.py CACHE   (the folder that `showroom models pull --all` filled)
"""

import glob
import json
import os
import sys

import numpy
import onnx
import onnx.numpy_helper
import safetensors.numpy
import torch


def torch_file(path):
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {name: t.numpy() for name, t in state.items() if t.is_floating_point()}


def onnx_file(path):
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    return {name: t for name, t in tensors.items() if t.dtype == numpy.float32}


def safetensors_file(path):
    tensors = safetensors.numpy.load_file(path)
    return {name: t for name, t in tensors.items() if t.dtype == numpy.float32}


readers = {
    "efficientnet-lite0": ("efficientnet-lite0-57934424.pth", torch_file),
    "efficientnet-lite2": ("efficientnet-lite2-9656183e.pth", torch_file),
    "u2netp": ("u2netp.onnx", onnx_file),
    "all-minilm-l6-v2": ("model.safetensors", safetensors_file),
}
cache = sys.argv[1]
out = {}
for model, (name, read) in readers.items():
    (path,) = glob.glob(os.path.join(cache, "models", "*", name))
    tensors = read(path)
    names = sorted(tensors)
    picked = {}
    for n in names[:: len(names) // 6]:
        t = tensors[n]
        flat = t.ravel().astype(numpy.float64)
        # Weights by position, so that an exchange of axes shows.
        weighted_sum = float((flat * (numpy.arange(flat.size) % 97 + 1)).sum())
        picked[n] = [list(t.shape), float(flat[0]), float(flat[-1]), weighted_sum]
    out[model] = {"count": len(names), "tensors": picked}
lines = []
for model, found in out.items():
    rows = [f"  {json.dumps(n)}: {json.dumps(row)}" for n, row in found["tensors"].items()]
    head = f' "{model}": {{"count": {found["count"]}, "tensors": {{\n'
    lines.append(head + ",\n".join(rows) + "\n }}")
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tensors.json"), "w") as f:
    f.write("{\n" + ",\n".join(lines) + "\n}\n")
