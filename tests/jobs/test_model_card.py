"""The model card: what it states, and that nothing in a job can break out of it."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

from localft.jobs.job import new_job
from localft.jobs.model_card import SHOWN_ROWS, installed_versions, model_card
from localft.jobs.results import ResultRow, ResultsWriter, read_results, start_results
from localft.jobs.run_directory import create_run
from localft.plan import TrainingPlan
from runs import plan_for, step_metrics, write_chats

HEX = "0123456789abcdef" * 2


def rows_of(directory: Path, steps: int = 6) -> list[ResultRow]:
    path = directory / "results.csv"
    start_results(path)
    with ResultsWriter(path) as results:
        for step in range(1, steps + 1):
            results.write(step_metrics(step, full_valid_loss=0.75 if step % 3 == 0 else None))
    return read_results(path)


def card_of(plan: TrainingPlan, rows: list[ResultRow], system_message: dict[str, str] | None = None) -> str:
    job = new_job(plan, hex=HEX, now=0)
    return model_card(plan, job, rows, trained_tokens=480, system_message=system_message)


def messages_of(card: str) -> object:
    """The conversation of the snippet."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", card, re.M | re.S)
    values = {
        node.targets[0].id: node.value  # type: ignore[attr-defined]
        for node in ast.parse(code).body
        if isinstance(node, ast.Assign)
    }
    return ast.literal_eval(values["messages"])


def front_matter(card: str) -> dict[str, object]:
    _, fields, _ = card.split("---\n", 2)
    return yaml.safe_load(fields)  # type: ignore[no-any-return]


def test_the_front_matter_names_base_library_licence_and_method(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, model="llama-3.2-1b-instruct", quantization="nf4", suffix="travel")
    assert front_matter(card_of(plan, rows_of(tmp_path))) == {
        "base_model": "meta-llama/Llama-3.2-1B-Instruct",
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "license": "llama3.2",
        "model_name": f"llama-3.2-1b-instruct.ft-{HEX}-travel",
        "tags": ["localft", "sft", "qlora"],
    }


def test_full_fine_tuning_is_a_transformers_model(tmp_path: Path) -> None:
    card = card_of(plan_for(tmp_path, lora="none"), rows_of(tmp_path))
    assert front_matter(card)["library_name"] == "transformers"
    assert "All weights of" in card and "AutoModelForCausalLM.from_pretrained" in card and "Peft" not in card


def test_the_card_states_data_knobs_with_their_rules_versions_and_use(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, validation_file=str(write_chats(tmp_path / "valid.jsonl", word="valid")))
    card = card_of(plan, rows_of(tmp_path))
    assert f"| training | train.jsonl | 12 | `{plan.training_file.sha256}` |" in card
    assert plan.validation_file is not None and plan.validation_file.sha256 in card
    assert "480 tokens" in card
    for name in ("batch_size", "n_epochs", "learning_rate_multiplier", "seed"):
        knob = getattr(plan.hyperparameters, name)
        assert f"| {name} | {knob.value} | {knob.rule} |" in card
    for package, version in installed_versions().items():
        assert f"| {package} | {version} |" in card
    assert "apply_chat_template" in card


def test_the_snippet_asks_with_the_system_message_that_all_rows_begin_with(tmp_path: Path) -> None:
    system = {"role": "system", "content": 'Say "no".\n```\n\\n\u2028\0 { 😀'}
    question = {"role": "user", "content": "Hello!"}
    plan, rows = plan_for(tmp_path), rows_of(tmp_path)
    card = card_of(plan, rows, system)
    assert messages_of(card) == [system, question]
    assert "Every training row begins with the system message below" in card
    without = card_of(plan, rows)
    assert messages_of(without) == [question] and "system message" not in without


def test_an_adapter_of_a_hub_model_is_loaded_by_peft_alone(tmp_path: Path) -> None:
    card = card_of(plan_for(tmp_path, model="llama-3.2-1b-instruct"), rows_of(tmp_path))
    assert "AutoPeftModelForCausalLM.from_pretrained(path" in card and "localft.catalog" not in card


