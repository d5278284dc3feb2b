"""Writes expected.json and text.png of PP-OCR's detector: what onnxruntime's Python package makes of the ONNX
file, and the boxes that rapidocr's own code makes of that.

    pip install onnxruntime==1.28.0 rapidocr==3.9.2 opencv-python-headless pillow numpy
    python models/pp-ocr/expected/make_expected.py PP-OCRv6_det_small.onnx

`letters` is the fixed picture of that name at the size of the manifest: kept of its map are the least and
greatest value and every 32nd value of every 32nd row from (16, 16) on, which the self-check of the manifest
is taken from. `text.png`, which this script draws, is 960 x 640, so that nothing has to be resized: kept are
the corners that `DBPostProcess` finds with our constants (threshold .3, score .6, grown by 1.6, no dilation),
and those of the whole detector with rapidocr's own (another size, .5, dilation).
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import rapidocr
from PIL import Image, ImageDraw, ImageFont
from rapidocr.ch_ppocr_det.utils import DBPostProcess

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "pictures"))

from pictures import numbers, picture, write  # noqa: E402

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"


def text_picture():
    """Lines of several sizes and colours, one of them turned, beside things that are no text."""
    out = Image.new("RGB", (960, 640), (245, 245, 240))
    draw = ImageDraw.Draw(out)
    for where, words, size, colour in [
        ((40, 30), "SUMMER SALE", 64, (200, 20, 30)),
        ((40, 130), "free delivery from 50 pounds", 26, (30, 30, 30)),
        ((600, 60), "-30%", 90, (20, 60, 160)),
        ((40, 600), "shop.example", 16, (150, 150, 150)),
    ]:
        draw.text(where, words, fill=colour, font=ImageFont.truetype(FONT, size))
    mark = Image.new("RGBA", (960, 640))
    ImageDraw.Draw(mark).text((250, 330), "watermark", fill=(90, 90, 90, 255), font=ImageFont.truetype(FONT, 60))
    mark = mark.rotate(25, center=(480, 360), resample=Image.Resampling.BICUBIC)
    out.paste(mark, (0, 0), mark)
    draw.ellipse((700, 400, 900, 600), fill=(40, 120, 80))
    draw.line((60, 250, 60, 560), fill=(60, 60, 60), width=12)
    return out


def tensor(rgb):
    return ((rgb[:, :, ::-1].astype(np.float32) / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None]


def boxes(found, width, height):
    return [numbers((np.asarray(box, np.float64) / [width, height]).ravel()) for box in found]


def main():
    options = onnxruntime.SessionOptions()
    # As the file says it, without rewriting the graph.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(sys.argv[1], options)
    run = lambda rgb: session.run(None, {session.get_inputs()[0].name: tensor(rgb)})[0]
    letters = run(picture("letters", 960))[0, 0]
    for at in [(i * 97 + 13) * 960 + 480 for i in range(4)] + list(np.argsort(letters.ravel())[::-1][:20000:4000]):
        print("self-check candidate:", at, letters.ravel()[at])
    drawn = text_picture()
    drawn.quantize(128).convert("RGB").save(HERE / "text.png", optimize=True)
    drawn = np.array(Image.open(HERE / "text.png").convert("RGB"))
    made = run(drawn)
    post = DBPostProcess(thresh=0.3, box_thresh=0.6, unclip_ratio=1.6, use_dilation=False)
    found, scores = post(made, drawn.shape[:2])
    whole = rapidocr.RapidOCR().text_det(drawn[:, :, ::-1])
    write(HERE / "expected.json", {"reference": f"onnxruntime {onnxruntime.__version__}, rapidocr 3.9.2", "cases": [
        {"picture": "letters", "size": 960, "min": float(f"{letters.min():.5g}"), "max": float(f"{letters.max():.5g}"),
         "map": numbers(letters[16::32, 16::32].ravel())},
        {"picture": "text.png", "boxes": boxes(found, 960, 640), "scores": numbers(scores),
         "whole": boxes(whole.boxes, 960, 640)},
    ]})


main()
