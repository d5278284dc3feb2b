"""Writes ../expected.json: what pymatting makes of a small drawn picture, with which our own code is compared.

    pip install pymatting==1.1.16 numpy scipy
    python src/studio/tests/oracle/make_expected.py

The picture: a soft striped disc over a shaded background, 48 x 40 pixels, drawn here from a formula. Kept of it:
its bytes, its alpha, the foreground of `estimate_foreground_ml` (default parameters), and the alpha that solves
the closed-form system (`cf_laplacian`, epsilon 1e-6) for a band of unknown pixels with a weak belief.
"""

import json
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg
from pymatting import cf_laplacian, estimate_foreground_ml

WIDTH, HEIGHT = 48, 40
WEIGHT = 0.01


def picture():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    distance = np.hypot(x - 23.3, y - 19.6)
    alpha = np.clip((14.5 - distance) / 4 + 0.5, 0, 1)
    stripes = 0.5 + 0.5 * np.sin(x / 2.5)
    product = np.stack([0.75 + 0.2 * stripes, 0.15 + 0.3 * stripes, 0.1 + 0 * x], -1)
    background = np.stack([0.2 + x / 120, 0.35 + y / 90, 0.8 - x / 150], -1)
    alpha = np.rint(alpha * 255) / 255
    mixed = alpha[..., None] * product + (1 - alpha[..., None]) * background
    return np.rint(mixed * 255).astype(np.uint8), np.rint(alpha * 255).astype(np.uint8)


def closed_form(image, alpha):
    laplacian = cf_laplacian(image, epsilon=1e-6).tocsr()
    unknown = ((alpha > 0) & (alpha < 1)).ravel()
    known = ~unknown
    belief = np.full(unknown.sum(), 0.5)
    inner = laplacian[unknown][:, unknown] + WEIGHT * sparse.identity(unknown.sum())
    right = WEIGHT * belief - laplacian[unknown][:, known] @ alpha.ravel()[known]
    found = alpha.ravel().copy()
    found[unknown] = scipy.sparse.linalg.spsolve(inner.tocsc(), right)
    return np.clip(found, 0, 1)


rgb, alpha = picture()
image = rgb / 255.0
foreground = estimate_foreground_ml(image, alpha / 255.0)
found = closed_form(image, alpha / 255.0)


def lines(values, per_line=48):
    values = [str(v) for v in values]
    return "[" + ",\n".join(",".join(values[i : i + per_line]) for i in range(0, len(values), per_line)) + "]"


def rounded(values):
    return [float(f"{v:.4g}") for v in np.asarray(values).ravel()]


out = Path(__file__).resolve().parents[1] / "expected.json"
out.write_text(
    f'{{"width": {WIDTH}, "height": {HEIGHT}, "weight": {WEIGHT},\n'
    f'"rgb": {lines(rgb.ravel())},\n"alpha": {lines(alpha.ravel())},\n'
    f'"foreground": {lines(rounded(foreground))},\n"closed_form": {lines(rounded(found))}}}\n'
)
