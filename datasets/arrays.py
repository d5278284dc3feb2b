"""Pictures that a package keeps as numbers or as rows of one large picture, made into PNG files.

Needs Python's standard library and nothing else.
"""

import json
import struct
import zlib


def png(width, height, channels, pixels):
    """A PNG file of 8-bit pixels, 1 (grey) or 3 (RGB) channels, row by row."""
    stride = width * channels
    rows = b"".join(b"\0" + pixels[y * stride:(y + 1) * stride] for y in range(height))

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9))
            + chunk(b"IEND", b""))


def png_rows(data, count):
    """The first `count` rows of an 8-bit RGB picture that is not interlaced, as bytes."""
    at, compressed, width = 8, b"", 0
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, _, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            if (depth, colour, interlaced) != (8, 2, 0):
                raise ValueError("not an 8-bit RGB picture in plain order")
        elif kind == b"IDAT":
            compressed += body
        at += 12 + length
    stride = 3 * width
    raw = zlib.decompressobj().decompress(compressed, count * (stride + 1))
    before, rows = bytearray(stride), []
    for y in range(count):
        start = y * (stride + 1)
        before = unfilter(raw[start], bytearray(raw[start + 1:start + 1 + stride]), before)
        rows.append(bytes(before))
    return rows


def unfilter(kind, row, above):
    """Undoes a PNG filter (RFC 2083, 6), three bytes a pixel."""
    for i in range(len(row)):
        left = row[i - 3] if i >= 3 else 0
        corner = above[i - 3] if i >= 3 else 0
        up = above[i]
        match kind:
            case 0:
                continue
            case 1:
                guess = left
            case 2:
                guess = up
            case 3:
                guess = (left + up) // 2
            case 4:
                toward = left + up - corner
                guess = min((left, up, corner), key=lambda value: abs(toward - value))
            case other:
                raise ValueError(f"no PNG filter {other}")
        row[i] = (row[i] + guess) & 255
    return row


def json_by_class(package, files):
    """One JSON file a class: `data`, a list of pictures of size² levels; zero is the background."""
    size = package["size"]
    for at, name in enumerate(package["classes"]):
        pictures = json.loads(files[package["data"].replace("*", str(at))])["data"]
        pictures = [picture for picture in pictures if len(picture) == size * size]
        for number, picture in enumerate(pictures[:package["count"]]):
            # Turned about, so that the product stands on white as in the shop's photo.
            levels = bytes(255 - level for level in picture)
            yield name, number, png(size, size, 1, levels)


def rows_of_png(package, files):
    """A picture whose every row is a picture, and a JSON list with the class of each."""
    size = package["size"]
    labels = json.loads(files[package["labels"]])[:package["count"]]
    for number, (label, row) in enumerate(zip(labels, png_rows(files[package["data"]], len(labels)))):
        yield package["classes"][label], number, png(size, size, 3, row)


UNPACK = {"json-by-class": json_by_class, "rows-of-png": rows_of_png}
