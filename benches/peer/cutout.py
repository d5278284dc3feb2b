"""rembg as a whole command: photos → PNG cut-outs.

usage: cutout.py MODEL.onnx THREADS OUT PHOTO... [--matting]

The weights are showroom's own file, so that both sides run the same network.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

model, threads, out, *photos = [a for a in sys.argv[1:] if a != "--matting"]
home = tempfile.mkdtemp(prefix="u2net-")
os.environ.update(U2NET_HOME=home, OMP_NUM_THREADS=threads, MODEL_CHECKSUM_DISABLED="1")
os.symlink(Path(model).resolve(), Path(home) / Path(model).name)

from PIL import Image, ImageOps  # noqa: E402
from rembg import new_session, remove  # noqa: E402

session = new_session(Path(model).stem, providers=["CPUExecutionProvider"])
for photo in photos:
    picture = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    cut = remove(picture, session=session, alpha_matting="--matting" in sys.argv)
    cut.save(Path(out) / (Path(photo).stem + ".png"))
shutil.rmtree(home)
