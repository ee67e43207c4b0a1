"""What is trained: adapters on all linear layers, float32 always, drawn by the seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from torch.utils._python_dispatch import TorchDispatchMode

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


class Casts(TorchDispatchMode):
    """Counts numbers that are cast to another precision, by the new one."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: Counter[torch.dtype] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten._to_copy.default and result.dtype is not args[0].dtype:
            self.numbers[result.dtype] += result.numel()
        return result


def trained_pass(model: Any, *, peft_casts: bool) -> tuple[torch.Tensor, dict[str, torch.Tensor], Counter[torch.dtype]]:
    """Logits, gradients and casts of one forward and backward in bfloat16, with peft's casts of inputs or without."""
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.cast_input_dtype_enabled = peft_casts
    model.zero_grad(set_to_none=True)
    ids = torch.arange(40).remainder(37)[None]
    with Casts() as casts:
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(input_ids=ids, use_cache=False).logits
        logits.float().square().mean().backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}
    return logits.detach(), gradients, casts.numbers


@pytest.mark.parametrize("fixture", ["tiny_llama", "tiny_phi3"])
@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_adapters_take_bfloat16_as_it_is_and_give_the_same_bits(
    request: pytest.FixtureRequest, fixture: str, quantization: str
) -> None:
    model = trainable(request.getfixturevalue(fixture), precision="bfloat16", quantization=quantization)
    assert not any(m.cast_input_dtype_enabled for m in model.modules() if isinstance(m, LoraLayer))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:  # zero as drawn, which would hide what lora_A is given
                parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) / 8)
    logits, gradients, casts = trained_pass(model, peft_casts=True)
    lean_logits, lean_gradients, lean_casts = trained_pass(model, peft_casts=False)
    assert torch.equal(logits, lean_logits)
    assert all(torch.equal(gradients[name], lean_gradients[name]) for name in gradients)
    inputs = 40 * sum(m.in_features for m in model.modules() if isinstance(m, LoraLayer))
    for dtype in (torch.float32, torch.bfloat16):  # there and back; the same for gradients, but not in the first layer
        assert inputs < casts[dtype] - lean_casts[dtype] <= 2 * inputs


@pytest.mark.parametrize("options", [{}, {"precision": "bfloat16", "lora": LORA.model_copy(update={"dropout": 0.1})}])
def test_inputs_are_cast_where_no_autocast_follows_or_dropout_would_round(
    tiny_llama: Path, options: dict[str, Any]
) -> None:
    model = trainable(tiny_llama, **options)
    assert all(m.cast_input_dtype_enabled for m in model.modules() if isinstance(m, LoraLayer))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("quantization", ["none", "nf4"])
@pytest.mark.parametrize("fixture", ["tiny_llama", "tiny_phi3"])
def test_adapters_add_in_one_pass_what_peft_adds(
    request: pytest.FixtureRequest, fixture: str, quantization: str, precision: str
) -> None:
    """Against peft's own forward of the same layers, with an adapter that is not zero; gradients too."""
    plan = tiny_plan(request.getfixturevalue(fixture), examples=1, quantization=quantization, precision=precision)
    model = make_trainable(load_base_model(plan, Path(plan.model.path or "")), plan)
    adapted = [module for module in model.modules() if isinstance(module, LoraLayer)]
    torch.manual_seed(3)
    for module in adapted:
        torch.nn.init.normal_(module.lora_B["default"].weight, std=0.1)
    ids = torch.arange(20)[None]

    def gradients() -> list[torch.Tensor]:
        weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            loss = model(input_ids=ids, labels=ids).loss
        return [loss.detach(), *torch.autograd.grad(loss, weights)]

    assert all(module.lora_variant for module in adapted)
    found = gradients()
    for module in adapted:
        module.lora_variant.clear()
    tolerance = 1e-5 if precision == "float32" else 5e-2
    for ours, theirs in zip(found, gradients(), strict=True):
        assert (ours - theirs).norm() <= tolerance * theirs.norm()
