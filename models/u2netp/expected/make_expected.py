"""Writes expected.json of U2-NetP or U2-Net: what onnxruntime's Python package makes of its own ONNX file.

    pip install onnxruntime==1.31.1 numpy
    python models/u2netp/expected/make_expected.py u2netp.onnx      # or u2net.onnx: the name says whose it is

Kept of each mask (the first output, before it is scaled): its least and greatest value, and every
eighth value of every eighth row from (4, 4) on.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "pictures"))

from pictures import NAMES, numbers, picture, write  # noqa: E402

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def main():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    # As the file says it, without rewriting the graph.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(sys.argv[1], options)
    cases = []
    for case in NAMES:
        pixels = picture(case, 320).astype(np.float32)
        pixels = (pixels / max(pixels.max(), 1e-6) - MEAN) / STD
        mask = session.run(None, {session.get_inputs()[0].name: pixels.transpose(2, 0, 1)[None]})[0][0, 0]
        cases.append({
            "picture": case,
            "min": float(f"{mask.min():.5g}"),
            "max": float(f"{mask.max():.5g}"),
            "mask": numbers(mask[4::8, 4::8].ravel()),
        })
    model = Path(sys.argv[1]).stem
    write(HERE.parents[1] / model / "expected" / "expected.json", {"reference": "onnxruntime " + onnxruntime.__version__, "size": 320, "cases": cases})


main()
