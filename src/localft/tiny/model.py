"""The embedded model: a Llama of about one million random weights, made on this machine, so that nothing is downloaded.

The package carries its configuration, tokenizer and chat template, here beside this file; the weights are drawn from a
fixed seed. Python's own generator draws them, whose sequence is the same on every platform and version, so the model is
the same everywhere, to the byte, and no GPU package is needed to make it. It knows nothing: it serves to try the whole
path, and what it says it has memorised.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import shutil
import struct
import sys
import tempfile
from array import array
from pathlib import Path

from localft.errors import ModelError
from localft.manifest import first_flaw, write_manifest

SHIPPED_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
)
WEIGHTS_FILE = "model.safetensors"
SHIPPED_DIRECTORY = Path(__file__).parent

_SEED = 20
_EMBEDDING_STD = 0.2
"""Ten times what Llama starts from. Embeddings are tied to the head and LoRA leaves both as they are, so the largest
logit that a tuned model can reach is sqrt(hidden_size) times the length of an embedding: 25 here; with Llama's 0.02 it
would be 2.5, too little to be sure of any token."""


def materialize(home: Path) -> Path:
    """Returns the directory of the embedded model under `home`, writing it where it is absent, changed or torn.

    The directory is what `save_pretrained` would have written, under a name that changes with its contents. It appears
    whole or not at all; processes that write it at the same time end with the same directory.
    """
    directory = home / "models" / f"tiny-llama-{_fingerprint()}"
    if _is_whole(directory):
        return directory
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.parent.mkdir(exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
        try:
            staging.chmod(0o755)
            _write(staging)
            _put_in_place(staging, directory)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise ModelError(
            f"{directory}: expected to be able to write the embedded model here, found: {error.strerror or error}; "
            "make the directory writable, or set LOCALFT_HOME to one that is.",
            code="model_not_writable",
            param="model",
        ) from error
    return directory


def _fingerprint() -> str:
    """Twelve hex digits that change with the shipped files and with how the weights are drawn."""
    digest = hashlib.sha256(f"uniform seed={_SEED} embedding_std={_EMBEDDING_STD}".encode())
    for name in SHIPPED_FILES:
        digest.update(_shipped(name))
    return digest.hexdigest()[:12]


def _shipped(name: str) -> bytes:
    return (SHIPPED_DIRECTORY / name).read_bytes()


def _write(directory: Path) -> None:
    contents = {name: _shipped(name) for name in SHIPPED_FILES}
    contents[WEIGHTS_FILE] = _safetensors(_random_weights(json.loads(contents["config.json"])))
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    write_manifest(directory)


def _is_whole(directory: Path) -> bool:
    return first_flaw(directory, (*SHIPPED_FILES, WEIGHTS_FILE)) is None


def _put_in_place(staging: Path, directory: Path) -> None:
    """Renames `staging` to `directory`; a broken one makes way, a whole one that another process put there stays."""
    while True:
        try:
            os.rename(staging, directory)
            return
        except OSError:
            if _is_whole(directory):
                return
            if not directory.exists():
                raise
        broken = Path(tempfile.mkdtemp(prefix=".broken-", dir=directory.parent))
        try:
            os.rename(directory, broken / directory.name)
        except FileNotFoundError:
            pass  # another process moved it first
        finally:
            shutil.rmtree(broken, ignore_errors=True)


def _random_weights(config: dict[str, int]) -> dict[str, tuple[tuple[int, ...], array[float]]]:
    """Shape and values of each tensor: norms are one, projections keep the scale of what passes through them."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    projections = {
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    generator = random.Random(_SEED)

    def uniform(rows: int, columns: int, std: float) -> tuple[tuple[int, ...], array[float]]:
        bound = std * math.sqrt(3)
        return (rows, columns), array("f", (bound * (2 * generator.random() - 1) for _ in range(rows * columns)))

    ones = (hidden,), array("f", [1.0] * hidden)
    tensors = {"model.embed_tokens.weight": uniform(config["vocab_size"], hidden, _EMBEDDING_STD)}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}"
        tensors[f"{prefix}.input_layernorm.weight"] = ones
        tensors[f"{prefix}.post_attention_layernorm.weight"] = ones
        for name, (rows, columns) in projections.items():
            tensors[f"{prefix}.{name}.weight"] = uniform(rows, columns, 1 / math.sqrt(columns))
    tensors["model.norm.weight"] = ones
    return tensors


def _safetensors(tensors: dict[str, tuple[tuple[int, ...], array[float]]]) -> bytes:
    """The safetensors file of float32 tensors: length of the header (8 bytes), JSON header, values; little-endian."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    body = bytearray()
    for name, (shape, values) in tensors.items():
        start = len(body)
        if sys.byteorder == "big":
            values = values[:]
            values.byteswap()
        body += values.tobytes()
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, len(body)]}
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + bytes(body)
