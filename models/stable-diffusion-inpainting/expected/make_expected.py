"""Writes sd1-tiny/ and sd2-tiny/: what a folder of a Stable Diffusion inpainting model has in the layout of
diffusers, but for the weights, and what diffusers says of it (expected.json).

    pip install torch==2.15.0 diffusers==0.35.2 transformers==4.57.1 numpy
    python models/stable-diffusion-inpainting/expected/make_expected.py [FOLDER]

Weights follow from a tensor's name and shape (`numbers`), so that they need not be kept: tensors.json has the
names and shapes. With FOLDER the whole checkpoints, weights too, are written below it. sd1-tiny has the
options of 1.5 (convolutions round the attention, one number of heads, DDIM), sd2-tiny those of 2 (dense
layers, a number of heads each level, GELU, PNDM), at sizes that differ from one another.
"""

import json
import sys
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import (AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler,
                       StableDiffusionInpaintPipeline, UNet2DConditionModel)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

HERE = Path(__file__).parent
CLIP = HERE.parents[2] / "src/vision/fixtures/clip-tiny/tokenizer.json"
WIDTH, HEIGHT, STEPS, GUIDANCE = 24, 32, 6, 5.0
PROMPT, NEGATIVE = "on a mossy rock, soft LIGHT", "blurry"
TEXTS = [PROMPT, NEGATIVE, "", "GRÖSSE 42 — été café naïve", "wooden table " * 60]
# Only every so many numbers are kept: a wrong layer shows in all.
KEPT = 5


def uniform(name, count):
    """Numbers from -1 to 1 that follow from a name: FNV-1a of it, then splitmix64."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        x = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, count + 1, dtype=np.uint64)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(40)).astype(np.float64) / 2**23 - 1


def numbers(name, shape):
    """A tensor of weights. Of a layer they shrink with what goes into it, those of a norm are about 1."""
    x = uniform(name, int(np.prod(shape)))
    if len(shape) == 1:
        x = 1 + 0.3 * x if name.endswith("weight") else 0.2 * x
    elif "embedding.weight" not in name:
        x *= 1.5 / np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(x.astype(np.float32).reshape(shape))


def fill(model, part):
    state = model.state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point():
            state[name] = numbers(f"{part}/{name}", tuple(tensor.shape))
    model.load_state_dict(state)
    return model.eval()


def tokenizer(folder, pad):
    model = json.loads(CLIP.read_text())["model"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False))
    merges = "\n".join(" ".join(merge) for merge in model["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
               "pad_token": pad}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=1) + "\n")
    # As in the files of 2, of which the one above wins.
    config = special | {"pad_token": "<|endoftext|>", "model_max_length": 77, "do_lower_case": True, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    return CLIPTokenizer.from_pretrained(folder), model["vocab"]


def parts(folder, kind):
    one = kind == "sd1-tiny"
    words, vocabulary = tokenizer(folder / "tokenizer", "<|endoftext|>" if one else "!")
    text = CLIPTextModel(CLIPTextConfig(
        vocab_size=len(vocabulary), hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
        max_position_embeddings=77, hidden_act="quick_gelu" if one else "gelu", projection_dim=16,
        bos_token_id=vocabulary["<|startoftext|>"], eos_token_id=vocabulary["<|endoftext|>"]))
    unet = UNet2DConditionModel(
        sample_size=16, in_channels=9, out_channels=4, layers_per_block=1 if one else 2, norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=(16, 24, 40), cross_attention_dim=24, use_linear_projection=not one,
        attention_head_dim=4 if one else (2, 4, 5))
    vae = AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, norm_num_groups=4, layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 16), scaling_factor=0.18215, sample_size=32)
    noise = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
    scheduler = (DDIMScheduler(clip_sample=False, set_alpha_to_one=False, **noise) if one
                 else PNDMScheduler(skip_prk_steps=True, set_alpha_to_one=False, **noise))
    return words, fill(text, "text_encoder"), fill(unet, "unet"), fill(vae, "vae"), scheduler, noise


def kept(tensor, every=KEPT):
    return [float(f"{x:.6g}") for x in tensor.detach().flatten().double().tolist()[::every]]


def schedulers(noise, kind):
    """Those that are run, and how; the checkpoint's own first."""
    v = {} if kind == "sd1-tiny" else {"prediction_type": "v_prediction"}
    return {
        "own": None,
        "ddim trailing": DDIMScheduler(clip_sample=False, set_alpha_to_one=True, timestep_spacing="trailing", **v, **noise),
        "pndm linspace": PNDMScheduler(skip_prk_steps=True, timestep_spacing="linspace", **v, **noise),
        "euler linspace": EulerDiscreteScheduler(timestep_spacing="linspace", **v, **noise),
        "euler leading": EulerDiscreteScheduler(timestep_spacing="leading", **v, **noise),
        "euler trailing": EulerDiscreteScheduler(timestep_spacing="trailing", **v, **(noise | {"beta_schedule": "linear"})),
    }


