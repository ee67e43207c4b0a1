"""What is trained: adapters on all linear layers, float32 always, drawn by the seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from localft.errors import ModelError
from localft.modeling.adapters import make_trainable, trainable_parameters
from localft.modeling.load import load_base_model
from tiny_jobs import LORA, tiny_plan

LINEAR = {
    "tiny_llama": {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
    "tiny_phi3": {"qkv_proj", "o_proj", "gate_up_proj", "down_proj"},
}


def trainable(directory: Path, **options: Any) -> Any:
    plan = tiny_plan(directory, examples=10, **options)
    return make_trainable(load_base_model(plan, directory), plan)


def adapters(model: Any) -> dict[str, torch.Tensor]:
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("fixture", ["tiny_llama", "tiny_phi3"])
@pytest.mark.parametrize("options", [{}, {"quantization": "nf4"}, {"precision": "bfloat16"}], ids=str)
def test_every_linear_layer_but_the_head_gets_a_float32_adapter(
    request: pytest.FixtureRequest, fixture: str, options: dict[str, Any]
) -> None:
    found = adapters(trainable(request.getfixturevalue(fixture), **options))
    assert {name.split(".lora_")[0].rsplit(".", 1)[1] for name in found} == LINEAR[fixture]
    assert {tensor.dtype for tensor in found.values()} == {torch.float32}


def test_trainable_parameters_are_counted(tiny_llama: Path) -> None:
    sizes = {"q": (64, 64), "k": (64, 32), "v": (64, 32), "o": (64, 64), "gate": (64, 128), "up": (64, 128)}
    by_layer = sum(8 * (a + b) for a, b in [*sizes.values(), (128, 64)])
    assert trainable_parameters(trainable(tiny_llama)) == 2 * by_layer
    full = trainable(tiny_llama, lora=None)
    assert trainable_parameters(full) == sum(p.numel() for p in full.parameters())


def test_the_seed_decides_the_adapter(tiny_llama: Path) -> None:
    first, again, other = (adapters(trainable(tiny_llama, seed=seed)) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_saved_adapter_is_continued_as_it_was(tiny_llama: Path, tmp_path: Path) -> None:
    model = trainable(tiny_llama)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    model.save_pretrained(str(tmp_path))
    continued = trainable(tiny_llama, adapter_path=tmp_path, precision="bfloat16")
    assert isinstance(continued, PeftModel)
    saved, found = adapters(model), adapters(continued)
    assert saved.keys() == found.keys()
    assert all(torch.equal(saved[name], found[name]) for name in saved)


def test_an_adapter_of_another_rank_is_refused_with_the_line_to_write(tiny_llama: Path, tmp_path: Path) -> None:
    trainable(tiny_llama).save_pretrained(str(tmp_path))
    with pytest.raises(ModelError, match=r"lora: \{rank: 8, alpha: 16\}"):
        trainable(tiny_llama, adapter_path=tmp_path, lora=LORA.model_copy(update={"rank": 4}))


def test_an_adapter_of_another_model_is_refused(tiny_llama: Path, tiny_phi3: Path, tmp_path: Path) -> None:
    trainable(tiny_llama).save_pretrained(str(tmp_path))
    with pytest.raises(ModelError, match="does not fit the base model"):
        trainable(tiny_phi3, adapter_path=tmp_path)


def test_a_directory_without_an_adapter_is_refused(tiny_llama: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"found no readable adapter_config\.json"):
        trainable(tiny_llama, adapter_path=tmp_path)
