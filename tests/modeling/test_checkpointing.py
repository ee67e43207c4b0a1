"""Gradient checkpointing: the same numbers in every mode, and what each mode computes again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch.nn.attention.varlen import varlen_attn
from torch.utils._python_dispatch import TorchDispatchMode

from localft.modeling import checkpointing
from localft.modeling.adapters import Trainable, make_trainable
from localft.modeling.attention import attend_by_segments
from localft.modeling.checkpointing import ATTENTION, PRODUCTS, set_checkpointing
from localft.modeling.head import add_trained_positions_head
from localft.modeling.load import load_base_model
from localft.plan.request import Checkpointing
from localft.training.collator import pack_rows
from localft.training.loss import score
from tiny_jobs import LORA, random_rows, tiny_plan
from tiny_models import LAYERS

BATCH = pack_rows(random_rows(4, fractional=True))
MODES = get_args(Checkpointing)


class Operators(TorchDispatchMode):
    """Counts attention, and products of a hidden state (64 wide) or the MLP's inside (128) with weights of the base."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in ATTENTION:
            self.counts["attention"] += 1
        elif function in PRODUCTS:
            (rows, inner), outer = args[-2].shape, args[-1].shape[-1]
            if rows == BATCH.positions:
                self.counts[f"{inner} -> {outer}"] += 1
        return function(*args, **(kwargs or {}))


def trainable(base: Path, **options: Any) -> Trainable:
    plan = tiny_plan(base, examples=4, **options)
    model = load_base_model(plan, base)
    assert attend_by_segments(model)
    add_trained_positions_head(model)
    tuned = make_trainable(model, plan)
    generator = torch.Generator().manual_seed(1)
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:  # zero when new, and then the gradients of A are zero too
            parameter.data.normal_(0.0, 0.1, generator=generator)
    tuned.train()
    return tuned


def loss_and_gradients(model: Trainable, mode: Checkpointing) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    set_checkpointing(model, mode)
    model.zero_grad(set_to_none=True)
    torch.manual_seed(3)
    loss = score(model, BATCH).weighted_nll
    loss.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return loss.detach(), gradients


@pytest.mark.parametrize(
    "options",
    [{}, {"quantization": "nf4"}, {"lora": None}, {"lora": LORA.model_copy(update={"dropout": 0.1})}],
    ids=["lora", "nf4", "full", "dropout"],
)
@pytest.mark.parametrize("fixture", ["tiny_llama", "tiny_phi3"])
def test_every_mode_gives_the_same_loss_and_gradients_switched_back_and_forth(
    request: pytest.FixtureRequest, fixture: str, options: dict[str, Any]
) -> None:
    model = trainable(request.getfixturevalue(fixture), **options)
    loss, gradients = loss_and_gradients(model, "off")
    assert gradients
    for mode in (*MODES, *reversed(MODES)):
        again, found = loss_and_gradients(model, mode)
        torch.testing.assert_close(again, loss)
        assert found.keys() == gradients.keys()
        for name, gradient in gradients.items():
            torch.testing.assert_close(found[name], gradient, msg=name)


def test_selective_computes_the_layers_products_again_but_neither_attention_nor_the_mlps_last_one(
    tiny_llama: Path,
) -> None:
    model = trainable(tiny_llama)
    forward: dict[str, Counter[str]] = {}
    backward: dict[str, Counter[str]] = {}
    for mode in MODES:
        set_checkpointing(model, mode)
        with Operators() as counted:
            loss = score(model, BATCH).weighted_nll
        forward[mode] = counted.counts
        with Operators() as counted:
            loss.backward()
        backward[mode] = counted.counts
    assert forward["off"] == forward["selective"] == forward["full"]
    assert forward["off"]["attention"] == LAYERS * len(BATCH.lines)
    assert again(backward, "full", "attention") == forward["off"]["attention"]
    assert again(backward, "selective", "attention") == 0
    up, down = "64 -> 128", "128 -> 64"
    assert again(backward, "full", up) == again(backward, "selective", up) == forward["off"][up] == 2 * LAYERS
    assert again(backward, "full", down) == forward["off"][down] == LAYERS
    assert again(backward, "selective", down) == 0


def again(backward: dict[str, Counter[str]], mode: str, operator: str) -> int:
    """How often the backward pass runs an operator of the forward pass, over what it runs anyway."""
    return backward[mode][operator] - backward["off"][operator]


def test_the_variable_length_kernel_is_kept_as_one_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel itself needs a GPU; on meta tensors its operator is the one that the list has."""
    seen: list[Any] = []

    class Seen(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(function)
            return function(*args, **(kwargs or {}))

    rows = torch.zeros(6, 2, 8, device="meta", dtype=torch.bfloat16, requires_grad=True)
    bounds = torch.zeros(3, device="meta", dtype=torch.int32)
    with Seen():
        varlen_attn(rows, rows, rows, bounds, bounds, 3, 3, window_size=(-1, 0))
    assert checkpointing.ATTENTION & set(seen)
