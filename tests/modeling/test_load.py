"""Loading base models, and what is said where one cannot be loaded."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import bitsandbytes as bnb
import pytest
import torch
from safetensors import safe_open
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

from localft.errors import ModelError
from localft.modeling.adapters import make_trainable
from localft.modeling.load import load_base_model, local_directory
from localft.modeling.nf4 import pack_later
from localft.plan import PlannedModel
from tiny_jobs import tiny_plan


def test_full_precision_model_loads_in_float32_with_sdpa(tiny_llama: Path) -> None:
    model = load_base_model(tiny_plan(tiny_llama, examples=10), tiny_llama)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert model.config._attn_implementation == "sdpa"


def test_a_bfloat16_base_under_adapters_is_bfloat16_but_full_fine_tuning_trains_float32(tiny_llama: Path) -> None:
    lora = tiny_plan(tiny_llama, examples=10, precision="bfloat16")
    full = tiny_plan(tiny_llama, examples=10, precision="bfloat16", lora=None)
    assert load_base_model(lora, tiny_llama).dtype is torch.bfloat16
    assert load_base_model(full, tiny_llama).dtype is torch.float32


@pytest.mark.parametrize("fixture", ["tiny_llama", "tiny_phi3"])
def test_nf4_quantises_every_linear_layer_twice_and_leaves_the_head(
    request: pytest.FixtureRequest, fixture: str
) -> None:
    directory: Path = request.getfixturevalue(fixture)
    model = load_base_model(tiny_plan(directory, examples=10, quantization="nf4"), directory)
    quantised = {name: m for name, m in model.named_modules() if isinstance(m, bnb.nn.Linear4bit)}
    linear = {name for name, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    assert linear - quantised.keys() == {"lm_head"}
    for layer in quantised.values():
        assert layer.weight.quant_state.quant_type == "nf4"
        assert layer.weight.quant_state.nested
        assert layer.compute_dtype is torch.float32


def test_nf4_weights_are_never_repacked_by_a_validation(tiny_llama: Path) -> None:
    """On CPUs with AVX512-BF16 bitsandbytes repacks them in evaluation mode, and training could not go on."""
    model = load_base_model(tiny_plan(tiny_llama, examples=10, quantization="nf4"), tiny_llama)
    layers = [m for m in model.modules() if isinstance(m, bnb.nn.Linear4bit)]
    assert layers
    assert not any(layer.support_avx512bf16_for_cpu for layer in layers)


@pytest.mark.parametrize(
    "options", [{}, {"quantization": "nf4"}, {"lora": None}], ids=["lora", "nf4", "full fine-tuning"]
)
def test_of_a_model_to_be_sharded_a_process_holds_no_copy(tiny_llama_bf16: Path, options: dict[str, Any]) -> None:
    """Its weights are the file's own bytes, mapped into memory, until a block is sharded."""
    plan = tiny_plan(tiny_llama_bf16, examples=10, precision="bfloat16", **options)
    base = load_base_model(plan, tiny_llama_bf16, local_rank=None)
    if plan.quantization == "nf4":
        pack_later(base, torch.bfloat16)
    adapted = make_trainable(base, plan)
    mapped = mapped_ranges(tiny_llama_bf16)
    here = [p for name, p in adapted.named_parameters() if "lora_" not in name and p.numel()]
    here += [module.unpacked for module in adapted.modules() if hasattr(module, "unpacked")]
    with safe_open(tiny_llama_bf16 / "model.safetensors", framework="pt") as file:
        assert len(here) == len(file.keys())
    assert all(any(begin <= p.data_ptr() < end for begin, end in mapped) for p in here)


def test_constants_that_half_precision_would_round_are_made_in_float32(tmp_path: Path) -> None:
    """Gemma multiplies its embeddings by sqrt(hidden_size), made in the precision that the model is loaded in."""
    config = Gemma3TextConfig(
        vocab_size=64,
        hidden_size=72,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
    )
    Gemma3ForCausalLM(config).to(torch.bfloat16).save_pretrained(tmp_path)
    plan = tiny_plan(tmp_path, examples=10, precision="bfloat16", lora=None)
    model = load_base_model(plan, tmp_path, local_rank=None)
    assert model.get_input_embeddings().embed_scale.item() == pytest.approx(72**0.5, rel=1e-6)


def mapped_ranges(directory: Path) -> list[tuple[int, int]]:
    """Where files of the directory lie in this process's memory."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    ranges = (line.split()[0].split("-") for line in lines if str(directory) in line)
    return [(int(begin, 16), int(end, 16)) for begin, end in ranges]


def test_full_fine_tuning_of_quantised_weights_is_refused(tiny_llama: Path) -> None:
    with pytest.raises(ModelError, match="quantised weights cannot be trained"):
        load_base_model(tiny_plan(tiny_llama, examples=10, quantization="nf4", lora=None), tiny_llama)


def test_missing_weights_are_said_in_one_line(tiny_llama: Path, tmp_path: Path) -> None:
    for path in tiny_llama.iterdir():
        if path.name != "model.safetensors":
            shutil.copy(path, tmp_path)
    with pytest.raises(ModelError, match=r"cannot be loaded: .*safetensors") as caught:
        load_base_model(tiny_plan(tmp_path, examples=10), tmp_path)
    assert "\n" not in caught.value.message


def test_pickled_weights_are_not_read(tiny_llama: Path, tmp_path: Path) -> None:
    for path in tiny_llama.iterdir():
        if path.name != "model.safetensors":
            shutil.copy(path, tmp_path)
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        load_base_model(tiny_plan(tmp_path, examples=10), tmp_path)


def test_torn_weights_are_said_in_one_line(tiny_llama: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_llama, tmp_path / "torn")
    weights = tmp_path / "torn/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_base_model(tiny_plan(tmp_path / "torn", examples=10), tmp_path / "torn")


def test_an_unknown_architecture_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "no-such-architecture"}')
    with pytest.raises(ModelError, match="no-such-architecture"):
        load_base_model(tiny_plan(tmp_path, examples=10), tmp_path)


def test_a_directory_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"found no config\.json"):
        local_directory(PlannedModel(id="x", path=str(tmp_path), hub_id=None))


def test_a_hub_model_that_is_not_here_is_said_when_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="is not on this machine and cannot be fetched") as caught:
        local_directory(PlannedModel(id="x", path=None, hub_id="localft-tests/no-such-model"))
    assert caught.value.code == "model_unreachable"


def test_a_cuda_plan_without_a_gpu_is_said(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    plan = tiny_plan(tiny_llama, examples=10)
    plan = plan.model_copy(update={"execution": plan.execution.model_copy(update={"device": "cuda"})})
    with pytest.raises(ModelError, match="finds no GPU"):
        load_base_model(plan, tiny_llama)


def test_only_the_sentence_about_the_unused_kernel_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    import localft.modeling  # noqa: F401

    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
    logger.warning("Failed to load CPU gemm_4bit_forward from kernels-community: %s.", "no network")
    logger.warning("Something else is wrong.")
    assert [record.getMessage() for record in caplog.records] == ["Something else is wrong."]