def expected(kind, words, text, unet, vae, scheduler, noise):
    ids = words(TEXTS, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
    embedding = text(ids)[0]
    latents = torch.from_numpy(uniform("latents", 4 * 16 * 12).astype(np.float32) * 3**0.5).reshape(1, 4, 16, 12)
    nine = torch.from_numpy(uniform("nine", 9 * 16 * 12).astype(np.float32)).reshape(1, 9, 16, 12)
    pixels = torch.from_numpy(uniform("pixels", 3 * HEIGHT * WIDTH).astype(np.float32)).reshape(1, 3, HEIGHT, WIDTH)
    # The picture: bytes that follow from the place, the product an ellipse in the middle.
    bytes_ = ((uniform("picture", HEIGHT * WIDTH * 3) + 1) * 127).astype(np.uint8).reshape(HEIGHT, WIDTH, 3)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    product = ((x - 11.5) / 8) ** 2 + ((y - 15.5) / 10) ** 2 < 1
    image = torch.from_numpy(bytes_.astype(np.float32) / 255).permute(2, 0, 1)[None]
    mask = torch.from_numpy(1 - product.astype(np.float32))[None, None]
    found = {
        "torch": torch.__version__, "diffusers": diffusers.__version__, "kept": KEPT,
        "width": WIDTH, "height": HEIGHT, "steps": STEPS, "guidance": GUIDANCE, "prompt": PROMPT, "negative": NEGATIVE,
        "texts": [{"text": t, "ids": i.tolist(), "embedding": kept(e, 7)} for t, i, e in zip(TEXTS, ids, embedding)],
        "unet": {"timestep": 601, "out": kept(unet(nine, 601, embedding[:1]).sample)},
        "encoded": kept(vae.encode(pixels).latent_dist.mode()), "decoded": kept(vae.decode(latents).sample),
        "loops": [],
    }
    # The picture is encoded to the middle of what the encoder says, so that no noise but `latents` counts.
    DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode()
    for name, other in schedulers(noise, kind).items():
        pipeline = StableDiffusionInpaintPipeline(vae, text, words, unet, other or scheduler, None, None,
                                                  requires_safety_checker=False)
        pipeline.set_progress_bar_config(disable=True)
        run = dict(prompt=PROMPT, negative_prompt=NEGATIVE, image=image, mask_image=mask, width=WIDTH, height=HEIGHT,
                   strength=1.0, num_inference_steps=STEPS, guidance_scale=GUIDANCE, latents=latents.clone())
        out = pipeline(**run, output_type="latent").images
        case = {"name": name, "scheduler": json.loads((other or scheduler).to_json_string()), "latents": kept(out)}
        if not other:
            shown = pipeline(**run, output_type="np").images[0]
            case["pixels"] = (shown * 255).round().astype(int).flatten()[::KEPT].tolist()
        found["loops"].append(case)
    return found


@torch.no_grad()
def main():
    for kind in ["sd1-tiny", "sd2-tiny"]:
        folder = HERE / kind
        words, text, unet, vae, scheduler, noise = parts(folder, kind)
        shapes = {}
        for part, model in [("text_encoder", text), ("unet", unet), ("vae", vae)]:
            (folder / part).mkdir(exist_ok=True)
            config = model.config if part == "text_encoder" else model
            (folder / part / "config.json").write_text(config.to_json_string().rstrip() + "\n")
            shapes[part] = {name: list(tensor.shape) for name, tensor in model.state_dict().items()
                            if tensor.is_floating_point()}
        scheduler.save_pretrained(folder / "scheduler")
        pipeline = StableDiffusionInpaintPipeline(vae, text, words, unet, scheduler, None, None,
                                                  requires_safety_checker=False)
        (folder / "model_index.json").write_text(pipeline.to_json_string())
        (folder / "tensors.json").write_text(json.dumps(shapes) + "\n")
        (folder / "expected.json").write_text(
            json.dumps(expected(kind, words, text, unet, vae, scheduler, noise), ensure_ascii=False) + "\n")
        if len(sys.argv) > 1:
            pipeline.save_pretrained(Path(sys.argv[1]) / kind)


main()
