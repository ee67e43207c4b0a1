"""A job that Azure's client would take and that could not run is refused, with the reason, before anything is sent.

Every mutation goes through the real `load_job`; the ones it lets pass are the reason for localft's own checks.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from localft.azure import client
from localft.azure.files import PACKAGE
from localft.errors import UsageError
from planning import ROOT

RECIPES = ROOT / "recipes" / "azureml"


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Path]:
    """A copy of a shipped job with its data and its files, in which each (old, new) is replaced."""

    def copied(name: str, *replacements: tuple[str, str]) -> Path:
        samples = tmp_path / "src" / "localft" / "samples"
        samples.mkdir(parents=True)
        for file in ("travel_assistant.jsonl", "travel_assistant_validation.jsonl"):
            shutil.copy(ROOT / "src" / "localft" / "samples" / file, samples)
        target = tmp_path / "recipes" / "azureml"
        shutil.copytree(RECIPES, target, symlinks=True)
        link = target / "localft-files" / "code" / "localft"
        link.unlink()
        link.symlink_to(PACKAGE)
        text = (target / f"{name}.yml").read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text, f"{old} is no longer in {name}.yml"
            text = text.replace(old, new)
        (target / "job.yml").write_text(text, encoding="utf-8")
        return target / "job.yml"

    return copied


def refusals(path: Path) -> list[str]:
    """What is said about a job file, without its directory."""
    with pytest.raises(UsageError) as refused:
        client.check(path)
    return [problem.removeprefix(f"{path.parent}/") for problem in refused.value.problems]


DATA = "../../src/localft/samples/travel_assistant.jsonl"
BUILD = "environment:\n  build:\n    path: ./localft-files/environment\n    dockerfile_path: Dockerfile\n"
TRAINING = f"  training_file:\n    type: uri_file\n    path: {DATA}\n    mode: ro_mount\n"
LOADED = "expected what Azure ML takes here"

MUTATIONS = [
    # What the command names and the job does not have, and the other way round.
    ("one-gpu", [(TRAINING, "")], "command: expected training_file under inputs"),
    ("one-gpu", [("${{inputs.seed}}", "${{inputs.sead}}")], "command: expected sead under inputs, since the command names"),
    ("one-gpu", [("  run:\n", "  result:\n")], "command: expected run under outputs, since the command names ${{outputs.run}}"),
    ("one-gpu", [('--output-dir "${{outputs.run}}"', "--output-dir out")], "outputs.run: expected ${{outputs.run}} in"),
    ("one-gpu", [("  --n-epochs ${{inputs.n_epochs}}\n", "")], "inputs.n_epochs: expected ${{inputs.n_epochs}} in the command"),
    ("one-gpu", [("${{inputs.seed}}", "${{search_space.seed}}")], "command: expected seed under search_space"),
    # Data that is not there.
    ("one-gpu", [("travel_assistant.jsonl", "gone.jsonl")], "inputs.training_file.path: expected a file, found none at .."),
    ("one-gpu", [("travel_assistant_validation.jsonl", "")], "inputs.validation_file.path: expected a file, found none"),
    # The image.
    ("one-gpu", [("dockerfile_path: Dockerfile", "dockerfile_path: docker/Dockerfile")],
     "environment.build.dockerfile_path: expected a Dockerfile at docker/Dockerfile in ./localft-files/environment, found Dock"),
    ("one-gpu", [("path: ./localft-files/environment", "path: ./localft-files/code")],
     "environment.build.dockerfile_path: expected a Dockerfile at Dockerfile in ./localft-files/code, found .amlignore"),
    ("one-gpu", [("path: ./localft-files/environment", "path: ./nowhere")], f"environment.build.path: {LOADED}, found"),
    ("one-gpu", [("dockerfile_path: Dockerfile", "dockerfile: Dockerfile")], "environment.build.dockerfile: expected a key"),
    # The code.
    ("one-gpu", [("code: ./localft-files/code", "code: ./nowhere")], f"code: {LOADED}, found \"./nowhere\""),
    ("one-gpu", [("code: ./localft-files/code", "code: ./compute")], "code: expected localft itself at localft/__main__.py"),
    ("one-gpu", [("code: ./localft-files/code\n", "")], "command: expected `code:`, the folder with localft"),
    ("one-gpu", [("train one-gpu.yaml", "train two-gpus.yaml")], "code: expected the recipe at two-gpus.yaml in ./localft-files"),
    # What it would train.
    ("one-gpu", [("n_epochs: auto", "n_epochs: 200")], "inputs.n_epochs: n_epochs is 200; expected an integer from 1 to 50"),
    ("one-gpu", [("n_epochs: auto", "n_epochs: two")], 'inputs.n_epochs: n_epochs is "two"; expected an integer from 1 to 50'),
    ("one-gpu", [("--n-epochs ${{inputs.n_epochs}}", "--n-epochs 200"), ("  n_epochs: auto\n", "")],
     "command: n_epochs is 200; expected an integer"),
    ("one-gpu", [("  model: phi-4-mini-instruct", "  model: localft/tiny-bse")],
     "inputs.model: expected a catalogue id or a hub id such as owner/model, found localft/tiny-bse; did you mean localft/tiny-"),
    ("one-gpu", [("  model: phi-4-mini-instruct", "  model: ./mine")], "inputs.model: expected a catalogue id or a hub id"),
    ("one-gpu", [("--n-epochs", "--nepochs")], "command: expected a flag of `localft train`, found --nepochs; did you mean"),
    ("one-gpu", [("--n-epochs", "--rank")], "command: expected a flag of `localft train`, found --rank; write --lora-rank."),
    ("one-gpu", [("--resume auto", "--resume")], "command: expected a value behind --resume, found none"),
    ("one-gpu", [("--resume auto", "--resume always")], "command: expected --resume auto or --resume never, found always"),
    ("one-gpu", [("train one-gpu.yaml", "train one-gpu.yaml two.yaml")], "command: expected one recipe and flags behind"),
    ("one-gpu", [("--resume auto", "--suffix 'a")], "command: expected quotes in pairs, found one that is not closed"),
    ("one-gpu", [("  seed: auto", "  seed: auto\n  seed: 3")],
     "inputs.seed: expected each key once, found it in line 30 too; remove one"),
    # Addresses and names.
    ("one-gpu", [(DATA, "s3://bucket/train.jsonl")], "inputs.training_file.path: expected a local path, azureml:NAME:VERSION"),
    ("one-gpu", [(DATA, "azureml:travel")], "inputs.training_file.path: expected azureml:NAME:VERSION, azureml:NAME@latest"),
    ("one-gpu", [("compute: azureml:one-gpu", "compute: azureml:my cluster")],
     "compute: expected the name of a cluster, of letters, digits, dashes and underscores, found my cluster"),
    ("one-gpu", [("experiment_name: localft", "experiment_name: été")], "experiment_name: expected a name that begins with"),
    # What the client itself fails of.
    ("one-gpu", [("compute: azureml:one-gpu", "compute: azureml:one-gpu\nservices: {a: 5}")],
     "job.yml: expected a job that Azure's client can read, found one that it fails of (AttributeError: "),
    # Where it runs.
    ("one-gpu", [("instance_count: 1", "instance_count: 2")],
     "command: expected `distribution: {type: pytorch}`, for which Azure sets RANK and WORLD_SIZE"),
    ("one-gpu", [("compute: azureml:one-gpu\n", "")], "job.yml: expected compute: azureml:CLUSTER, or resources.instance_type"),
    ("one-gpu", [("compute: azureml:one-gpu", "compute:")], "compute: expected compute: azureml:CLUSTER"),
    ("one-gpu", [("instance_count: 1", "instance_count: many")], f"resources.instance_count: {LOADED}, found \"many\""),
    # Who starts the processes.
    ("many-nodes", [("process_count_per_instance: 1", "process_count_per_instance: 8")],
     "command: expected one starter of processes, found two: `accelerate launch` in the command and"),
    ("many-nodes-platform", [("python -m localft", "accelerate launch -m localft")],
     "command: expected one starter of processes, found two"),
    ("many-nodes", [("instance_count: 2", "instance_count: 3")], "command: expected `accelerate launch` to be told of as"),
    ("many-nodes", [("distribution:\n  type: pytorch\n  process_count_per_instance: 1\n", "")],
     "command: expected `distribution: {type: pytorch}`, for which Azure sets"),
    ("many-nodes", [("type: pytorch", "type: torch")], f"distribution.type: {LOADED}, found \"torch\""),
    # What Azure's client refuses by itself.
    ("one-gpu", [("display_name:", "dispay_name:")], "dispay_name: expected a key of an Azure ML job"),
    ("one-gpu", [("command: >-", "comand: >-")], "command: expected it, found none; is comand meant for it?"),
    ("one-gpu", [("type: uri_folder", "type: uri_foldr")], f"outputs.run.type: {LOADED}, found \"uri_foldr\""),
    ("one-gpu", [("mode: rw_mount", "mode: rw_mout")], f"outputs.run.mode: {LOADED}, found \"rw_mout\""),
    ("one-gpu", [("mode: rw_mount", "mode: upload")], "outputs.run.mode: expected rw_mount, found upload"),
    ("one-gpu", [("type: command", "type: comand")], "type: expected command or sweep, found comand; localft checks and"),
    ("one-gpu", [("compute: azureml:one-gpu", "compute: azureml:one-gpu\nqueue_settings: {job_tier: cheap}")],
     f"queue_settings.job_tier: {LOADED}, found \"cheap\""),
    # Launchers in other words, and processes that do not know of each other.
    ("many-nodes", [("process_count_per_instance: 1", "process_count_per_instance: '2'")],
     "command: expected one starter of processes, found two: `accelerate launch`"),
    ("many-nodes-platform", [("python -m localft", "accelerate  launch --multi_gpu -m localft")],
     "command: expected one starter of processes, found two: `accelerate launch`"),
    ("many-nodes-platform", [("python -m localft", "accelerate-launch --multi_gpu -m localft")],
     "command: expected one starter of processes, found two: `accelerate-launch`"),
    ("many-nodes-platform", [("python -m localft", "python -m accelerate.commands.launch -m localft")],
     "command: expected one starter of processes, found two: `-m accelerate.commands.launch`"),
    ("many-nodes-platform", [("python -m localft", "torchrun --nproc_per_node 2 -m localft")],
     "command: expected one starter of processes, found two: `torchrun`"),
    ("many-nodes-platform", [("python -m localft", "python -m torch.distributed.run -m localft")],
     "command: expected one starter of processes, found two: `-m torch.distributed.run`"),
    ("many-nodes-platform", [("python -m localft", "python -m torch.distributed.launch -m localft")],
     "command: expected one starter of processes, found two: `-m torch.distributed.launch`"),
    ("many-nodes-platform", [("distribution:\n  type: pytorch\n  process_count_per_instance: 8\n", "")],
     "command: expected `distribution: {type: pytorch}`, for which Azure sets RANK and WORLD_SIZE, found no distribution"),
    ("many-nodes-platform", [("type: pytorch", "type: mpi")], "command: expected `distribution: {type: pytorch}`, for which"),
    ("many-nodes-platform", [("type: pytorch\n  process_count_per_instance: 8", "type: tensorflow\n  worker_count: 2")],
     "command: expected `distribution: {type: pytorch}`, for which Azure sets RANK and WORLD_SIZE, found tensorflow"),
    ("many-nodes", [("--num_processes 16", "--num_processes 15")], "command: expected --num_processes to be the GPUs of all"),
    ("many-nodes", [("--num_processes 16", "--num_processes 1")], "command: expected --num_processes to be the GPUs of all"),
    ("many-nodes", [("--machine_rank $NODE_RANK", "--machine_rank 0")], "command: expected --machine_rank $NODE_RANK"),
    ("many-nodes", [("  --machine_rank $NODE_RANK\n", "")], "command: expected --machine_rank $NODE_RANK"),
    ("one-node", [("$MASTER_ADDR", "${MASTER_ADDR}"), ("distribution:\n  type: pytorch\n  process_count_per_instance: 1\n", "")],
     "command: expected `distribution: {type: pytorch}`, for which Azure sets MASTER_ADDR"),
    ("many-nodes", [("--num_machines 2", "--num-machines 3")],
     "command: expected `accelerate launch` to be told of as many machines as the job has, found --num_machines 3"),
    ("many-nodes", [("instance_count: 2", "instance_count: '3'")],
     "command: expected `accelerate launch` to be told of as many machines as the job has, found --num_machines 2 and "
     "resources.instance_count 3"),
    ("many-nodes", [("instance_count: 2", "instance_count: 0")], "resources.instance_count: expected 1 machine or more, found 0"),
    # An image of which there is nothing to build, or from elsewhere.
    ("one-gpu", [(BUILD, "environment: {}\n")], "environment: expected a registered environment"),
    ("one-gpu", [("    path: ./localft-files/environment\n", "")], "environment: expected a registered environment"),
    ("one-gpu", [("path: ./localft-files/environment", "path: ./one-gpu.yml")],
     "environment.build.path: expected the folder with the Dockerfile, found the file ./one-gpu.yml"),
    ("one-gpu", [("dockerfile_path: Dockerfile", "dockerfile_path: ../code/one-gpu.yaml")],
     "environment.build.dockerfile_path: expected a Dockerfile at ../code/one-gpu.yaml in ./localft-files/environment, found it "
     "outside"),
    ("one-gpu", [("dockerfile_path: Dockerfile", "dockerfile_path: /etc/passwd")],
     "environment.build.dockerfile_path: expected a Dockerfile at /etc/passwd in ./localft-files/environment, found it outside"),
    ("one-gpu", [("code: ./localft-files/code", "code: ./one-gpu.yml")], "code: expected the folder with localft"),
    # Files that are named and not mounted.
    ("one-gpu", [(f"    path: {DATA}\n", "")], "inputs.training_file: expected `path:`"),
    ("one-gpu", [(TRAINING, f"  training_file: {DATA}\n")],
     "inputs.training_file: expected an input with `type: uri_file` and `path:` for --training-file, found the text"),
    ("one-gpu", [(TRAINING, ""), ("${{inputs.training_file}}", DATA)],
     "command: expected an input with `type: uri_file` and `path:` for --training-file, found the text"),
    ("one-gpu", [(DATA, "file:./nope.jsonl")], "inputs.training_file.path: expected a local path"),
    ("one-gpu", [("type: uri_file", "type: uri_folder")], "inputs.training_file.path: expected a folder, found none at"),
    ("one-gpu", [("model: phi-4-mini-instruct", "model: ./nonexistent")], "inputs.model: expected a catalogue id or a hub id"),
    # Clusters that nobody has.
    ("one-gpu", [("compute: azureml:one-gpu", "compute: '  '")], "compute: expected the name of a cluster"),
    ("one-gpu", [("compute: azureml:one-gpu", "compute: 'azureml:'")], "compute: expected the name of a cluster"),
    ("one-gpu", [("compute: azureml:one-gpu", "compute: azureml:azureml:g")], "compute: expected the name of a cluster"),
    # Runs that nobody would go on with.
    ("one-gpu", [("\n  --resume auto", "")], "command: expected --resume auto, by which a job that is taken away goes on"),
    ("one-gpu", [("--resume auto", "--resume never")], "command: expected --resume auto, by which a job that is taken away"),
    ("one-gpu", [('"${{outputs.run}}"', '/tmp/run --suffix "${{outputs.run}}"')],
     'command: expected --output-dir "${{outputs.run}}", which outlives the machine, found /tmp/run'),
    ("one-gpu", [('\n  --output-dir "${{outputs.run}}"', "")],
     'command: expected --output-dir "${{outputs.run}}", which outlives the machine, found none'),
    ("one-gpu", [("path: azureml://datastores/${{default_datastore}}/paths/localft/${{name}}", "path: ./local")],
     "outputs.run.path: expected a place in Azure's storage, found ./local"),
    ("one-gpu", [("command: >-\n  python -m localft\n", "command: ''\ndescription: >-\n  python -m localft\n")],
     "command: expected a command, found none in it"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "replacements", "reason"), MUTATIONS, ids=[mutation[2][:50] for mutation in MUTATIONS]
)
def test_a_mutated_job_is_refused_with_the_reason(
    job: Callable[..., Path], name: str, replacements: list[tuple[str, str]], reason: str
) -> None:
    found = refusals(job(name, *replacements))
    said = [problem.partition(": ")[2] if problem.startswith("job.yml:") else problem for problem in found]
    assert any(text.startswith(reason.removeprefix("job.yml: ")) for text in said), found


def test_all_problems_of_both_checks_come_at_once_in_the_order_of_the_file(job: Callable[..., Path]) -> None:
    path = job(
        "many-nodes",
        ("display_name:", "dispay_name:"),
        ("travel_assistant.jsonl", "gone.jsonl"),
        ("dockerfile_path: Dockerfile", "dockerfile_path: Dockerfil"),
        ("process_count_per_instance: 1", "process_count_per_instance: 8"),
    )
    found = refusals(path)
    lines = [int(problem.split(":")[1]) for problem in found]
    assert lines == sorted(lines)
    keys = [problem.split(": ")[1] for problem in found]
    assert keys == ["dispay_name", "environment.build.dockerfile_path", "inputs.training_file.path", "command"]


def test_the_line_of_a_problem_is_the_line_of_its_key(job: Callable[..., Path]) -> None:
    path = job("one-gpu", ("travel_assistant.jsonl", "gone.jsonl"))
    line = int(refusals(path)[0].split(":")[1])
    assert path.read_text().splitlines()[line - 1].strip().startswith("path: ../../src/localft/samples/gone.jsonl")


def test_a_build_context_beyond_azures_limits_is_refused(job: Callable[..., Path]) -> None:
    path = job("one-gpu")
    context = path.parent / "localft-files" / "environment"
    (context / "wheel.whl").write_bytes(b"0" * 1_000_000)
    assert "expected a build context of at most 100 files and 1,000,000 bytes" in refusals(path)[0]
    (context / "wheel.whl").unlink()
    for number in range(100):
        (context / f"{number}").touch()
    assert "found 102 files" in refusals(path)[0]


def test_data_of_azures_is_left_to_azure(job: Callable[..., Path]) -> None:
    client.check(job("one-gpu", ("../../src/localft/samples/travel_assistant.jsonl", "azureml:travel:1")))


def test_a_registered_environment_needs_no_dockerfile(job: Callable[..., Path]) -> None:
    build = "environment:\n  build:\n    path: ./localft-files/environment\n    dockerfile_path: Dockerfile\n"
    client.check(job("one-gpu", (build, "environment: azureml:localft:3\n")))


SWEEP = f"""type: sweep
trial:
  code: ./localft-files/code
  environment: {{build: {{path: ./localft-files/environment}}}}
  command: >-
    python -m localft train one-gpu.yaml --training-file "${{{{inputs.training_file}}}}"
    --n-epochs ${{{{search_space.n_epochs}}}} --seed ${{{{inputs.seed}}}} --integrations mlflow
    --output-dir "${{{{outputs.run}}}}" --resume auto
