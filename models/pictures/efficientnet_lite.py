"""Expected numbers of an EfficientNet-Lite, by the PyTorch implementation whose weights we use.

    pip install torch==2.15.0 efficientnet_lite_pytorch==0.1.0 numpy
    python models/efficientnet-lite2/expected/make_expected.py WEIGHTS.pth

The embedding is what the reference pools after its last convolution; the logits are its output.
"""

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet

from pictures import NAMES, numbers, picture, write


def make(name, size, weights, out):
    torch.set_num_threads(1)
    model = EfficientNet.from_name(name)
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.eval()
    cases = []
    for case in NAMES:
        pixels = (picture(case, size).astype(np.float32) - 127) / 128
        with torch.no_grad():
            batch = torch.tensor(pixels.transpose(2, 0, 1)[None])
            features = model._avg_pooling(model.extract_features(batch)).flatten(1)
            logits = model(batch)
            assert torch.allclose(model._fc(features), logits)
        cases.append({
            "picture": case,
            "embedding": numbers(features[0]),
            "logits": numbers(logits[0]),
        })
    write(out, {"reference": "efficientnet_lite_pytorch 0.1.0, torch " + torch.__version__.split("+")[0],
                "size": size, "cases": cases})
