"""The plan's values as trackers get them."""

from __future__ import annotations

from pathlib import Path

from localft.trackers.parameters import parameters
from runs import plan_for, write_chats


def test_the_parameters_are_the_resolved_values_by_short_names(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, validation_file=str(write_chats(tmp_path / "valid.jsonl", word="valid")))
    found = parameters(plan)
    expected = {
        "model": "localft/tiny-llama",
        "batch_size": 4,
        "n_epochs": 2,
        "seed": 7,
        "total_steps": 6,
        "lora_rank": 16,
        "training_file": "train.jsonl",
        "lr_scheduler_type": "linear",
        "processes": 1,
    }
    assert expected.items() <= found.items()
    assert found["learning_rate"] == plan.learning_rate.value
    assert "suffix" not in found and len(found) <= 100
    assert all(len(name) <= 30 and "." not in name for name in found)


def test_full_fine_tuning_has_no_adapter_and_no_path_of_the_machine_is_told(tmp_path: Path) -> None:
    found = parameters(plan_for(tmp_path, lora="none"))
    assert not any(name.startswith("lora_") for name in found)
    assert str(tmp_path) not in str(found)
