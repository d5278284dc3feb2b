"""Single steps as Python does them, for benches/run.py: a request a line in, an answer a line out.

`decode pillow|pillow-draft FOLDER` makes a 260x260 model input of each JPEG; `embed MODEL.onnx BATCH
THREADS RUNS INPUT.f32` runs a model on the numbers of INPUT. The answer is how many photos were done.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

SIZE = 260
sessions = {}


def decode(how, folder):
    count = 0
    for path in sorted(Path(folder).glob("*.jpg")):
        photo = Image.open(path)
        if how == "pillow-draft":
            photo.draft("RGB", (SIZE, SIZE))
        photo = ImageOps.exif_transpose(photo).convert("RGB")
        photo = ImageOps.fit(photo, (SIZE, SIZE), Image.BICUBIC)
        x = (np.asarray(photo, np.float32) - 127) / 128
        np.ascontiguousarray(x.transpose(2, 0, 1))
        count += 1
    return count


def embed(model, batch, threads, runs, numbers):
    key = (model, threads)
    if key not in sessions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(threads)
        sessions[key] = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"])
    session = sessions[key]
    wanted = session.get_inputs()[0]
    side = 320 if "u2net" in model else SIZE
    x = np.fromfile(numbers, np.float32).reshape(-1, 3, side, side)[: int(batch)]
    for _ in range(int(runs)):
        session.run(None, {wanted.name: x})
    return int(batch) * int(runs)


for line in sys.stdin:
    verb, *arguments = line.split()
    print({"decode": decode, "embed": embed}[verb](*arguments), flush=True)
