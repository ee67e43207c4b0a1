"""Finds a base model's files and loads them, quantised or not.

Only safetensors are read and no code from a model's directory is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedConfig, PreTrainedModel

from localft.errors import ModelError
from localft.modeling.nf4 import keep_nf4_exact
from localft.plan import PlannedModel, TrainingPlan

HUB_FILES = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "tokenizer.model", "LICENSE*"]
"""What is fetched from the hub: weights in safetensors, configuration, tokenizer, chat template, licence."""


DECISIVE_FILES = [
    "*.safetensors", "config.json", "adapter_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model",
    "chat_template*",
]  # fmt: skip
SAMPLED_BLOCKS, SAMPLED_BYTES = 64, 2**18


def local_directory(model: PlannedModel) -> Path:
    """Returns the directory with the base model's files; fetches them from the hub where they are not here yet."""
    if model.path is not None:
        directory = Path(model.path)
        if not (directory / "config.json").is_file():
            raise ModelError(f"{directory}: expected a saved model, found no config.json in it.", param="model")
        return directory
    assert model.hub_id is not None, "a planned model is a directory or has a hub id"
    name = model.hub_id
    try:
        return Path(snapshot_download(name, allow_patterns=HUB_FILES))
    except GatedRepoError as error:
        raise ModelError(
            f"{name}: the model is gated and this machine may not read it. Accept its licence at "
            f"https://huggingface.co/{name} and log in with `hf auth login`.",
            code="model_gated",
            param="model",
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"{name}: the hub has no such model, or it is private. Check the name, or log in with `hf auth login`.",
            code="model_not_found",
            param="model",
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        raise ModelError(
            f"{name}: the model is not on this machine and cannot be fetched ({_first_line(error)}). Connect to the "
            "internet, or give the directory of a saved model.",
            code="model_unreachable",
            param="model",
        ) from error


def load_base_model(plan: TrainingPlan, directory: Path, *, local_rank: int | None = 0) -> PreTrainedModel:
    """Loads the base model of the plan onto this rank's device; into main memory where `local_rank` is None.

    With adapters the base is held in the plan's precision, or in NF4 with double quantisation. In full fine-tuning the
    weights are the optimizer's own, so they are float32 whatever the precision of compute: updates are far smaller than
    what bfloat16 can add.

    In main memory a model is to be sharded, so it is left as it is on disk where that can be: not packed, nor in float32,
    which `sharding.shard` does block by block. Weights that need no conversion are those of the file itself, mapped into
    memory, of which all processes of a machine share one copy and which the system may drop.
    """
    if plan.lora is None and plan.quantization != "none":
        raise ModelError(
            f"quantization is {plan.quantization} and lora is none: quantised weights cannot be trained. Set "
            "`quantization: none`, or give `lora`.",
            param="quantization",
        )
    to_be_sharded = local_rank is None
    on_gpu = plan.execution.device == "cuda"
    if on_gpu and not torch.cuda.is_available():
        raise ModelError(
            "The plan says device cuda, but PyTorch finds no GPU here. Install a CUDA build of torch and check "
            "`nvidia-smi`, or plan again on this machine.",
            code="no_gpu",
        )
    compute = getattr(torch, plan.execution.precision)
    quantization = None
    if plan.quantization == "nf4" and not to_be_sharded:
        quantization = _nf4(compute)
    try:
        config = AutoConfig.from_pretrained(directory, trust_remote_code=False)
        load = partial(
            AutoModelForCausalLM.from_pretrained,
            directory,
            config=config,
            quantization_config=quantization,
            device_map={"": local_rank} if on_gpu and not to_be_sharded else None,
            attn_implementation="sdpa",
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
        )
        if plan.lora is not None:
            model = load(dtype=compute)
        elif to_be_sharded:
            model = load(dtype=_stored_precision(directory))
            if not all(buffer.dtype == torch.float32 for buffer in model.buffers() if buffer.is_floating_point()):
                model = load(dtype=torch.float32)  # constants were made in half precision, as in Gemma
        else:
            model = load(dtype=torch.float32)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise ModelError(
                f"{plan.model.id}: the weights do not fit into the GPU's memory. Choose `quantization: nf4` or a "
                "smaller model.",
                code="out_of_memory",
                param="model",
            ) from error
        raise ModelError(
            f"{plan.model.id}: the model in {directory} cannot be loaded: {_first_line(error)} Expected a causal "
            "language model of a known architecture with its weights in safetensors.",
            param="model",
        ) from error
    keep_nf4_exact(model)
    return model


def load_to_write(directory: Path, *, device: str, nf4: bool) -> PreTrainedModel:
    """Loads a saved model to write text with: float32 on the CPU, bfloat16 on a GPU, or in NF4 as a job trained on it."""
    compute = torch.float32 if device == "cpu" else torch.bfloat16
    try:
        model = AutoModelForCausalLM.from_pretrained(
            directory,
            dtype=compute,
            quantization_config=_nf4(compute) if nf4 else None,
            device_map=None if device == "cpu" else {"": device},
            attn_implementation="sdpa",
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise ModelError(
            f"the model in {directory} cannot be loaded: {_first_line(error)} Expected a causal language model of a known "
            "architecture with its weights in safetensors.",
            param="model",
        ) from error
    keep_nf4_exact(model)
    return model


def _nf4(compute: torch.dtype) -> BitsAndBytesConfig:
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )


def _stored_precision(directory: Path) -> torch.dtype:
    """Precision of the weights on disk where it is bfloat16 for all of them; else float32, which loses nothing."""
    stored: set[str] = set()
    for path in directory.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            stored.update(tensor.get_dtype() for tensor in map(file.get_slice, file.keys()))
    return torch.bfloat16 if stored == {"BF16"} else torch.float32


def file_digests(directory: Path) -> dict[str, str]:
    """A digest of each file that makes a model what it is, by name: configuration, tokenizer, template, weights.

    Of large files the size, both ends and blocks spread between them are read, so that a start takes no minute for it. An
    exchanged file differs there; bits that rotted on the disk may not.
    """
    names = {path for pattern in DECISIVE_FILES for path in directory.glob(pattern)}
    return {path.name: _digest(path) for path in sorted(names)}


def _digest(path: Path) -> str:
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    blocks = min(SAMPLED_BLOCKS, -(-size // SAMPLED_BYTES))
    with path.open("rb") as file:
        for block in range(blocks):
            file.seek(max(0, size - SAMPLED_BYTES) * block // max(1, blocks - 1))
            digest.update(file.read(SAMPLED_BYTES))
    return digest.hexdigest()


def rotary_switch(config: PreTrainedConfig) -> int | None:
    """Length above which a row has other rotary frequencies than below; None where there is one set of them.

    LongRoPE (arXiv 2402.13753; Phi-3.5-mini, Phi-4-mini, the 128k models of Phi-3) has two. transformers chooses by the longest
    row of a batch, so a short row beside a long one would be computed by frequencies that it never has alone.
    """
    parameters = getattr(config.get_text_config(), "rope_parameters", None) or {}
    if parameters.get("rope_type") != "longrope":
        return None
    return int(parameters["original_max_position_embeddings"])


def read_weights(model: PreTrainedModel, directory: Path, fill: Callable[[Any, torch.Tensor], object]) -> None:
    """Puts saved full weights into the ones in place, which keep their precision and slices. ValueError where they differ.

    `fill` puts a whole tensor into one of the model's.
    """
    in_place = model.state_dict(keep_vars=True)
    missing = in_place.keys() - set(model.all_tied_weights_keys or {})
    with torch.no_grad():
        for file in sorted(directory.glob("model*.safetensors")):
            for name, weight in load_file(file).items():
                if name not in in_place:
                    raise ValueError(f"they differ in {name}")
                fill(in_place[name], weight)
                missing -= {name}
    if missing:
        raise ValueError(f"they differ in {min(missing)}")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip() if lines else type(error).__name__
