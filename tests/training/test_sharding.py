"""What a launcher may ask of FSDP and ZeRO, and what is refused in words."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from launches import launch_environment
from localft import settings
from localft.errors import UsageError
from localft.modeling.load import load_base_model
from localft.modeling.sharding import Fsdp2
from localft.modeling.zero import Zero3
from localft.plan.sharding import require_shardable
from localft.training.sharding import chosen_sharding, require_units
from planning import ROOT
from tiny_jobs import tiny_plan

MACHINE = "--num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Two processes under `--use_fsdp --fsdp_version 2`."""
    settings_of_launch = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "RANK": "0", "WORLD_SIZE": "2"}
    for name, value in settings_of_launch.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def configured(directory: Path, *options: str) -> str:
    """The command that launches by the shipped configuration with these options changed."""
    shipped = yaml.safe_load((ROOT / "recipes/accelerate/fsdp2.yaml").read_text(encoding="utf-8"))
    for option in options:
        changed = yaml.safe_load(option)
        shipped.update({"dynamo_config": changed} if "dynamo_backend" in changed else {})
        shipped["fsdp_config"].update({} if "dynamo_backend" in changed else changed)
    (directory / "accelerate.yaml").write_text(yaml.safe_dump(shipped), encoding="utf-8")
    return f"accelerate launch --config_file {directory}/accelerate.yaml -m localft train"


def launch(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    for variable, value in launch_environment(command).items():
        monkeypatch.setenv(variable, value)


def test_fsdp_2_over_two_processes_shards(asked: pytest.MonkeyPatch) -> None:
    assert isinstance(chosen_sharding(), Fsdp2)


def test_one_process_keeps_the_whole_model(asked: pytest.MonkeyPatch) -> None:
    asked.setenv("WORLD_SIZE", "1")
    assert chosen_sharding() is None


def test_without_the_option_nothing_is_sharded() -> None:
    assert chosen_sharding() is None


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("FSDP_VERSION", "1", "configured for FSDP 1; localft shards by FSDP 2. .* recipes/accelerate/fsdp2.yaml"),
        (
            "ACCELERATE_USE_DEEPSPEED",
            "true",
            "configured for ZeRO 2; localft shards by ZeRO 3. .* recipes/accelerate/zero3.yaml",
        ),
    ],
)
def test_another_way_of_sharding_is_refused(
    asked: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    asked.setenv(variable, value)
    with pytest.raises(UsageError, match=sentence):
        chosen_sharding()


@pytest.mark.parametrize(
    "option",
    [
        "fsdp_sharding_strategy: SHARD_GRAD_OP",
        "fsdp_reshard_after_forward: false",
        "fsdp_offload_params: true",
        "fsdp_auto_wrap_policy: SIZE_BASED_WRAP",
        "fsdp_auto_wrap_policy: NO_WRAP",
        "fsdp_backward_prefetch: BACKWARD_POST",
        "fsdp_forward_prefetch: true",
        "fsdp_state_dict_type: SHARDED_STATE_DICT",
        "fsdp_use_orig_params: false",
        "fsdp_activation_checkpointing: true",
        "fsdp_activation_checkpointing_offload: true",
        "fsdp_ignored_modules: lm_head",
        "dynamo_backend: INDUCTOR",
    ],
)
def test_an_option_of_accelerate_that_localft_does_not_follow_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str
) -> None:
    """The option stands in a configuration file, and accelerate's launcher hands it on."""
    launch(monkeypatch, configured(tmp_path, option))
    with pytest.raises(UsageError, match=re.escape(f"configured with `{option}`, which localft does not follow")):
        chosen_sharding()


def test_all_options_that_are_not_followed_are_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    launch(monkeypatch, configured(tmp_path, "fsdp_offload_params: true", "fsdp_reshard_after_forward: false"))
    with pytest.raises(UsageError, match="`fsdp_reshard_after_forward: false`, `fsdp_offload_params: true`"):
        chosen_sharding()


