"""What a launcher may ask of FSDP, and what is refused in words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from accelerate.commands.launch import launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env

from localft import settings
from localft.errors import UsageError
from localft.training.sharding import is_sharded
from tiny_jobs import tiny_plan


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Two processes under `--use_fsdp --fsdp_version 2`."""
    settings_of_launch = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "RANK": "0", "WORLD_SIZE": "2"}
    for name, value in settings_of_launch.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_fsdp_2_over_two_processes_shards(asked: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert is_sharded(tiny_plan(tmp_path, examples=1))


def test_one_process_keeps_the_whole_model(asked: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked.setenv("WORLD_SIZE", "1")
    assert not is_sharded(tiny_plan(tmp_path, examples=1))


def test_without_the_option_nothing_is_sharded(tmp_path: Path) -> None:
    assert not is_sharded(tiny_plan(tmp_path, examples=1))


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("FSDP_VERSION", "1", "configured for FSDP 1; localft shards by FSDP 2"),
        ("FSDP_OFFLOAD_PARAMS", "true", "configured with --fsdp_offload_params, which localft does not follow"),
        ("FSDP_ACTIVATION_CHECKPOINTING", "true", "with --fsdp_activation_checkpointing, which"),
        ("ACCELERATE_USE_DEEPSPEED", "true", "configured for DeepSpeed"),
    ],
)
def test_what_is_not_followed_is_refused(
    asked: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str, sentence: str
) -> None:
    asked.setenv(variable, value)
    with pytest.raises(UsageError, match=sentence):
        is_sharded(tiny_plan(tmp_path, examples=1))


def test_nf4_is_refused(asked: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="quantization is nf4"):
        is_sharded(tiny_plan(tmp_path, examples=1, quantization="nf4"))


def test_accelerates_launcher_says_it_in_the_variables_that_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    fsdp = ["--use_fsdp", "--fsdp_version", "2", "--fsdp_offload_params", "true"]
    machines = ["--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    command = [*fsdp, *machines, "script.py"]
    arguments = launch_command_parser().parse_args(command)
    for variable, value in prepare_multi_gpu_env(arguments).items():
        if variable.startswith(("ACCELERATE", "FSDP")):
            monkeypatch.setenv(variable, value)
    assert settings.launched_sharding() == settings.Sharding("FSDP", 2, ("--fsdp_offload_params",))


def test_during_the_training_the_wish_is_hidden_from_accelerate(asked: pytest.MonkeyPatch) -> None:
    with settings.without_launched_fsdp():
        assert settings.FSDP not in os.environ
    assert os.environ[settings.FSDP] == "true"
