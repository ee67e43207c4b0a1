"""Recipes and the flags over them: what is read, and what is refused with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localft.cli.options import FLAGS
from localft.errors import UsageError
from localft.plan import LoraSettings, TrainingPlan, TrainingRequest
from localft.recipe import read_recipe, read_recipe_or_plan, recipe_schema, request_from
from planning import SAMPLE, plan

MINIMAL = "model: phi-4\ntraining_file: train.jsonl\n"
KNOBS = "method.supervised.hyperparameters"


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read(text: str | bytes, overrides: dict[str, object] | None = None) -> TrainingRequest:
        path = tmp_path / "recipe.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_recipe(path, overrides)

    return read


@pytest.fixture
def refused(read: Any, tmp_path: Path) -> Any:
    """The problems of a recipe, with the file's name in place of its path."""

    def refused(text: str | bytes, overrides: dict[str, object] | None = None) -> list[str]:
        with pytest.raises(UsageError) as caught:
            read(text, overrides)
        assert caught.value.exit_code == 2
        assert str(caught.value) == "\n".join(caught.value.problems)
        return [problem.replace(str(tmp_path / "recipe.yaml"), "recipe.yaml") for problem in caught.value.problems]

    return refused


def test_the_recipe_of_the_documentation_is_read(read: Any) -> None:
    request = read("""
model: meta-llama/Llama-3.1-8B-Instruct
training_file: data/train.jsonl
validation_file: data/valid.jsonl
suffix: travel
seed: 42
method:
  type: supervised
  supervised: {hyperparameters: {batch_size: auto, learning_rate_multiplier: auto, n_epochs: auto}}
lora: {rank: 16, alpha: 32}
quantization: nf4
max_length: 4096
execution: {tokens_per_micro_batch: auto}
output_dir: runs/travel
""")
    assert request.seed == 42 and request.lora == LoraSettings() and request.quantization == "nf4"
    assert request.method.supervised.hyperparameters.batch_size == "auto"


def test_everything_but_model_and_training_file_may_be_left_out(read: Any) -> None:
    assert read(MINIMAL) == TrainingRequest(model="phi-4", training_file="train.jsonl")


@pytest.mark.parametrize("auto", ["auto", "-1", "null", "~", ""])
def test_every_spelling_of_auto_is_read(read: Any, auto: str) -> None:
    knobs = read(f"{MINIMAL}method: {{supervised: {{hyperparameters: {{batch_size: {auto}}}}}}}")
    assert knobs.method.supervised.hyperparameters.batch_size in ("auto", -1, None)


def test_paths_stay_relative_to_the_current_directory(read: Any) -> None:
    assert read(MINIMAL).training_file == "train.jsonl"


def test_a_byte_order_mark_and_crlf_are_read(read: Any) -> None:
    assert read(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode()).model == "phi-4"


# --- keys


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("trainingfile: x", "recipe.yaml:3: trainingfile is not a key. Did you mean training_file?"),
        ("Model: x", "recipe.yaml:3: Model is not a key. Did you mean model?"),
        ("batch_size: 4", f"recipe.yaml:3: batch_size is not a key; it belongs under {KNOBS}."),
        ("hyperparameters: {}", "recipe.yaml:3: hyperparameters is not a key; it belongs under method.supervised."),
        ("rank: 4", "recipe.yaml:3: rank is not a key; it belongs under lora."),
        ("lora: {ranks: 8}", "recipe.yaml:3: ranks is not a key under lora. Did you mean rank?"),
        ("lora: {r: 8}", "recipe.yaml:3: r is not a key under lora; expected one of rank, alpha or dropout."),
        ("lora: {seed: 8}", "recipe.yaml:3: seed is not a key under lora; it belongs at the top level."),
        ("nepochs: 4", f"recipe.yaml:3: nepochs is not a key. Did you mean {KNOBS}.n_epochs?"),
        ("seed: 1\nseed: 2", "recipe.yaml:4: seed stands twice, first in line 3."),
        ("lora:\n  rank: 1\n  rank: 1", "recipe.yaml:5: lora.rank stands twice, first in line 4."),
        ("1: x", "recipe.yaml:3: expected a word as key, found 1."),
        ("<<: {seed: 3}", "recipe.yaml:3: << is not a key; expected one of"),
    ],
)
def test_a_key_that_is_not_known_is_named_with_its_line_and_the_nearest_key(
    refused: Any, line: str, problem: str
) -> None:
    assert refused(MINIMAL + line)[0].startswith(problem)


def test_missing_keys_name_the_flag_that_gives_them(refused: Any) -> None:
    assert refused("seed: 3") == [
        "recipe.yaml: model is missing; add model: to a recipe, or give --model.",
        "recipe.yaml: training_file is missing; add training_file: to a recipe, or give --training-file.",
    ]


