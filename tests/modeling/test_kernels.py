"""Liger's kernels, which need CUDA: here a stand-in of the package, patching the way the real one does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from transformers.models.llama import modeling_llama

from localft.modeling.adapters import make_trainable
from localft.modeling.kernels import apply_layer_kernels
from localft.modeling.load import load_base_model
from localft.progress import Notice
from tiny_jobs import tiny_plan

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
PATCHED = ["LlamaMLP", "LlamaRMSNorm", "apply_rotary_pos_emb"]


class Liger:
    """Patches norms to what `forward` makes of them, and renames in the module of the class as Liger does."""

    def __init__(self, forward: Callable[[Any, torch.Tensor], torch.Tensor]) -> None:
        self.forward = forward
        self.calls: list[dict[str, Any]] = []

    def __call__(self, *, model: Any, **options: Any) -> None:
        self.calls.append(options)
        for name in PATCHED:
            setattr(modeling_llama, name, object())
        for module in model.modules():
            if type(module).__name__ == "LlamaRMSNorm":
                module.in_place = True
                module.__dict__["forward"] = self.forward.__get__(module)


def as_it_is(self: Any, states: torch.Tensor) -> torch.Tensor:
    return type(self).forward(self, states)


def twice(self: Any, states: torch.Tensor) -> torch.Tensor:
    return 2 * type(self).forward(self, states)


def failing(self: Any, states: torch.Tensor) -> torch.Tensor:
    raise RuntimeError("no compiler for kernels\nand more")


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Liger], Liger]:
    for name in PATCHED:
        monkeypatch.setattr(modeling_llama, name, getattr(modeling_llama, name))  # puts them back behind the test

    def put(liger: Liger) -> Liger:
        names = ("liger_kernel", "liger_kernel.transformers", "liger_kernel.transformers.monkey_patch")
        for name in names:
            module = ModuleType(name)
            module.__spec__ = ModuleSpec(name, loader=None)
            monkeypatch.setitem(sys.modules, name, module)
        sys.modules[names[1]].monkey_patch = sys.modules[names[2]]  # type: ignore[attr-defined]
        sys.modules[names[2]].MODEL_TYPE_TO_APPLY_LIGER_FN = {"llama": liger}  # type: ignore[attr-defined]
        monkeypatch.setattr("localft.modeling.kernels.version", lambda name: "0.8.5")
        return liger

    return put


def loaded(directory: Path) -> Any:
    return load_base_model(tiny_plan(directory, examples=10), directory)


def norms_with_kernel(model: Any) -> int:
    return sum("forward" in vars(module) and "in_place" in vars(module) for module in model.modules())


def test_kernels_are_applied_on_cuda_without_the_losses(tiny_llama: Path, install: Any) -> None:
    liger, told, model = install(Liger(as_it_is)), [], loaded(tiny_llama)
    assert apply_layer_kernels(model, CUDA, told.append) == "liger-kernel 0.8.5"
    assert liger.calls == [{"cross_entropy": False, "fused_linear_cross_entropy": False}]
    assert norms_with_kernel(model) == 5
    (notice,) = told
    assert "liger-kernel 0.8.5" in notice.message and notice.level == "info"
    plan = tiny_plan(tiny_llama, examples=10)
    assert norms_with_kernel(make_trainable(model, plan)) == 5


def test_nothing_is_called_on_the_cpu_or_without_the_package(
    tiny_llama: Path, install: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    liger, told, model = install(Liger(as_it_is)), [], loaded(tiny_llama)
    assert apply_layer_kernels(model, CPU, told.append) is None
    for name in [name for name in sys.modules if name.startswith("liger_kernel")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert apply_layer_kernels(model, CUDA, told.append) is None
    assert liger.calls == told == []


def test_an_architecture_that_liger_does_not_know_stays_plain(tiny_phi3: Path, install: Any) -> None:
    liger, told = install(Liger(as_it_is)), []
    assert apply_layer_kernels(loaded(tiny_phi3), CUDA, told.append) is None
    assert liger.calls == told == []


def test_models_loaded_later_are_plain_and_rotation_on_the_cpu_is_too(tiny_llama: Path, install: Any) -> None:
    install(Liger(as_it_is))
    classes, rotation = (modeling_llama.LlamaMLP, modeling_llama.LlamaRMSNorm), modeling_llama.apply_rotary_pos_emb
    apply_layer_kernels(loaded(tiny_llama), CUDA, list[Notice]().append)
    assert (modeling_llama.LlamaMLP, modeling_llama.LlamaRMSNorm) == classes
    assert modeling_llama.apply_rotary_pos_emb is not rotation  # Liger's for CUDA; the stand-in could not be called
    q, k, cos, sin = (torch.randn(1, heads, 5, 16) for heads in (4, 2, 1, 1))
    found = modeling_llama.apply_rotary_pos_emb(q, k, cos[:, 0], sin[:, 0])
    assert all(torch.equal(*pair) for pair in zip(found, rotation(q, k, cos[:, 0], sin[:, 0]), strict=True))


@pytest.mark.parametrize(("forward", "reason"), [(twice, "their logits differ"), (failing, "no compiler for kernels")])
def test_kernels_that_fail_or_compute_something_else_are_taken_off_again(
    tiny_llama: Path, install: Any, forward: Any, reason: str
) -> None:
    install(Liger(forward))
    told: list[Any] = []
    model, before = loaded(tiny_llama), dict(vars(modeling_llama))
    ids = torch.arange(9)[None]
    with torch.no_grad():
        logits = model(input_ids=ids).logits
        assert apply_layer_kernels(model, CUDA, told.append) is None
        assert torch.equal(model(input_ids=ids).logits, logits)
    assert norms_with_kernel(model) == 0
    assert dict(vars(modeling_llama)) == before
    (notice,) = told
    assert notice.level == "warn" and reason in notice.message and "and more" not in notice.message
