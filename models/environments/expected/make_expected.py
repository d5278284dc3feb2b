#!/usr/bin/env python3
"""Writes expected.json: irradiance of every environment on a floor and on a wall, read by OpenEXR itself.

usage: make_expected.py FOLDER        the package's hdri/ folder, with NAME.exr.js in it
Needs the PyPI packages OpenEXR 3.5.3 and numpy.

Directions as in src/studio/backdrop/environment.rs: azimuth 0 is +z (the camera), 90 is +x, the first row
is the zenith. Negative values, which the lossy compression makes round bright spots, are no light.
"""

import base64
import json
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import OpenEXR


def irradiance(radiance, normal):
    rows, columns, _ = radiance.shape
    azimuth = np.radians((np.arange(columns) + 0.5) / columns * 360)
    elevation = np.radians(90 - (np.arange(rows) + 0.5) / rows * 180)
    directions = np.stack(np.broadcast_arrays(
        np.sin(azimuth)[None] * np.cos(elevation)[:, None],
        np.sin(elevation)[:, None],
        np.cos(azimuth)[None] * np.cos(elevation)[:, None]), axis=-1)
    edges = np.cos(np.pi * np.arange(rows + 1) / rows)
    solid_angle = (2 * np.pi / columns * (edges[:-1] - edges[1:]))[:, None, None]
    cosine = np.maximum(directions @ np.array(normal), 0)[..., None]
    return (radiance * cosine * solid_angle).sum((0, 1))


def main(folder):
    expected = {}
    for path in sorted(Path(folder).glob("*.exr.js")):
        data = base64.b64decode(re.search(rb";base64,([A-Za-z0-9+/=]+)", path.read_bytes())[1])
        with tempfile.NamedTemporaryFile(suffix=".exr") as exr:
            exr.write(data)
            exr.flush()
            with OpenEXR.File(exr.name) as read:
                radiance = read.channels()["RGB"].pixels.astype(np.float64)
        radiance = np.clip(radiance, 0, 50_000)
        expected[path.name.split(".")[0]] = {
            "floor": [round(float(v), 5) for v in irradiance(radiance, [0, 1, 0])],
            "wall": [round(float(v), 5) for v in irradiance(radiance, [0, 0, 1])],
        }
    Path(__file__).with_name("expected.json").write_text(json.dumps(expected, indent=1) + "\n")


main(*sys.argv[1:])
