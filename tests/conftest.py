"""Fixtures for all tests. Nothing heavy is imported until a test asks for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("searching", max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
"""The same examples in each run; `HYPOTHESIS_PROFILE=searching` looks for new ones."""

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or writes the user's own LOCALFT_HOME."""
    os.environ["LOCALFT_HOME"] = str(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a tiny real Llama with the Llama 3.1 template (see tiny_models.py)."""
    from tiny_models import write_tiny_llama

    return write_tiny_llama(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture(scope="session")
def tiny_llama_bf16(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny Llama with its weights stored in bfloat16, as those of published models are."""
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    directory = tmp_path_factory.mktemp("models") / "tiny-llama-bf16"
    shutil.copytree(tiny_llama, directory)
    halved = {name: weight.to(torch.bfloat16) for name, weight in load_file(directory / "model.safetensors").items()}
    save_file(halved, directory / "model.safetensors", metadata={"format": "pt"})
    return directory


@pytest.fixture(scope="session")
def untied_llama(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny Llama with an output matrix of its own, as those of 8B and more have it."""
    import json
    import shutil

    from safetensors.torch import load_file, save_file

    directory = tmp_path_factory.mktemp("models") / "untied-llama"
    shutil.copytree(tiny_llama, directory)
    weights = load_file(directory / "model.safetensors")
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].flip(0).contiguous()
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
    return directory


@pytest.fixture(scope="session")
def tiny_phi3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a tiny real Phi-3 with the Phi-3 template (see tiny_models.py)."""
    from tiny_models import write_tiny_phi3

    return write_tiny_phi3(tmp_path_factory.mktemp("models") / "tiny-phi3")