inputs: {{seed: 7, training_file: {{type: uri_file, path: {DATA}}}}}
outputs: {{run: {{type: uri_folder, mode: rw_mount}}}}
sampling_algorithm: grid
search_space: {{n_epochs: {{type: choice, values: [1, 2]}}}}
objective: {{goal: minimize, primary_metric: train_loss}}
limits: {{max_total_trials: 2}}
compute: azureml:one-gpu
"""


@pytest.fixture
def sweep(job: Callable[..., Path]) -> Callable[..., Path]:
    """A sweep with its data and its files, in which each (old, new) is replaced."""

    def written(*replacements: tuple[str, str]) -> Path:
        path, text = job("one-gpu").parent / "sweep.yml", SWEEP
        requirements = path.parent / "localft-files" / "environment" / "requirements.txt"
        requirements.write_text(f"{requirements.read_text()}mlflow\n")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        return path

    return written


def test_a_sweep_is_checked_in_its_trial(sweep: Callable[..., Path]) -> None:
    path = sweep()
    client.check(path)
    path.write_text(path.read_text().replace("search_space.n_epochs", "search_space.epochs").replace("grid", "grit"))
    found = refusals(path)
    assert found[0].startswith(
        "sweep.yml:5: trial.command: expected epochs under search_space, since the command names"
    )
    assert any(
        problem.startswith('sweep.yml:11: sampling_algorithm: expected what Azure ML takes here, found "grit"')
        for problem in found
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "train_loss",
            "ful_valid_loss",
            "objective.primary_metric: expected a metric that localft logs, train_loss, train_m",
        ),
        (
            "train_loss",
            "full_valid_loss",
            "objective.primary_metric: expected a validation_file, for full_valid_loss is comp",
        ),
        ("[1, 2]", "[1, half]", 'search_space.n_epochs.values: n_epochs is "half"; expected an integer from 1 to 50'),
        ("[1, 2]", "[222, 2]", "search_space.n_epochs.values: n_epochs is 222; expected an integer from 1 to 50"),
    ],
)
def test_what_a_sweep_tries_and_ranks_by_is_checked(job: Callable[..., Path], old: str, new: str, reason: str) -> None:
    path = job("one-gpu").parent / "sweep.yml"
    path.write_text(SWEEP.replace(old, new))
    assert any(f": {reason}" in problem for problem in refusals(path)), refusals(path)


@pytest.mark.parametrize("tracker", ["wandb", "tensorboard", "trackio"])
def test_a_tracker_that_the_image_lacks_is_refused(job: Callable[..., Path], tracker: str) -> None:
    path = job("one-gpu")
    recipe = path.parent / "localft-files" / "code" / "one-gpu.yaml"
    recipe.write_text(f"{recipe.read_text()}\nintegrations: [mlflow, {tracker}]\n")
    (problem,) = refusals(path)
    assert (
        f"environment.build.path: expected {tracker} among the requirements in ./localft-files/environment" in problem
    )
    requirements = path.parent / "localft-files" / "environment" / "requirements.txt"
    requirements.write_text(f"{requirements.read_text()}{tracker}\n")
    client.check(path)


def test_a_registered_environment_may_hold_the_model(job: Callable[..., Path]) -> None:
    build = "environment:\n  build:\n    path: ./localft-files/environment\n    dockerfile_path: Dockerfile\n"
    model = ("  model: phi-4-mini-instruct", "  model: /opt/phi-4")
    client.check(job("one-gpu", model, (build, "environment: azureml:localft:3\n")))


def test_of_a_registered_environment_no_tracker_is_missed(job: Callable[..., Path]) -> None:
    build = "environment:\n  build:\n    path: ./localft-files/environment\n    dockerfile_path: Dockerfile\n"
    path = job("one-gpu", (build, "environment: azureml:localft:3\n"))
    recipe = path.parent / "localft-files" / "code" / "one-gpu.yaml"
    recipe.write_text(f"{recipe.read_text()}\nintegrations: [wandb]\n")
    client.check(path)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("mode: rw_mount", "mode: rw_mount, path: azureml://datastores/x/paths/one", "outputs.run.path: expected a place"),
        ("max_total_trials: 2", "max_total_trials: 0", "limits.max_total_trials: expected 1 trial or more, found 0"),
        ("max_total_trials: 2", "max_total_trials: -3", "limits.max_total_trials: expected 1 trial or more, found -3"),
        ("values: [1, 2]", "values: []", "search_space.n_epochs.values: expected values to try, found none"),
        (" --integrations mlflow", "", "trial.command: expected mlflow among the integrations"),
    ],
)  # fmt: skip
def test_a_sweep_that_could_not_be_ranked_or_would_overwrite_itself_is_refused(
    sweep: Callable[..., Path], old: str, new: str, reason: str
) -> None:
    assert any(reason in problem for problem in refusals(sweep((old, new))))


@pytest.mark.parametrize("kind", ["type: mltable\n    ", "type: custom_model\n    ", "type: mlflow_model\n    ", ""])
def test_a_local_folder_may_be_a_model_a_table_or_of_no_type(job: Callable[..., Path], kind: str) -> None:
    model = f"  model:\n    {kind}path: ./localft-files\n"
    client.check(
        job("one-gpu", ("  model: phi-4-mini-instruct\n", model), ("${{inputs.model}}", '"${{inputs.model}}"'))
    )


def test_machines_in_quotes_are_a_number(job: Callable[..., Path]) -> None:
    client.check(
        job("many-nodes", ("instance_count: 2", "instance_count: '2'"), ("--num_machines 2", "--num-machines=2"))
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "model: phi-4\ntraining_file: a.jsonl\n",
            "found a recipe; `localft azure job job.yml -o job.yml` makes a job of it.",
        ),
        ("a: 1\n\tb: 2\n", "job.yml:2: expected YAML, found character '\\t' that cannot start any token."),
        ("{a: 1}\n{b: 2}\n", "job.yml:2: expected YAML, found '{' in the place of '<document start>'."),
        ("a: 2026-13-45\n", "expected YAML, found a value that is none: month must be in 1..12"),
        ("a: 1\nb\n", "expected YAML, found no ':'."),
        ("a: [1\nb: 2\n", "job.yml:2: expected YAML, found ':' in the place of ',' or ']'."),
        ("", "expected the keys of an Azure ML job"),
        ("- a\n", "expected the keys of an Azure ML job"),
        ("command: [\n", "job.yml:2: expected YAML, found"),
        (
            "type: pipeline\njobs: {a: {type: command, command: ls, environment: azureml:a:1}}\ncompute: azureml:a\n",
            "type: expected command or sweep, found pipeline; localft checks and submits command and sweep jobs.",
        ),
        ("type: automl\n", "type: expected command or sweep, found automl"),
        (
            "type: sweep\ntrial: 5\n",
            "job.yml:2: trial: expected the command, code and environment of each trial, found 5",
        ),
        ("type: sweep\na: &a {b: *a}\n", "expected values of a few levels, found one that holds itself"),
    ],
)
def test_what_is_no_job_of_localfts_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "job.yml").write_text(text)
    assert reason.replace("azure job job.yml", f"azure job {tmp_path / 'job.yml'}") in refusals(tmp_path / "job.yml")[0]


def test_a_job_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a job file, found: No such file"):
        client.check(tmp_path / "job.yml")
