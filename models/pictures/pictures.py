"""The fixed pictures on which every vision model is compared with its reference implementation.

Each is made by whole-number arithmetic, so that src/vision/engines/pictures.rs makes the same bytes.
`coffee` and `cat` are small crops of scikit-image's CC0 photographs (`python pictures.py` wrote the
two .ppm files from scikit-image 0.26), shown four times as large.
"""

import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
# What `letters` shows.
LETTERS = [
    ".####..###..#.....#####",
    "#.....#...#.#.....#....",
    "#.....#...#.#.....#....",
    ".###..#####.#.....####.",
    "....#.#...#.#.....#....",
    "....#.#...#.#.....#....",
    "####..#...#.#####.#####",
]
NAMES = ["gradient", "white", "noise", "disc", "coffee", "cat"]


def picture(name, size):
    """RGB picture, size x size x 3, uint8."""
    y, x = np.mgrid[0:size, 0:size].astype(np.int64)
    if name == "gradient":
        last = size - 1
        return np.stack([x * 255 // last, y * 255 // last, (x + y) * 255 // (2 * last)], 2).astype(np.uint8)
    if name == "white":
        return np.full((size, size, 3), 255, np.uint8)
    if name == "noise":
        index = ((y * size + x)[:, :, None] * 3 + np.arange(3)) & 0xFFFFFFFF
        value = (index * 2654435761) & 0xFFFFFFFF
        value ^= value >> 15
        value = (value * 2246822519) & 0xFFFFFFFF
        return (value >> 24).astype(np.uint8)
    if name == "disc":
        # A red disc with a dark rim, a little off the centre, on white.
        distance = (100 * x - 45 * size) ** 2 + (100 * y - 55 * size) ** 2
        out = np.full((size, size, 3), 255, np.uint8)
        out[distance < (32 * size) ** 2] = (60, 10, 10)
        out[distance < (28 * size) ** 2] = (200, 30, 40)
        return out
    if name == "letters":
        # Four dark letters on white.
        column, row = 32 * x // size - 4, 32 * y // size - 12
        inside = (column >= 0) & (column < 23) & (row >= 0) & (row < 7)
        dark = np.array([list(line) for line in LETTERS])[np.clip(row, 0, 6), np.clip(column, 0, 22)] == "#"
        return np.where((inside & dark)[:, :, None], 20, 255).astype(np.uint8).repeat(3, 2)
    small = read_ppm(HERE / f"{name}.ppm")
    return small[y // 4, x // 4]


def read_ppm(path):
    data = path.read_bytes()
    assert data.startswith(b"P6\n80 80\n255\n")
    return np.frombuffer(data[13:], np.uint8).reshape(80, 80, 3)


def numbers(values):
    return [float(f"{float(value):.5g}") for value in values]


def write(out, value):
    """One line a case, so that a changed case is one changed line."""
    cases = value.pop("cases")
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = json.dumps(value)[:-1]
    Path(out).write_text(f'{head}, "cases": [\n{lines}\n]}}\n')


def main():
    import skimage.data
    from PIL import Image

    for name, photo, box in [
        ("coffee", skimage.data.coffee(), (100, 0, 500, 400)),
        ("cat", skimage.data.chelsea(), (80, 0, 380, 300)),
    ]:
        small = Image.fromarray(photo).crop(box).resize((80, 80), Image.Resampling.LANCZOS)
        (HERE / f"{name}.ppm").write_bytes(b"P6\n80 80\n255\n" + small.tobytes())


if __name__ == "__main__":
    main()