def test_an_adapter_of_an_embedded_model_gets_its_base_from_localft(tmp_path: Path) -> None:
    card = card_of(plan_for(tmp_path, model="localft/tiny-base"), rows_of(tmp_path))
    assert 'base = resolve_model("localft/tiny-base").path' in card and "AutoPeft" not in card


PARENT_HEX = "fedcba9876543210" * 2


def parent_run(directory: Path, saved: str) -> Path:
    """A run of 6 steps, its adapter in `saved`."""
    path = directory / "a|b\n# first"
    (path / saved).mkdir(parents=True)
    plan = plan_for(directory, model="localft/tiny-base", suffix="travel")
    create_run(path, plan, new_job(plan, hex=PARENT_HEX, now=0), [])
    (path / saved / "adapter_config.json").write_text(json.dumps({"r": 16, "lora_alpha": 32}))
    return path


@pytest.mark.parametrize(
    ("named", "saved", "place", "ending"),
    [
        ("", "model", "", ""),
        ("model", "model", "", ""),
        ("checkpoint-3", "checkpoint-3", "/checkpoint-3", ":ckpt-step-3"),
        ("checkpoint-6", "checkpoint-6", "/checkpoint-6", ""),
    ],
)
def test_the_card_of_a_run_trained_further_names_the_run_it_came_from(
    tmp_path: Path, named: str, saved: str, place: str, ending: str
) -> None:
    parent = parent_run(tmp_path, saved)
    data = card_of(plan_for(tmp_path, model=str(parent / named)), rows_of(tmp_path)).partition("## Settings")[0]
    model = f"tiny-base.ft-{PARENT_HEX}-travel{ending}"
    assert f"| a\\|b # first{place} | `ftjob-{PARENT_HEX}` | `{model}` |" in data
    assert "the data of that run are in its own card" in data and str(tmp_path) not in data


def test_a_parent_without_its_records_is_named_by_its_directory(tmp_path: Path) -> None:
    parent = parent_run(tmp_path, "model")
    plan = plan_for(tmp_path, model=str(parent))
    (parent / "job.json").unlink()
    assert "| a\\|b # first |  |  |" in card_of(plan, rows_of(tmp_path))


def test_the_card_of_a_first_training_names_no_earlier_run(tmp_path: Path) -> None:
    assert "earlier run" not in card_of(plan_for(tmp_path), rows_of(tmp_path))


def test_the_results_table_has_the_first_step_and_the_epochs_ends(tmp_path: Path) -> None:
    card = card_of(plan_for(tmp_path), rows_of(tmp_path)).partition("## Results")[2]
    assert "| step | train_loss | train_mean_token_accuracy | full_valid_loss |" in card
    assert "| 1 | 1.0000 | 0.5000 |  |" in card
    assert "| 3 | 0.3333 | 0.5000 | 0.7500 |" in card
    assert "| 6 | 0.1667 | 0.5000 | 0.7500 |" in card
    assert "| 2 |" not in card


@pytest.mark.parametrize("epochs", [11, 12, 25, 50])
def test_a_long_results_table_is_thinned_and_keeps_both_ends(tmp_path: Path, epochs: int) -> None:
    card = card_of(plan_for(tmp_path, hyperparameters={"n_epochs": epochs}), rows_of(tmp_path, steps=3 * epochs))
    table = card.split("## Results")[1].split("Every step")[0]
    steps = [line.split(" | ")[0].strip("| ") for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(steps) <= SHOWN_ROWS
    assert (steps[0], steps[-1]) == ("1", str(3 * epochs))


def test_a_strange_file_name_cannot_break_out_of_the_table(tmp_path: Path) -> None:
    path = write_chats(tmp_path / "a|b\n# c.jsonl")
    card = card_of(plan_for(tmp_path, training_file=str(path)), rows_of(tmp_path))
    assert "a\\|b # c.jsonl" in card
    assert "\n# c" not in card


def test_a_run_without_rows_has_a_card_all_the_same(tmp_path: Path) -> None:
    assert "No step was recorded." in card_of(plan_for(tmp_path), [])
