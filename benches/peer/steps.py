"""Single steps as Python does them, for benches/run.py: a request a line in, an answer a line out.

`decode pillow|pillow-draft FOLDER` makes a 260x260 model input of each JPEG; `embed MODEL.onnx BATCH
THREADS RUNS INPUT.f32` runs a model on the numbers of INPUT; `words MODEL.onnx THREADS TOKENIZER.json TITLES`
encodes each line of a file. The answer is how many were done.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps
from tokenizers import Tokenizer

SIZE = 260
# Titles that run together, as ours do.
SENTENCES = 32
sessions, tokenizers = {}, {}


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


def session_of(model, threads):
    key = (model, threads)
    if key not in sessions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(threads)
        sessions[key] = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"])
    return sessions[key]


def embed(model, batch, threads, runs, numbers):
    session = session_of(model, threads)
    wanted = session.get_inputs()[0]
    side = 320 if "u2net" in model else SIZE
    x = np.fromfile(numbers, np.float32).reshape(-1, 3, side, side)[: int(batch)]
    for _ in range(int(runs)):
        session.run(None, {wanted.name: x})
    return int(batch) * int(runs)


def words(model, threads, tokenizer, titles):
    if tokenizer not in tokenizers:
        tokenizers[tokenizer] = Tokenizer.from_file(tokenizer)
        tokenizers[tokenizer].enable_truncation(256)
        tokenizers[tokenizer].enable_padding()
    session = session_of(model, threads)
    lines = Path(titles).read_text().splitlines()
    for start in range(0, len(lines), SENTENCES):
        batch = tokenizers[tokenizer].encode_batch(lines[start:start + SENTENCES])
        ids = np.array([one.ids for one in batch], np.int64)
        mask = np.array([one.attention_mask for one in batch], np.float32)
        (vectors,) = session.run(None, {"ids": ids, "mask": mask, "positions": np.arange(ids.shape[1])})
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return len(lines)


for line in sys.stdin:
    verb, *arguments = line.split()
    print({"decode": decode, "embed": embed, "words": words}[verb](*arguments), flush=True)
