"""Writes product.json: the whole way from photo to embedding, by Pillow, onnxruntime and PyTorch.

    pip install torch==2.15.0 efficientnet_lite_pytorch==0.1.0 onnxruntime==1.31.1 pillow numpy
    python models/efficientnet-lite2/expected/make_product.py WEIGHTS.pth u2netp.onnx

Mask by U2-NetP, the square round its box with a margin of 8 %, moved into the photo where it fits and
white where it does not, Pillow's bicubic resize, EfficientNet-Lite2.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "pictures"))

from pictures import numbers, picture, write  # noqa: E402

# Picture and the part of it that is the photo: left, top, right, bottom of its 320 x 320 pixels.
PHOTOS = [
    ("disc", (0, 0, 320, 320)),
    ("disc", (0, 40, 320, 310)),
    ("disc", (20, 0, 300, 160)),
    ("coffee", (0, 0, 320, 240)),
    ("cat", (30, 0, 320, 320)),
    ("gradient", (0, 0, 320, 200)),
]
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def main():
    torch.set_num_threads(1)
    model = EfficientNet.from_name("efficientnet-lite2")
    model.load_state_dict(torch.load(sys.argv[1], weights_only=True))
    model.eval()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    matte = onnxruntime.InferenceSession(sys.argv[2], options)
    cases = []
    for name, part in PHOTOS:
        photo = Image.fromarray(picture(name, 320)).crop(part)
        small = np.asarray(photo.resize((320, 320), Image.Resampling.BILINEAR)).astype(np.float32)
        small = (small / small.max() - MEAN) / STD
        mask = matte.run(None, {matte.get_inputs()[0].name: small.transpose(2, 0, 1)[None]})[0][0, 0]
        crop = square(photo, box(mask)).resize((260, 260), Image.Resampling.BICUBIC)
        pixels = (np.asarray(crop).astype(np.float32) - 127) / 128
        with torch.no_grad():
            batch = torch.tensor(pixels.transpose(2, 0, 1)[None])
            features = model._avg_pooling(model.extract_features(batch)).flatten(1)
            classes = model._fc(features).softmax(-1)[0]
        cases.append({
            "picture": name,
            "part": part,
            "shape": numbers(torch.nn.functional.normalize(features)[0]),
            "top": int(classes.argmax()),
            "top_share": float(f"{float(classes.max()):.5g}"),
        })
    write(HERE / "product.json", {"reference": "Pillow, onnxruntime, efficientnet_lite_pytorch", "cases": cases})


def box(mask):
    """Left, top, right, bottom of the product as shares of the photo; all of it where there is none."""
    if mask.max() < 0.5:
        return 0, 0, 1, 1
    mask = (mask - mask.min()) / (mask.max() - mask.min())
    rows, columns = np.where(mask > 0.5)
    height, width = mask.shape
    return columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height


def square(photo, part):
    width, height = photo.size
    left, top, right, bottom = part[0] * width, part[1] * height, part[2] * width, part[3] * height
    edge = max(right - left, bottom - top) * 1.16

    def middle(centre, length):
        return length / 2 if edge >= length else min(max(centre, edge / 2), length - edge / 2)

    x, y = middle((left + right) / 2, width), middle((top + bottom) / 2, height)
    corners = [round(value) for value in (x - edge / 2, y - edge / 2, x + edge / 2, y + edge / 2)]
    out = Image.new("RGB", (corners[2] - corners[0], corners[3] - corners[1]), (255, 255, 255))
    inside = [max(0, corners[0]), max(0, corners[1]), min(width, corners[2]), min(height, corners[3])]
    out.paste(photo.crop(inside), (inside[0] - corners[0], inside[1] - corners[1]))
    return out


main()
