"""Writes expected.json: sentence vectors by Hugging Face's PyTorch BERT and its tokenizer.

    pip install torch==2.15.0 transformers safetensors
    python models/all-minilm-l6-v2/expected/make_expected.py FOLDER

FOLDER holds the model as the hub has it (config.json, vocab.txt, model.safetensors, …). A vector is
the mean over the tokens (mask respected), scaled to unit length; at most 256 tokens, as
sentence_bert_config.json says. Every text runs alone, without padding.
"""

import sys
from pathlib import Path

import torch
import transformers

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "pictures"))

from pictures import numbers, write  # noqa: E402

TEXTS = [
    "sneakers",
    "a red leather handbag with a gold chain",
    "Cup of coffee on a saucer.",
    "",
    "   \t\n ",
    "GRÖSSE 42 — été café naïve",
    "靴 운동화 кроссовки",
    "👟🏃‍♀️ running!!! shoe's #1",
    "null\u0000byte and bell\u0007",
    "blue cotton t-shirt with long sleeves and a round neck, size M; " * 40,
    "a" * 500,
]


def main():
    torch.set_num_threads(1)
    tokenizer = transformers.BertTokenizer.from_pretrained(sys.argv[1])
    model = transformers.BertModel.from_pretrained(sys.argv[1], attn_implementation="eager").eval()
    cases = []
    for text in TEXTS:
        tokens = tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
        with torch.no_grad():
            states = model(**tokens).last_hidden_state[0]
        vector = torch.nn.functional.normalize(states.mean(0), dim=0)
        cases.append({
            "text": text,
            "vector": numbers(vector),
        })
    write(HERE / "expected.json", {"reference": f"transformers {transformers.__version__}, torch "
                                   + torch.__version__.split("+")[0], "cases": cases})


main()