def test_all_problems_are_reported_together_in_the_order_of_their_lines(refused: Any) -> None:
    problems = refused("""model: phi-4
quantization: nf8
seed: -5
suffix: a.b
seeds: 3
seed: 1
""")
    assert [problem.split(": ")[0] for problem in problems] == [
        "recipe.yaml:2", "recipe.yaml:3", "recipe.yaml:4", "recipe.yaml:5", "recipe.yaml:6", "recipe.yaml",
    ]  # fmt: skip


# --- values


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("seed: 1e3", 'seed is 1000.0; expected an integer from 0 to 2147483647, or "auto". Write 1000.'),
        ('seed: "3"', 'seed is "3"; expected an integer from 0 to 2147483647, or "auto". Write it without quotes.'),
        ("seed: yes", 'seed is "yes"; expected an integer'),
        ("seed: true", "seed is true; expected an integer"),
        ("seed: 1:30", 'seed is "1:30"; expected an integer'),
        ("seed: 1_000", 'seed is "1_000"; expected an integer'),
        ("seed: 0x10", 'seed is "0x10"; expected an integer'),
        ("seed: .nan", "seed is NaN; expected an integer"),
        ("seed: [1]", "seed is [1]; expected an integer"),
        ("suffix: 2026", "suffix is 2026; expected 1 to 64 of the characters A-Z a-z 0-9 _ -. Put it in quotes."),
        ('suffix: ""', 'suffix is ""; expected 1 to 64'),
        ("suffix: a b", 'suffix is "a b"; expected 1 to 64'),
        (f"suffix: {'a' * 65}", 'suffix is "aaa'),
        ("lora:", "lora is null; expected none (full fine-tuning), or settings such as {rank: 16, alpha: 32}."),
        ("lora: no", 'lora is "no"; expected none'),
        ("lora: None", 'lora is "None"; expected none'),
        ("lora: {rank: 0}", "lora.rank is 0; expected at least 1."),
        ("lora: {rank: 8.5}", "lora.rank is 8.5; expected an integer."),
        ("lora: {dropout: 1}", "lora.dropout is 1; expected less than 1."),
        ("quantization: NF4", 'quantization is "NF4"; expected none or nf4. Did you mean nf4?'),
        ("overlong: 3", "overlong is 3; expected refuse, truncate or drop."),
        ("precision: bf16", 'precision is "bf16"; expected auto, float32 or bfloat16.'),
        ("method: supervised", 'method is "supervised"; expected the keys type and supervised under it.'),
        ("method: {type: dpo}", 'method.type is "dpo"; expected supervised.'),
        ("max_length: 0", 'max_length is 0; expected an integer from 2 up, or "auto".'),
        (
            "execution: {tokens_per_micro_batch: many}",
            'execution.tokens_per_micro_batch is "many"; expected an integer',
        ),
        (
            "execution: {gradient_checkpointing: on}",
            'execution.gradient_checkpointing is "on"; expected auto, off, selective or full',
        ),
        ("validation_file: 3", "validation_file is 3; expected text. Put it in quotes."),
        ('output_dir: ""', 'output_dir is ""; expected text.'),
    ],
)
def test_a_value_that_cannot_be_taken_is_refused_with_what_was_expected(refused: Any, line: str, problem: str) -> None:
    (found,) = refused(MINIMAL + line)
    assert found.startswith(f"recipe.yaml:3: {problem}")


def test_full_fine_tuning_of_a_quantised_model_is_refused(refused: Any) -> None:
    (problem,) = refused(f"{MINIMAL}lora: none\nquantization: nf4")
    assert "four-bit weights cannot be trained" in problem


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-1", 0.1), ("5E-1", 0.5), (".5", 0.5), ("2", 2.0), ("1.", 1.0), ("+0.25", 0.25)],
)
def test_numbers_are_read_as_they_look(read: Any, text: str, value: float) -> None:
    request = read(f"{MINIMAL}method: {{supervised: {{hyperparameters: {{learning_rate_multiplier: {text}}}}}}}")
    assert request.method.supervised.hyperparameters.learning_rate_multiplier == value


def test_a_leading_zero_does_not_make_a_number_octal(read: Any) -> None:
    assert read(f"{MINIMAL}seed: 010").seed == 10


@pytest.mark.parametrize("suffix", ["yes", "on", "2026-11-21", "none", "1_000"])
def test_words_that_older_yaml_converts_stay_text(read: Any, suffix: str) -> None:
    assert read(f"{MINIMAL}suffix: {suffix}").suffix == suffix