@pytest.mark.parametrize(
    "option",
    [
        "fsdp_backward_prefetch: BACKWARD_PRE",
        "fsdp_cpu_ram_efficient_loading: false",
        "fsdp_sync_module_states: false",
        "fsdp_transformer_layer_cls_to_wrap: LlamaDecoderLayer",
    ],
)
def test_an_option_that_asks_for_what_localft_does_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str
) -> None:
    turned_off = "fsdp_cpu_ram_efficient_loading: false"  # accelerate wants it with the states not synchronised
    launch(monkeypatch, configured(tmp_path, turned_off, *({option} - {turned_off})))
    assert isinstance(chosen_sharding(), Fsdp2)


def test_options_of_the_command_line_are_read_as_those_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    launch(monkeypatch, f"accelerate launch --use_fsdp --fsdp_version 2 {MACHINE} -m localft train")
    assert isinstance(chosen_sharding(), Fsdp2)


ZERO = f"accelerate launch --config_file {ROOT / 'recipes/accelerate/zero3.yaml'} --num_processes 2"


def test_the_shipped_configuration_for_deepspeed_shards_by_zero_3(monkeypatch: pytest.MonkeyPatch) -> None:
    launch(monkeypatch, f"{ZERO} -m localft train")
    assert isinstance(chosen_sharding(), Zero3)


@pytest.mark.parametrize(
    "option",
    [
        "offload_param_device: nvme",
        "offload_optimizer_device: nvme",
        "gradient_accumulation_steps: 4",
        "gradient_clipping: 0.5",
        "deepspeed_moe_layer_cls_names: SomeExperts",
    ],
)
def test_an_option_that_localft_does_not_follow_under_deepspeed_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    launch(monkeypatch, f"{ZERO} --{option.replace(':', '')} -m localft train")
    with pytest.raises(UsageError, match=re.escape(f"`{option}`, which localft does not follow under DeepSpeed")):
        chosen_sharding()


def test_a_configuration_of_deepspeeds_own_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text('{"train_micro_batch_size_per_gpu": 1, "zero_optimization": {"stage": 3}}', encoding="utf-8")
    launch(monkeypatch, f"accelerate launch --use_deepspeed --deepspeed_config_file {own} {MACHINE} -m localft train")
    with pytest.raises(UsageError, match=r"`deepspeed_config_file: .*own.json`, which localft does not follow"):
        chosen_sharding()


def test_offloading_takes_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    launch(monkeypatch, f"{ZERO} --num_processes 1 --offload_param_device cpu -m localft train")
    with pytest.raises(UsageError, match="over several processes, and one was started"):
        chosen_sharding()


def test_nf4_is_left_to_fsdp(monkeypatch: pytest.MonkeyPatch) -> None:
    launch(monkeypatch, f"{ZERO} -m localft train")
    require_shardable("none")
    with pytest.raises(UsageError, match=r"quantization is nf4 .* launched with .* recipes/accelerate/fsdp2.yaml"):
        require_shardable("nf4")
    monkeypatch.delenv("ACCELERATE_USE_DEEPSPEED")
    require_shardable("nf4")


def test_a_launch_without_fsdp_keeps_the_whole_model_in_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    launch(monkeypatch, f"accelerate launch --multi_gpu {MACHINE} -m localft train")
    assert chosen_sharding() is None


def test_the_class_to_wrap_has_to_be_the_models_block(asked: pytest.MonkeyPatch, tiny_llama: Path) -> None:
    model = load_base_model(tiny_plan(tiny_llama, examples=1), tiny_llama)
    asked.setenv("FSDP_TRANSFORMER_CLS_TO_WRAP", "LlamaDecoderLayer")
    require_units(model)
    asked.setenv("FSDP_TRANSFORMER_CLS_TO_WRAP", "LlamaMLP")
    with pytest.raises(UsageError, match=r"fsdp_transformer_layer_cls_to_wrap: LlamaMLP`; .*\(LlamaDecoderLayer\)"):
        require_units(model)


def test_during_the_training_the_wish_is_hidden_from_accelerate(asked: pytest.MonkeyPatch) -> None:
    for wish in (settings.FSDP, settings.DEEPSPEED):
        asked.setenv(wish, "true")
        with settings.without_launched_sharding():
            assert wish not in os.environ
        assert os.environ[wish] == "true"
