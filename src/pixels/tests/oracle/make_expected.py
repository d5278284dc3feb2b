#!/usr/bin/env python3
"""Makes the fixtures of showroom-pixels and what an independent implementation reads from them.

    pip install pillow==12.0.0 scikit-image==0.26.0 imagehash==4.3.2 numpy
    python3 make_expected.py

Writes ../fixtures/NAME.EXT (made-up pictures), ../fixtures/expected/NAME.png (their upright sRGB pixels
by Pillow, LittleCMS or numpy) and ../expected.json (numbers). All of it is committed; nobody needs Python
to run the tests. Fixed seeds: a second run writes the same bytes with the same package versions.
"""

import io
import json
import re
import struct
import zlib
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image, ImageCms, ImageOps
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from scipy.ndimage import minimum_filter
from skimage.color import rgb2lab, rgb2xyz, xyz2lab

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
EXPECTED = FIXTURES / "expected"
SRGB = ImageCms.createProfile("sRGB")


def pattern(width, height):
    """A picture with fine and coarse detail that Rust makes alike (tests/pattern.rs)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    red = ((x * x * 3 + y * y * 5 + x * y) >> 9) & 255
    green = np.where((x // 37 + y // 29) % 2 == 0, (x * 255) // width, (y * 255) // height)
    blue = ((x ^ y) * 3 >> 1) & 255
    return np.stack([red, green, blue], -1).astype(np.uint8)


def scene(width=48, height=32):
    """Smooth, and different in every corner: tells all orientations and channel orders apart."""
    y, x = np.mgrid[0:height, 0:width] / [[[height - 1]], [[width - 1]]]
    rgb = np.stack([255 * x, 255 * y, 255 * (1 - x) * (1 - y)], -1)
    rgb[: height // 3, : width // 3] = [230, 30, 40]
    return Image.fromarray(rgb.round().astype(np.uint8))


def save(image, name, expected=None, **options):
    image.save(FIXTURES / name, **options)
    expect(name, expected)


def expect(name, expected=None):
    """What Pillow reads, upright, unless something else is given."""
    if expected is None:
        expected = ImageOps.exif_transpose(Image.open(FIXTURES / name))
    if expected.mode not in ("RGB", "RGBA"):
        expected = expected.convert("RGBA" if "A" in expected.mode or "transparency" in expected.info else "RGB")
    EXPECTED.mkdir(exist_ok=True)
    expected.info.clear()
    expected.save(EXPECTED / (name + ".png"), optimize=True)


# ---- ICC profiles, written by hand -------------------------------------------------------------


def s15(value):
    return struct.pack(">i", round(value * 65536))


def icc(space, pcs, tags, device_class=b"mntr"):
    table, data = b"", b""
    offset = 128 + 4 + 12 * len(tags)
    for name, body in tags:
        body += b"\0" * (-len(body) % 4)
        table += struct.pack(">4sII", name, offset + len(data), len(body))
        data += body
    header = struct.pack(">I4sI4s4s4s", offset + len(data), b"\0\0\0\0", 0x02400000, device_class, space, pcs)
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    header += s15(0.9642) + s15(1.0) + s15(0.8249) + b"\0" * 48
    return header + struct.pack(">I", len(tags)) + table + data


def text_tags():
    desc = b"made up\0"
    return [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", len(desc)) + desc + b"\0" * 78),
        (b"cprt", b"text\0\0\0\0none\0"),
        (b"wtpt", b"XYZ \0\0\0\0" + s15(0.9642) + s15(1.0) + s15(0.8249)),
    ]


def gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def xyz(value):
    return b"XYZ \0\0\0\0" + b"".join(map(s15, value))


def rgb_profile(red, green, blue, power):
    colorants = [(b"rXYZ", xyz(red)), (b"gXYZ", xyz(green)), (b"bXYZ", xyz(blue))]
    curves = [(name, gamma(power)) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return icc(b"RGB ", b"XYZ ", text_tags() + colorants + curves)


def cmyk_profile(grid=5):
    """A press with slightly dirty inks: device to Lab through a 16-bit table."""
    steps = np.linspace(0, 1, grid)
    c, m, y, k = np.meshgrid(steps, steps, steps, steps, indexing="ij")
    left = 1 - k
    rgb = np.stack([(1 - 0.95 * c) * (1 - 0.1 * m), (1 - 0.9 * m) * (1 - 0.1 * c), (1 - 0.85 * y)], -1)
    rgb = rgb * (0.06 + 0.94 * left[..., None])
    lab = xyz2lab(rgb2xyz(rgb), illuminant="D65")
    table = np.stack([lab[..., 0] * 652.8, (lab[..., 1] + 128) * 256, (lab[..., 2] + 128) * 256], -1)
    table = table.round().clip(0, 65535).astype(">u2").tobytes()
    identity = b"".join(s15(v) for v in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    curve = struct.pack(">2H", 0, 65535)
    sizes = bytes([4, 3, grid, 0]) + identity + struct.pack(">2H", 2, 2)
    lut = b"mft2\0\0\0\0" + sizes + curve * 4 + table + curve * 3
    return icc(b"CMYK", b"Lab ", text_tags() + [(b"A2B0", lut)], b"prtr")


ADOBE = rgb_profile((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), 2.19921875)
P3 = rgb_profile((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407), 2.2)
# sRGB with red and blue in each other's place.
SWAPPED = rgb_profile((0.14307, 0.06061, 0.71410), (0.38515, 0.71687, 0.09708), (0.43607, 0.22249, 0.01392), 2.2)
GREY = icc(b"GRAY", b"XYZ ", text_tags() + [(b"kTRC", gamma(1.4))])
CMYK = cmyk_profile()


def through(image, profile):
    return ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), SRGB,
        renderingIntent=ImageCms.Intent.PERCEPTUAL, outputMode="RGB")


# ---- pictures ----------------------------------------------------------------------------------


def exif(orientation):
    directory = Image.Exif()
    directory[0x0112] = orientation
    return directory.tobytes()


def png16(array, colour_type):
    """A PNG of 16 bits a channel, which Pillow does not write."""
    height, width, _ = array.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def orientations():
    for orientation in range(1, 9):
        save(scene(), f"orientation-{orientation}.jpg", exif=exif(orientation), quality=90, subsampling=0)
    save(scene(), "orientation-6.png", exif=exif(6))
    save(scene(), "orientation-5.webp", exif=exif(5), lossless=True)
    directory = ImageFileDirectory_v2()
    directory[0x0112] = 7
    save(scene(), "orientation-7.tif", tiffinfo=directory, compression="tiff_lzw")


def jpegs():
    options = {"quality": 85}
    save(scene(), "plain-420.jpg", **options, subsampling=2)
    save(scene(47, 31), "odd-size-422.jpg", **options, subsampling=1)
    save(scene(), "progressive.jpg", **options, progressive=True)
    save(scene(), "rgb-coded.jpg", **options, keep_rgb=True)
    save(scene(), "restarts.jpg", **options, restart_marker_blocks=2)
    save(scene().convert("L"), "grey.jpg", **options)
    grey = scene().convert("L")
    grey.save(FIXTURES / "grey-icc.jpg", **options, icc_profile=GREY)
    expect("grey-icc.jpg", through(Image.open(FIXTURES / "grey-icc.jpg"), GREY))
    for name, profile in [("adobe-rgb", ADOBE), ("swapped", SWAPPED)]:
        scene().save(FIXTURES / f"icc-{name}.jpg", **options, icc_profile=profile)
        expect(f"icc-{name}.jpg", through(Image.open(FIXTURES / f"icc-{name}.jpg"), profile))
    save(scene(), "icc-broken.jpg", **options, icc_profile=ADOBE[:200])
    srgb = bytearray(ImageCms.ImageCmsProfile(SRGB).tobytes())
    srgb[24:36] = bytes(12)  # when it was made
    save(scene(), "icc-srgb.jpg", **options, icc_profile=bytes(srgb))
    inks = np.asarray(scene())
    black = (np.indices(inks.shape[:2]).sum(0) * 3 % 200).astype(np.uint8)
    cmyk = Image.fromarray(np.dstack([inks, black]), "CMYK")
    save(cmyk, "cmyk.jpg", **options)
    # The same bytes with the Adobe marker saying that the inks are coded as luma and chroma.
    coded = bytearray((FIXTURES / "cmyk.jpg").read_bytes())
    coded[coded.index(b"Adobe") + 11] = 2
    (FIXTURES / "ycck.jpg").write_bytes(coded)
    expect("ycck.jpg")
    cmyk.save(FIXTURES / "cmyk-icc.jpg", **options, icc_profile=CMYK)
    expect("cmyk-icc.jpg", through(Image.open(FIXTURES / "cmyk-icc.jpg"), CMYK))


def pngs():
    save(scene(), "rgb.png")
    save(scene().convert("L"), "grey.png")
    save(scene().convert("1"), "one-bit.png")
    save(scene().quantize(60), "palette.png")
    alpha = np.tile(np.linspace(0, 255, 48).round().astype(np.uint8), (32, 1))
    rgba = Image.fromarray(np.dstack([np.asarray(scene()), alpha]), "RGBA")
    save(rgba, "alpha.png")
    save(rgba.convert("LA"), "grey-alpha.png")
    palette = scene().quantize(16)
    save(palette, "palette-transparent.png", transparency=3)
    deep = (np.asarray(scene()).astype(np.uint32) * 257 + np.arange(48)[None, :, None] * 11).clip(0, 65535)
    (FIXTURES / "rgb-16.png").write_bytes(png16(deep, 2))
    expect("rgb-16.png", Image.fromarray(np.round(deep / 257).astype(np.uint8)))
    deep = np.dstack([deep, alpha.astype(np.uint32) * 257])
    (FIXTURES / "rgba-16.png").write_bytes(png16(deep, 6))
    expect("rgba-16.png", Image.fromarray(np.round(deep / 257).astype(np.uint8), "RGBA"))
    deep = deep[..., :1]
    (FIXTURES / "grey-16.png").write_bytes(png16(deep, 0))
    expect("grey-16.png", Image.fromarray(np.round(deep[..., 0] / 257).astype(np.uint8)))
    scene().save(FIXTURES / "icc-p3.png", icc_profile=P3)
    expect("icc-p3.png", through(scene(), P3))
    other = ImageOps.invert(scene())
    scene().save(FIXTURES / "animated.png", save_all=True, append_images=[other])
    expect("animated.png", scene())


def others():
    save(scene(), "lossless.webp", lossless=True)
    save(scene(), "lossy.webp", quality=90)
    alpha = Image.open(FIXTURES / "alpha.png")
    save(alpha, "alpha.webp", lossless=True, exact=True)
    other = ImageOps.invert(scene())
    scene().save(FIXTURES / "animated.webp", save_all=True, append_images=[other], lossless=True)
    expect("animated.webp", scene())
    scene().save(FIXTURES / "icc-adobe-rgb.webp", lossless=True, icc_profile=ADOBE)
    expect("icc-adobe-rgb.webp", through(scene(), ADOBE))
    first = scene().quantize(32)
    first.save(FIXTURES / "animated.gif", save_all=True, append_images=[other.quantize(32)])
    expect("animated.gif", first)
    save(Image.open(FIXTURES / "palette-transparent.png"), "transparent.gif", transparency=3)
    save(scene(), "rgb.bmp")
    save(scene().quantize(40), "palette.bmp")
    save(scene().convert("1"), "one-bit.bmp")
    save(scene(), "raw.tif")
    save(scene(), "deflate.tif", compression="tiff_adobe_deflate")
    save(scene().convert("L"), "grey-packbits.tif", compression="packbits")
    save(alpha, "alpha.tif", compression="tiff_lzw")
    scene().save(FIXTURES / "icc-adobe-rgb.tif", compression="tiff_lzw", icc_profile=ADOBE)
    expect("icc-adobe-rgb.tif", through(scene(), ADOBE))
    save(scene(), "big-tiff.tif", expected=scene(), big_tiff=True)


# ---- numbers -----------------------------------------------------------------------------------


def sharpness(luma):
    luma = luma.astype(np.float64)
    inner = luma[1:-1, 1:-1]
    edges = 4 * inner - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
    return edges.var()


def facts(image):
    """As quality.rs says, with Pillow and numpy."""
    small, longer = image, max(image.size)
    if longer > 500:
        # Rust rounds halves away from zero; none of the sizes here has one.
        small = image.resize([max(1, round(side * 500 / longer)) for side in image.size], Image.Resampling.BILINEAR)
    rgb = np.asarray(small).astype(int)
    luma = np.asarray(small.convert("L"))
    height, width = luma.shape
    thick = max(1, round(min(width, height) * 0.02))
    edge = np.ones((height, width), bool)
    edge[thick:-thick, thick:-thick] = False
    border = rgb[edge]
    median = np.sort(border, axis=0)[len(border) // 2]
    return {
        "sharpness": sharpness(luma),
        "brightness": luma.mean() / 255,
        "clipped_dark": (rgb <= 2).all(-1).mean(),
        "clipped_bright": (rgb >= 253).all(-1).mean(),
        "border_white": (border >= 250).all(-1).mean(),
        "border_uniform": (abs(border - median) <= 16).all(-1).mean(),
        "phash": str(imagehash.phash(image)),
    }


def product(width, height):
    """The pattern as a product on white, its lower right corner black."""
    rgb = np.full((height, width, 3), 255, np.uint8)
    top, left = height // 4, width // 4
    rgb[top : 3 * top, left : 3 * left] = pattern(2 * left, 2 * top)
    rgb[height - height // 6 :, width - width // 6 :] = 0
    return rgb


def fits():
    image = Image.fromarray(pattern(150, 90))
    cases = []
    filters = {"box": Image.Resampling.BOX, "bilinear": Image.Resampling.BILINEAR,
               "bicubic": Image.Resampling.BICUBIC, "lanczos3": Image.Resampling.LANCZOS}
    for name, resampling in filters.items():
        for rect in [(0, 0, 150, 90), (20, 7, 64, 80)]:
            x, y, width, height = rect
            # The height first, as fast_image_resize does; the filters that overshoot are clipped between.
            small = image.resize((width, 10), resampling, box=(x, y, x + width, y + height))
            small = small.resize((12, 10), resampling)
            cases.append({"filter": name, "rect": rect, "how": "stretch", "width": 12, "height": 10,
                          "rgb": np.asarray(small).ravel().tolist()})
    covered = ImageOps.fit(image, (12, 12), Image.Resampling.BILINEAR)
    cases.append({"filter": "bilinear", "rect": (0, 0, 150, 90), "how": "cover", "width": 12, "height": 12,
                  "rgb": np.asarray(covered).ravel().tolist()})
    padded = ImageOps.pad(image, (15, 13), Image.Resampling.BILINEAR, color=(1, 128, 254))
    cases.append({"filter": "bilinear", "rect": (0, 0, 150, 90), "how": "letterbox", "width": 15, "height": 13,
                  "rgb": np.asarray(padded).ravel().tolist()})
    return cases


def labs():
    colours = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0),
               (0, 255, 255), (255, 0, 255), (1, 2, 3), (10, 10, 10), (254, 1, 127), (250, 128, 114), (0, 0, 128),
               (85, 107, 47), (245, 245, 220)]
    rng = np.random.default_rng(7)
    colours += [tuple(map(int, rng.integers(0, 256, 3))) for _ in range(24)]
    lab = rgb2lab(np.array(colours, np.uint8)[None])[0]
    return [{"rgb": rgb, "lab": [float(v) for v in value]} for rgb, value in zip(colours, lab)]


def vocabulary():
    """The anchors are data: read from the crate, so that there is one table."""
    rows = re.findall(r'"(\w+)",\s*&\[(.*?)\n?\s*\],?\s*\)', (HERE.parents[1] / "vocabulary.rs").read_text(), re.S)
    return [(name, np.array(re.findall(r"\[(-?\d+), (-?\d+), (-?\d+)\]", body), float)) for name, body in rows]


def squash(lab):
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    scale = np.log1p(0.045 * chroma) / 0.045 / np.maximum(chroma, 1e-9)
    return np.stack([lab[..., 0] / 2, scale * lab[..., 1], scale * lab[..., 2]], -1)


def ellipse(width, height):
    y, x = np.mgrid[0:height, 0:width]
    inside = ((2 * x + 1 - width) * 3 * height) ** 2 + ((2 * y + 1 - height) * 4 * width) ** 2 < (2 * width * height) ** 2
    return np.where(inside, 255, 0).astype(np.uint8)


# What a pixel counts towards being the main colour, where that is not 1: `palette.rs` says why.
WEIGHTS = {"grey": 0.7, "navy": 0.7, "brown": 0.85, "blue": 1.5}


def colours(image, mask):
    """The product's pixels, their names and their histogram, with numpy and scipy."""
    if max(image.size) > 256:
        size = [max(1, round(side * 256 / max(image.size))) for side in image.size]
        image = image.resize(size, Image.Resampling.BOX)
    mask = Image.fromarray(mask)
    if mask.size != image.size:
        mask = mask.resize(image.size, Image.Resampling.BILINEAR)
    mask = np.asarray(mask)
    inner = minimum_filter(mask, 3, mode="nearest") > 127
    rgb = np.asarray(image)[inner]
    lab = rgb2lab(rgb[None])[0]
    words = vocabulary()
    anchors = squash(np.concatenate([anchors for _, anchors in words]))
    owner = np.concatenate([[i] * len(anchors) for i, (_, anchors) in enumerate(words)])
    names = np.concatenate([
        owner[((squash(part)[:, None] - anchors) ** 2).sum(-1).argmin(1)] for part in np.array_split(lab, 64)])
    named = [(word, (names == i).mean(), rgb[names == i]) for i, (word, _) in enumerate(words) if (names == i).any()]
    named.sort(key=lambda entry: -entry[1])
    named = [entry for rank, entry in enumerate(named[:5]) if entry[1] >= 0.05 or rank == 0]
    named.sort(key=lambda entry: -entry[1] * WEIGHTS.get(entry[0], 1))
    bins = np.clip(np.floor((lab - [0, -80, -80]) / 20), 0, [4, 7, 7]).astype(int)
    histogram = np.bincount((bins[:, 0] * 8 + bins[:, 1]) * 8 + bins[:, 2], minlength=320) / len(rgb)
    return {
        "pixels": len(rgb),
        "share": (mask > 127).mean(),
        "names": [[word, share, [float(v) for v in own.mean(0)]] for word, share, own in named],
        "histogram": {int(i): float(np.sqrt(histogram[i])) for i in histogram.nonzero()[0]},
    }


def main():
    FIXTURES.mkdir(exist_ok=True)
    orientations()
    jpegs()
    pngs()
    others()
    numbers = {
        "facts": {
            "pattern-640x480": facts(Image.fromarray(pattern(640, 480))),
            "pattern-333x200": facts(Image.fromarray(pattern(333, 200))),
            "product-900x1200": facts(Image.fromarray(product(900, 1200))),
            "product-240x180": facts(Image.fromarray(product(240, 180))),
        },
        "fits": fits(),
        "lab": labs(),
        "colours": {
            "pattern-240x180": colours(Image.fromarray(pattern(240, 180)), ellipse(240, 180)),
            "pattern-700x900": colours(Image.fromarray(pattern(700, 900)), ellipse(320, 320)),
        },
    }
    (HERE.parent / "expected.json").write_text(json.dumps(numbers, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