# --- files


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "recipe.yaml: expected keys such as model: and training_file:, found nothing."),
        (b"# only a comment", "recipe.yaml: expected keys such as"),
        (b"- a\n- b", "found a list."),
        (b"model", "found a single value."),
        (b"model: [", "recipe.yaml:1: expected YAML, found the end of the file in the place of a value."),
        (b"model: a\n\tseed: 3", "recipe.yaml:2: expected YAML"),
        (b"a: &x 1\nb: *x", "recipe.yaml:2: expected YAML, found an alias"),
        (b"model: a\n---\nmodel: b", "recipe.yaml:2: expected YAML"),
        (b"model: \xff", "expected UTF-8 text"),
        (b"model: \x00", "expected YAML, found unacceptable character"),
        (
            b"model: !!python/object:os.system x",
            "recipe.yaml:1: expected YAML, found could not determine a constructor",
        ),
        (b"[" * 1500, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_in_one_sentence(refused: Any, text: bytes, problem: str) -> None:
    (found,) = refused(text)
    assert problem in found


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a recipe, found: No such file"):
        read_recipe(tmp_path / "gone.yaml")
    with pytest.raises(UsageError, match="expected a recipe, found: Is a directory"):
        read_recipe(tmp_path)


@given(st.text(max_size=60))
@settings(max_examples=50, deadline=None)
def test_any_text_is_read_or_refused_without_another_error(text: str) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile("wb", suffix=".yaml") as file:
        file.write(text.encode("utf-8", "surrogatepass"))
        file.flush()
        with pytest.raises(UsageError):
            read_recipe(file.name)


# --- trackers


def test_a_tracker_is_named_or_given_with_settings_in_the_form_of_the_job_object(
    read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "from the environment")
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    wandb = "{type: wandb, wandb: {name: first, entity: team, tags: [a, b]}}"
    mlflow, files, run = read(f"{MINIMAL}integrations: [mlflow, tensorboard, {wandb}]").integrations
    assert mlflow.model_dump() == {
        "type": "mlflow",
        "mlflow": {"experiment": "from the environment", "name": None},
    }
    assert files.model_dump() == {"type": "tensorboard"}
    assert run.wandb.model_dump() == {"project": "localft", "name": "first", "entity": "team", "tags": ("a", "b")}


@pytest.mark.parametrize(
    ("given", "names"), [("none", []), ("trackio", ["trackio"]), ("mlflow, wandb", ["mlflow", "wandb"])]
)
def test_a_flag_names_trackers_in_place_of_the_recipes(read: Any, given: str, names: list[str]) -> None:
    request = read(f"{MINIMAL}integrations: [tensorboard]", {"integrations": given})
    assert [integration.type for integration in request.integrations] == names


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            "  - mlfow",
            'recipe.yaml:4: integrations[0] is "mlfow"; expected mlflow, tensorboard, trackio or wandb, or settings such as '
            "{type: wandb, wandb: {project: travel}}; the nearest is mlflow.",
        ),
        (
            "  - type: mlflow\n    wandb: {project: travel}",
            "recipe.yaml:5: wandb is not a key under integrations[0]; it belongs to an entry of another type.",
        ),
        (
            "  - mlflow\n  - type: wandb\n    wandb:\n      projct: travel",
            "recipe.yaml:7: projct is not a key under integrations[1].wandb. Did you mean project?",
        ),
        ("  - {type: wandb, wandb: {tags: a}}", 'recipe.yaml:4: integrations[0].wandb.tags is "a"; expected a list.'),
        ("  - mlflow\n  - mlflow", "recipe.yaml:3: integrations names mlflow more than once; give each tracker once"),
        (
            "  mlflow: {}",
            'recipe.yaml:3: integrations is {"mlflow": {}}; expected a list of trackers such as [mlflow, tensorboard], or none.',
        ),
    ],
)
def test_a_tracker_that_makes_no_sense_is_refused_by_its_line(refused: Any, lines: str, problem: str) -> None:
    assert refused(f"{MINIMAL}integrations:\n{lines}") == [problem]


# --- flags


def test_flags_override_the_recipe(read: Any) -> None:
    request = read(
        f"{MINIMAL}seed: 1\nlora: {{rank: 8, alpha: 16}}", {"seed": "2", f"{KNOBS}.n_epochs": "5", "lora.rank": "4"}
    )
    assert request.seed == 2
    assert request.method.supervised.hyperparameters.n_epochs == 5
    assert request.lora == LoraSettings(rank=4, alpha=16)


def test_flags_alone_are_a_request() -> None:
    request = read_recipe(None, {"model": "phi-4", "training_file": "x.jsonl", "suffix": "2026", "lora": "none"})
    assert request.suffix == "2026" and request.lora == "none"


