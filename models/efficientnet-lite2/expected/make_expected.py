"""Writes expected.json; see models/pictures/efficientnet_lite.py."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "pictures"))

from efficientnet_lite import make  # noqa: E402

make("efficientnet-lite2", 260, sys.argv[1], HERE / "expected.json")
