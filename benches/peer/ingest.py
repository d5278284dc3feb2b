"""The peer of `showroom ingest`: the script that one would write with Pillow, onnxruntime and lancedb.

usage: ingest.py PHOTOS U2NETP.onnx ENCODER.onnx STORE

It does the same work for each photo, one photo after another: decode, upright, mask with U2-NetP, crop to
the product, embed with EfficientNet-Lite2, Lab histogram of the product's pixels, write to a Lance table.
onnxruntime takes all cores, as it does by default. No tags, no resume, no rejects but a printed line.
"""

import hashlib
import sys
from pathlib import Path

import lancedb
import numpy as np
import onnxruntime
import pyarrow as pa
from PIL import Image, ImageOps

SIZE = 260
ROWS_A_WRITE = 100


def mask_of(session, photo):
    """Share of product in each pixel of a 320x320 picture of the photo, 0-1."""
    x = np.asarray(photo.resize((320, 320), Image.BILINEAR), np.float32)
    x = x / max(x.max(), 1e-6)
    x = (x - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    x = x.transpose(2, 0, 1)[None].astype(np.float32)
    y = session.run(None, {session.get_inputs()[0].name: x})[0][0, 0]
    return (y - y.min()) / max(y.max() - y.min(), 1e-6)


def crop_of(photo, mask):
    """The photo and its mask cut to the product, with a little room."""
    rows, columns = np.where(mask > 0.5)
    if not len(rows):
        return photo, Image.new("L", (320, 320), 255)
    margin = 8
    box = [max(columns.min() - margin, 0), max(rows.min() - margin, 0),
           min(columns.max() + margin, 320), min(rows.max() + margin, 320)]
    scale = [photo.width / 320, photo.height / 320] * 2
    return (photo.crop([int(at * by) for at, by in zip(box, scale)]),
            Image.fromarray((mask * 255).astype(np.uint8)).crop([int(at) for at in box]))


def embed(session, crop):
    small = ImageOps.pad(crop, (SIZE, SIZE), Image.BICUBIC, color="white")
    x = (np.asarray(small, np.float32) - 127) / 128
    vector, logits = session.run(None, {session.get_inputs()[0].name: x.transpose(2, 0, 1)[None]})
    return vector[0] / np.linalg.norm(vector[0]), logits[0]


def lab_histogram(crop, mask):
    """Square-rooted 5x8x8 histogram in Lab of the product's pixels, unit length."""
    crop, mask = crop.resize((128, 128)), np.asarray(mask.resize((128, 128))) > 127
    rgb = np.asarray(crop, np.float32)[mask] / 255
    if not len(rgb):
        return np.zeros(320, np.float32)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array([[0.4124564, 0.2126729, 0.0193339], [0.3575761, 0.7151522, 0.1191920],
                             [0.1804375, 0.0721750, 0.9503041]]) / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)
    counts, _ = np.histogramdd(lab, (5, 8, 8), ((0, 100), (-128, 128), (-128, 128)))
    root = np.sqrt(counts.ravel())
    return root / np.linalg.norm(root)


def main(photos, mask_model, encoder_model, store):
    masker = onnxruntime.InferenceSession(mask_model, providers=["CPUExecutionProvider"])
    encoder = onnxruntime.InferenceSession(encoder_model, providers=["CPUExecutionProvider"])
    schema = pa.schema([("id", pa.string()), ("uri", pa.string()), ("width", pa.int32()),
                        ("height", pa.int32()), ("shape", pa.list_(pa.float32(), 1280)),
                        ("colour", pa.list_(pa.float32(), 320)),
                        ("classes", pa.list_(pa.float32(), 1000))])
    table = lancedb.connect(store).create_table("photos", schema=schema)
    rows = []
    for path in sorted(p for p in Path(photos).rglob("*") if p.is_file()):
        data = path.read_bytes()
        try:
            photo = ImageOps.exif_transpose(Image.open(path))
            if photo.mode != "RGB":
                white = Image.new("RGBA", photo.size, "white")
                white.alpha_composite(photo.convert("RGBA"))
                photo = white.convert("RGB")
            photo.load()
        except Exception as error:
            print(f"{path}: {error}", file=sys.stderr)
            continue
        crop, mask = crop_of(photo, mask_of(masker, photo))
        vector, classes = embed(encoder, crop)
        rows.append({"id": hashlib.blake2b(data).hexdigest(), "uri": str(path),
                     "width": photo.width, "height": photo.height, "shape": vector,
                     "colour": lab_histogram(crop, mask), "classes": classes})
        if len(rows) == ROWS_A_WRITE:
            table.add(rows)
            rows = []
    if rows:
        table.add(rows)
    print(table.count_rows())


if __name__ == "__main__":
    main(*sys.argv[1:])