def test_a_flag_turns_adapters_on_where_the_recipe_has_none(read: Any) -> None:
    assert read(f"{MINIMAL}lora: none", {"lora.rank": "4"}).lora == LoraSettings(rank=4)


@pytest.mark.parametrize("auto", ["auto", "-1", "null"])
def test_a_flag_may_say_auto(read: Any, auto: str) -> None:
    request = read(f"{MINIMAL}seed: 3", {"seed": auto})
    assert request.seed in ("auto", -1, None)


def test_a_fault_in_a_flag_names_the_flag(refused: Any) -> None:
    problems = refused(MINIMAL, {f"{KNOBS}.batch_size": "0", "lora.rank": "x", "method.type": "dpo"})
    assert sorted(problem.split(": ")[0] for problem in problems) == ["--batch-size", "--lora-rank", "--method"]


def test_flags_that_contradict_each_other_are_refused(refused: Any) -> None:
    assert refused(MINIMAL, {"lora": "none", "lora.rank": "4"}) == [
        "--lora and --lora-rank contradict each other; give one of them."
    ]


def test_every_flag_sets_a_key_of_the_recipe() -> None:
    schema = recipe_schema()
    for dotted in FLAGS.values():
        node = schema
        for name in dotted.split("."):
            options = [node, *node.get("anyOf", []), *node.get("oneOf", [])]
            node = next(found for option in options if (found := _property(schema, option, name)) is not None)


def _property(schema: dict[str, Any], node: dict[str, Any], name: str) -> dict[str, Any] | None:
    if "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    found = node.get("properties", {}).get(name)
    return schema["$defs"][found["$ref"].rpartition("/")[2]] if found and "$ref" in found else found


# --- plans in a recipe's place


def test_a_plan_takes_a_recipes_place_as_it_stands(tmp_path: Path) -> None:
    planned = plan(SAMPLE, seed=3)
    path = tmp_path / "plan.json"
    path.write_text(planned.to_json())
    assert read_recipe_or_plan(path) == planned


def test_of_a_plan_only_the_output_directory_may_be_changed(tmp_path: Path) -> None:
    planned = plan(SAMPLE, seed=3)
    path = tmp_path / "plan.json"
    path.write_text(planned.to_json())
    moved = read_recipe_or_plan(path, {"output_dir": str(tmp_path / "again")})
    assert isinstance(moved, TrainingPlan) and moved.output_dir == str(tmp_path / "again")
    with pytest.raises(UsageError, match="--seed and --batch-size cannot change it"):
        read_recipe_or_plan(path, {"seed": "4", f"{KNOBS}.batch_size": "2"})


# --- schema


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"lora": "none"},
        {"lora": {"rank": 4}},
        {"seed": -1, "suffix": "a-b_c"},
        {"seed": None, "max_length": "auto", "execution": {"gradient_checkpointing": True}},
        {"execution": {"gradient_checkpointing": "selective"}},
        {"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 50, "batch_size": "auto"}}}},
        {"integrations": ["mlflow", {"type": "wandb", "wandb": {"tags": ["a"]}}, {"type": "tensorboard"}]},
        {"integrations": "none"},
    ],
)
def test_the_schema_takes_what_is_read(values: dict[str, Any]) -> None:
    recipe = {"model": "phi-4", "training_file": "x", **values}
    request_from(recipe)
    jsonschema.validate(recipe, recipe_schema())


@pytest.mark.parametrize(
    "values",
    [
        {"seed": -2},
        {"lora": "off"},
        {"integrations": ["mlfow"]},
        {"integrations": [{"type": "wandb", "wandb": {"projct": "a"}}]},
        {"integrations": [{"wandb": {}}]},
        {"lora": {"rank": 0}},
        {"unknown": 1},
        {"suffix": "a b"},
        {"max_length": 1},
        {"method": {"supervised": {"hyperparameters": {"n_epochs": 51}}}},
        {"method": {"supervised": {"hyperparameters": {"learning_rate_multiplier": 0}}}},
    ],
)
def test_the_schema_refuses_what_is_refused(values: dict[str, Any]) -> None:
    recipe = {"model": "phi-4", "training_file": "x", **values}
    with pytest.raises(UsageError):
        request_from(recipe)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(recipe, recipe_schema())


def test_the_schema_describes_every_key() -> None:
    schema = recipe_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    described = [schema, *schema["$defs"].values()]
    json.dumps(schema)
    assert all(
        "description" in key or "$ref" in key for node in described for key in node.get("properties", {}).values()
    )


def test_a_recipe_written_as_json_is_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text('{"model": "localft/tiny-llama", "training_file": "a.jsonl", "seed": 3}')
    request = read_recipe_or_plan(path, {})
    assert isinstance(request, TrainingRequest) and request.seed == 3
