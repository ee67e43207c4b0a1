"""A job that Azure's client would take and that could not run is refused, with the reason, before anything is sent.

Every mutation goes through the real `load_job`; the ones it lets pass are the reason for localft's own checks.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from localft.azure import client
from localft.azure.files import PACKAGE
from localft.azure.notes import notes
from localft.errors import DataError, UsageError
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
STORED = "azureml://datastores/${{default_datastore}}/paths/localft/${{name}}"
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
     'command: expected --output-dir "${{outputs.run}}", which outlives the machine, or a directory in it, found /tmp/run'),
    ("one-gpu", [('\n  --output-dir "${{outputs.run}}"', "")],
     'command: expected --output-dir "${{outputs.run}}", which outlives the machine, or a directory in it, found none;'),
    ("one-gpu", [("path: azureml://datastores/${{default_datastore}}/paths/localft/${{name}}", "path: ./local")],
     "outputs.run.path: expected a place in Azure's storage, found ./local"),
    ("one-gpu", [("command: >-\n  python -m localft\n", "command: ''\ndescription: >-\n  python -m localft\n")],
     "command: expected a command, found none in it"),
    # A command that starts no training.
    ("one-gpu", [("command: >-", "command: |")], "command: expected `python -m localft train RECIPE ...` in one line"),
    ("many-nodes", [("command: >-", "command: |")], "command: expected --multi_gpu in the line of its command, found it at"),
    ("one-gpu", [("train one-gpu", "tain one-gpu")], "command: expected `python -m localft train RECIPE ...` in one line"),
    ("one-gpu", [("-m localft", "-m localf")], "command: expected `python -m localft train RECIPE ...` in one line"),
    ("one-gpu", [("-m localft", "localft")], "command: expected `python -m localft train RECIPE ...` in one line"),
    ("one-gpu", [("train one-gpu", "plan one-gpu")], "command: expected `python -m localft train RECIPE ...` in one line"),
    ("one-gpu", [("  train", "  --no-color train")], "command: expected `python -m localft train RECIPE ...` in one line"),
    ("one-gpu", [("python -m", "# python -m")], "command: expected `python -m localft train RECIPE ...` in one line"),
    ("one-gpu", [("python -m", "pyhton -m")], "command: expected `python -m localft train RECIPE ...` in one line"),
    ("one-gpu", [("python -m", "echo python -m")], "command: expected `python -m localft train RECIPE ...` in one line"),
    ("many-nodes", [("accelerate launch", "accelerate lunch")], "command: expected `python -m localft train RECIPE ...` in"),
    ("one-gpu", [("python -m", "bash -c 'python -m"), ("one-gpu.yaml", "nope.yaml"), ("--resume auto", "--foo 1'")],
     "code: expected the recipe at nope.yaml"),
    ("one-gpu", [("python -m", "bash -c 'python -m"), ("--resume auto", "--resume auto --foo 1'")],
     "command: expected a flag of `localft train`, found --foo"),
    ("one-gpu", [("--resume auto", "--resume auto && python -m localft train nope.yaml")], "code: expected the recipe at nope."),
    ("one-gpu", [("train one-gpu.yaml", "train")], "command: expected a recipe behind `localft train`, found none"),
    ("one-gpu", [("train one-gpu.yaml", "train /home/me/x.yaml")], "command: expected a recipe in ./localft-files/code"),
    ("one-gpu", [("train one-gpu.yaml", "train ../code/one-gpu.yaml")], "command: expected a recipe in ./localft-files/code"),
    ("one-gpu", [("-m localft\n", "-m localft \\ \n")], "command: expected `\\` as the last character of its line"),
    # Expressions that Azure does not know.
    ("one-gpu", [("${{inputs.seed}}", "${{input.seed}}"), ("  seed: auto\n", "")],
     "command: expected ${{inputs.NAME}}, ${{outputs.NAME}} or, in a sweep, ${{search_space.NAME}}, found ${{input.seed}}"),
    ("one-gpu", [("${{inputs.seed}}", "${{Inputs.seed}}"), ("  seed: auto\n", "")], "command: expected ${{inputs.NAME}}"),
    ("one-gpu", [("${{inputs.seed}}", "${{parent.inputs.seed}}"), ("  seed: auto\n", "")], "command: expected ${{inputs.NAME}}"),
    ("one-gpu", [("--resume auto", "--resume auto --suffix ${{name}}")], "command: expected ${{inputs.NAME}}"),
    ("one-gpu", [("--resume auto", "--resume auto --suffix ${{default_datastore}}")], "command: expected ${{inputs.NAME}}"),
    # Checkpoints beside the mount.
    ("one-gpu", [('"${{outputs.run}}"', "\u201c${{outputs.run}}\u201d")], 'command: expected --output-dir "${{outputs.run}}"'),
    ("one-gpu", [('"${{outputs.run}}"', '"/tmp${{outputs.run}}"')], 'command: expected --output-dir "${{outputs.run}}"'),
    ("one-gpu", [('"${{outputs.run}}"', '"${{outputs.run}}x"')], 'command: expected --output-dir "${{outputs.run}}"'),
    ("one-gpu", [('"${{outputs.run}}"', '"${{outputs.run}}/../.."')], 'command: expected --output-dir "${{outputs.run}}"'),
    ("one-gpu", [('"${{outputs.run}}"', '$OUT"${{outputs.run}}"')], 'command: expected --output-dir "${{outputs.run}}"'),
    ("one-gpu", [("mode: rw_mount", "mode: direct")], "outputs.run.mode: expected rw_mount, found direct"),
    ("one-gpu", [("type: uri_folder", "type: uri_file")], "outputs.run.type: expected uri_folder, for a run is a directory"),
    ("many-nodes", [('"${{outputs.run}}"', "./outputs/run"),
     (f"  run:\n    type: uri_folder\n    mode: rw_mount\n    path: {STORED}\n", "  {}\n")],
     'command: expected --output-dir "${{outputs.run}}", which outlives the machine, or a directory in it, found ./outputs/run, '
     "which each machine has for itself"),
    # Places of outputs and data.
    ("one-gpu", [("/${{name}}", "/${{job.name}}")], "outputs.run.path: expected a place in Azure's storage"),
    ("one-gpu", [(STORED, "azureml://datastores/x")],
     "outputs.run.path: expected a place in Azure's storage, found azureml://datastores/x;"),
    ("one-gpu", [(STORED, "s3://bucket/x")],
     "outputs.run.path: expected a place in Azure's storage, found s3://bucket/x;"),
    ("one-gpu", [(DATA, "azureml://datastores/x/path/a.jsonl")], "inputs.training_file.path: expected azureml:NAME:VERSION"),
    ("one-gpu", [(DATA, "azureml:travel@newest")], "inputs.training_file.path: expected azureml:NAME:VERSION"),
    # Names that the client refuses when it has uploaded the files.
    ("one-gpu", [("  training_file:", "  my-data:"), ("inputs.training_file", "inputs.my-data")],
     "inputs.my-data: expected a name of letters, digits and _, not a digit first, found my-data; rename it."),
    ("one-gpu", [("  training_file:", "  1file:"), ("inputs.training_file", "inputs.1file")], "inputs.1file: expected a name of"),
    ("one-gpu", [("  training_file:", "  my file:"), ("inputs.training_file", "inputs.my file")], "inputs.my file: expected a"),
    ("one-gpu", [("  run:", "  my-run:"), ("outputs.run", "outputs.my-run")], "outputs.my-run: expected a name of letters"),
    # A file flag that is given no file.
    ("one-gpu", [(f"uri_file\n    path: {DATA}", "uri_folder\n    path: azureml:travel:1")],
     "inputs.training_file.type: expected uri_file for --training-file, found uri_folder"),
    ("one-gpu", [(f"uri_file\n    path: {DATA}", "mltable\n    path: azureml:travel:1")], "inputs.training_file.type: expecte"),
    ("one-gpu", [("mode: ro_mount", "mode: direct")], "inputs.training_file.mode: expected ro_mount or download"),
    ("one-gpu", [(f"uri_file\n    path: {DATA}", "uri_folder\n    path: ./compute"), ('"${{inputs.training_file}}"',
     '"${{inputs.training_file}}/a.jsonl"')], "command: expected the file a.jsonl in ./compute for --training-file, found none"),
    ("one-gpu", [("model: phi-4-mini-instruct\n  tr", "model: {type: uri_folder, path: 'azureml:m:1', mode: direct}\n  tr")],
     "inputs.model.mode: expected ro_mount or download for --model, found direct"),
    ("one-gpu", [("batch_size: 8", "batch_size: ''")], "inputs.batch_size: expected a value, found an empty text"),
    ("one-gpu", [("seed: auto", "seed: ''")], "inputs.seed: expected a value, found an empty text"),
    ("one-gpu", [("multiplier: auto", "multiplier: .inf")], "inputs.learning_rate_multiplier: expected a value, found inf"),
    # Processes that would not find each other.
    ("many-nodes", [("$MASTER_ADDR", "127.0.0.1")], "command: expected --main_process_ip $MASTER_ADDR, by which the 2 machines"),
    ("many-nodes", [("  --main_process_ip $MASTER_ADDR\n", "")], "command: expected --main_process_ip $MASTER_ADDR"),
    ("many-nodes", [("ip $MASTER_ADDR", "ip $MASTER_PORT"), ("port $MASTER_PORT", "port $MASTER_ADDR")],
     "command: expected --main_process_port $MASTER_PORT, by which the 2 machines find each other, found --main_process_port $M"),
    ("many-nodes", [("$NODE_RANK", "$NODE_RNK")], "command: expected --machine_rank $NODE_RANK"),
    ("many-nodes", [("$NODE_RANK", "'$NODE_RANK'")], "command: expected --machine_rank $NODE_RANK"),
    ("many-nodes", [("  --num_processes 16\n", "")], "command: expected --num_processes to be the GPUs of all machines"),
    ("many-nodes", [("--num_processes 16", "--num_processes sixteen")], "command: expected --num_processes to be the GPUs of"),
    ("many-nodes", [("--multi_gpu", "--cpu")], "command: expected one of --multi_gpu, --use_fsdp and --use_deepspeed for"),
    ("many-nodes", [("--multi_gpu", "--multigpu")],
     "command: expected an option of accelerate launch, found --multigpu; did you mean --multi_gpu?"),
    ("many-nodes", [("  -m localft", "  localft")], "command: expected `-m localft train` behind the options of accelerate"),
    ("many-nodes", [("  -m localft", "  python -m localft")], "command: expected `-m localft train` behind the options of acce"),
    ("many-nodes", [("--multi_gpu", "--config_file nope.yaml")], "command: expected accelerate's configuration at nope.yaml in"),
    ("many-nodes-platform", [("instance: 8", "instance: 0")], "command: expected process_count_per_instance to be 1 or more, fo"),
    ("many-nodes-platform", [("instance: 8", "instance: -1")], "command: expected process_count_per_instance to be 1 or more"),
    ("sharded", [("  --use_fsdp\n", "")], "command: expected --use_fsdp, without which accelerate passes over --fsdp_version"),
    ("sharded", [("--num_processes 8", "--num_processes 1")], "command: expected --num_processes to be the GPUs of all machines"),
    ("sharded", [("--use_fsdp", "--use_fsdp --multi_gpu")], "command: expected one of --multi_gpu, --use_fsdp and --use_deepspe"),
    ("sharded", [("--fsdp_version 2", "--fsdp_version 3")], "command: expected --fsdp_version 1 or 2, found 3; mend it."),
    # What localft would refuse when it starts on the machine.
    ("sharded", [("--fsdp_version 2", "--fsdp_version 1")], "command: expected a launch that localft follows, found another: ac"),
    ("sharded", [("loading true", "loading true --fsdp_offload_params true")], "command: expected a launch that localft follows"),
    ("sharded", [("FULL_STATE_DICT", "SHARDED_STATE_DICT")], "command: expected a launch that localft follows"),
    ("sharded", [("activation_checkpointing false", "activation_checkpointing true")], "command: expected a launch that localft"),
    ("sharded", [("TRANSFORMER_BASED_WRAP", "SIZE_BASED_WRAP")], "command: expected a launch that localft follows"),
    ("many-nodes", [("--multi_gpu", "--use_deepspeed --zero_stage 2")], "command: expected a launch that localft follows"),
    ("many-nodes", [("--multi_gpu", "--use_deepspeed --zero_stage 3 --offload_param_device nvme")], "command: expected a launch"),
    ("many-nodes", [("--multi_gpu", "--use_deepspeed --zero_stage 3 --gradient_clipping 0.5")], "command: expected a launch"),
    ("many-nodes", [("--multi_gpu", "--use_deepspeed --zero_stage three")], "command: expected a whole number for"),
    # Other words that start nothing, or nothing that lasts.
    ("one-gpu", [("-m localft", "localft/__main__.py")], "command: expected `python -m localft train RECIPE ...` in one line"),
    ("one-gpu", [("--resume auto", "--resume auto & echo $!")], "command: expected the training to be waited for"),
    ("one-gpu", [("python -m", "bash -eo pipefail -c 'python -m"), ("--resume auto", "--resume auto --foo 1'")],
     "command: expected a flag of `localft train`, found --foo"),
    ("one-gpu", [("python -m", "(cd /tmp); strace -f python -m"), ("one-gpu.yaml", "nope.yaml")], "code: expected the recipe at"),
    ("one-gpu", [("train one-gpu.yaml", f"train {'x' * 300}.yaml")], "code: expected the recipe at xxx"),
    ("one-gpu", [(TRAINING, ""), ("${{inputs.training_file}}", "x" * 300)], "command: expected an input with `type: uri_file`"),
    ("one-gpu", [(DATA, "x" * 300)], "inputs.training_file.path: expected a file, found none"),
    ("many-nodes", [("--multi_gpu", f"--config_file {'x' * 300}")], "command: expected accelerate's configuration at xxx"),
    # The image, and what the service alone would refuse.
    ("one-gpu", [("dockerfile_path: Dockerfile", "dockerfile_path: requirements.txt")],
     "environment.build.dockerfile_path: expected a line `FROM IMAGE` in ./localft-files/environment/requirements.txt"),
    ("one-gpu", [("environment:\n", "environment:\n  image: x/y\n")], "environment: expected `image:` or `build:`, found both"),
    ("one-gpu", [("experiment_name:", "name: a b\nexperiment_name:")], "name: expected a name that begins with"),
    ("one-gpu", [("tags:\n", f"tags:\n  {'t' * 101}: x\n")], f"tags.{'t' * 101}: expected a name of at most 100 characters"),
    ("one-gpu", [("tags:\n", f"tags:\n  t: {'x' * 1001}\n")], "tags.t: expected a value of at most 1000 characters, found 1001"),
    ("one-gpu", [("tags:\n", "tags:\n" + "".join(f"  t{n}: x\n" for n in range(50)))], "tags: expected at most 50 tags, found"),
    ("one-gpu", [("resources:", "limits: {timeout: 0}\nresources:")], "limits.timeout: expected 1 second or more, found 0"),
    ("one-node", [("shm_size: 8g", "shm_size: 8gb")], "resources.shm_size: expected a number and b, k, m or g, such as 8g"),
    ("one-gpu", [("azureml:one-gpu", "azureml://computes/x")], "compute: expected the name of a cluster"),
    ("one-gpu", [("azureml:one-gpu", "local")], "compute: expected a cluster, found local, by which Azure's client would start"),
    ("many-nodes", [("resources:", "environment_variables: {NODE_RANK: '0'}\nresources:")],
     "environment_variables.NODE_RANK: expected NODE_RANK as Azure sets it on each machine"),
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


FLAGS = (
    'train one-gpu.yaml --model ${{inputs.model}} --training-file "${{inputs.training_file}}" --validation-file '
    '"${{inputs.validation_file}}" --batch-size ${{inputs.batch_size}} --learning-rate-multiplier '
    "${{inputs.learning_rate_multiplier}} --n-epochs ${{inputs.n_epochs}} --seed ${{inputs.seed}} --output-dir "
    '"${{outputs.run}}" --resume auto'
)
TRAIN = f"python -m localft {FLAGS}"
LINES = TRAIN.replace(" --", " \\\n  --")


@pytest.mark.parametrize(
    "command",
    [
        f"{TRAIN} 2>&1 | tee log.txt",
        f"{TRAIN} 2>err.txt",
        f"{TRAIN} > log.txt 2> err.txt",
        f"set -o pipefail; {TRAIN} |& tee log",
        f"# don't stop\n{LINES}",
        f"{LINES}  # same as on the desk\n",
        f"# runs localft train on the cluster\n{LINES}",
        f"# python -m localft train old.yaml --bogus 1\n{LINES}",
        f"cat > /tmp/x <<'EOF'\ndon't\nEOF\n{LINES}",
        f"( {TRAIN} )",
        f"out=$({TRAIN})",
        f"bash -c '{TRAIN}'",
        f"for i in 1 2 3; do\n  {TRAIN} && break\ndone",
        f"timeout 3h {TRAIN}",
        f'export P="$HOME/.local/bin:$P"; CUDA_VISIBLE_DEVICES=0 {TRAIN}',
        TRAIN.replace("auto", '"$RESUME"'),
        TRAIN.replace('"${{outputs.run}}"', '"${{outputs.run}}/travel"'),
        f"pip install . && localft {FLAGS}",
        f"$PYTHON -m localft {FLAGS}",
        f"uv run {TRAIN}",
        f"echo $'it\\'s' && echo \"$(echo \"it's\")\" && {TRAIN}",
        f"{TRAIN} --suffix $(basename $(pwd))",
        f"run() {{ {TRAIN}; }}\nrun",
    ],
)
def test_ordinary_shell_around_a_training_passes(job: Callable[..., Path], command: str) -> None:
    path = job("one-gpu")
    values = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**values, "command": command}))
    client.check(path)


SIXTY = "x" * 480
MODULE = TRAIN.removeprefix("python ")


@pytest.mark.parametrize(
    "command",
    [
        # Shells in shells.
        *(
            f"bash {options} -c '{TRAIN}'"
            for options in ("-eo pipefail", "-euo pipefail", "-o pipefail", "-e", "-x", "--login")
        ),
        f"timeout 3h bash -ceo pipefail '{TRAIN}'",
        f"bash -c -e '{TRAIN}'",
        f"""eval '{TRAIN}'""",
        f"flock /tmp/lock -c '{TRAIN}'",
        f"python -c '{SIXTY}'; {TRAIN}",
        f"cd {SIXTY} || true; {TRAIN}",
        f"bash <<'EOF'\n{TRAIN}\nEOF",
        f"cat > go.sh <<'EOF'\n{TRAIN}\nEOF\nbash go.sh",
        f"chmod +x train.sh; /opt/train.sh; {TRAIN}",
        f"make train # {TRAIN}",
        # Whatever runs it.
        f"python -m localft --debug {FLAGS}",
        f"py-spy record -o /tmp/p.svg -- {TRAIN}",
        f"strace -f -o /tmp/s {TRAIN}",
        f"flock /tmp/lock {TRAIN}",
        f"echo | xargs {TRAIN}",
        f"coverage run {MODULE}",
        f"pyinstrument {MODULE}",
        f'"$CONDA_PREFIX/bin/python" {MODULE}',
        f"${{PYTHON:-python}} {MODULE}",
        f"$(which python) {MODULE}",
        f"`which python` {MODULE}",
        f"python -u -X faulthandler {MODULE}",
        f"conda run -n deepspeed --no-capture-output {TRAIN}",
        f"nvidia-smi; systemd-run --scope {TRAIN}",
        f"python -m debugpy --listen 5678 {MODULE}",
        f"nohup {TRAIN} & wait",
        f"{TRAIN} &\nP=$!\nwhile kill -0 $P; do sleep 9; done",
        # Directories.
        f"(cd sub && pip install -e .) && {TRAIN}",
        f"mkdir -p /tmp/scratch && (cd /tmp/scratch && ls); {TRAIN}",
        f"cd localft; ls; cd ..; {TRAIN}",
        f"cd /tmp; ls; cd - && {TRAIN}",
        f"cd /tmp; ls; cd $OLDPWD && {TRAIN}",
        f"cd localft && PYTHONPATH=.. {TRAIN.replace('one-gpu.yaml', '../one-gpu.yaml')}",
        f"cd localft/cli/../.. && {TRAIN}",
        f"cd -- localft && cd ../ && {TRAIN}",
        f"out=$(cd /tmp && ls); {TRAIN}",
        f'cd "$(dirname $0)"; {TRAIN}',
        f"pushd /tmp; popd; {TRAIN}",
        f"git clone https://example.org/jobs.git && cd jobs && {TRAIN}",
        f"env -C /srv/jobs {TRAIN}",
        # Files that the command makes.
        *(
            f"{made} && {TRAIN.replace('one-gpu.yaml', file)}"
            for made, file in [
                ("sed s/a/b/ one-gpu.yaml > mine.yaml", "mine.yaml"),
                ("cp one-gpu.yaml mine.yaml", "mine.yaml"),
                ("mkdir made && cp one-gpu.yaml made/", "made/one-gpu.yaml"),
                ("envsubst < one-gpu.yaml > /tmp/r.yaml", "/tmp/r.yaml"),
                ("curl -sSfO https://example.org/r.yaml", "r.yaml"),
                ("tar xf recipes.tgz", "recipes/r.yaml"),
                ("cp one-gpu.yaml $TMPDIR/r.yaml", "$TMPDIR/r.yaml"),
            ]
        ),
        f"cat > acc.yaml <<'EOF'\nnum_processes: 2\nEOF\naccelerate launch --config_file acc.yaml {MODULE}",
        f"{TRAIN} --chat-template $TEMPLATE",
        # Words that only the machine knows.
        f"{TRAIN} $EXTRA",
        f"{TRAIN} ${{EXTRA_ARGS}} ${{MORE:+--suffix a}}",
        f'set -- ; {TRAIN} "$@"',
        f'ARGS=(--suffix "a b" --n-checkpoints 2)\n{TRAIN} "${{ARGS[@]}}"',
        TRAIN.replace("--resume auto", "$ON"),
        TRAIN.replace('--output-dir "${{outputs.run}}"', '"${ON[@]}"') + "; ls ${{outputs.run}}",
        f"OUT=${{{{outputs.run}}}}; {TRAIN.replace('${{outputs.run}}', '$OUT')}",
        f"accelerate launch $OPTIONS {MODULE}",
        f'accelerate launch --num_processes 2 "${{OPTIONS[@]}}" {MODULE}',
        f"accelerate launch --num_processes 2 --main_process_port ${{MASTER_PORT:-29500}} {MODULE}",
    ],
)
def test_what_is_not_understood_is_left_alone(job: Callable[..., Path], command: str) -> None:
    path = job("one-gpu")
    values = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**values, "command": command}))
    client.check(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rank $NODE_RANK", "rank ${NODE_RANK:-0}"),
        ("$MASTER_ADDR", "${MASTER_ADDR:-localhost}"),
        ("$MASTER_PORT", "${MASTER_PORT:-29500}"),
        ("$MASTER_ADDR", "$ADDR"),
        ("$MASTER_ADDR", "$(hostname)"),
        ("--num_processes 16", "--num_processes $((2 * 8))"),
    ],
)
def test_machines_may_find_each_other_by_variables_of_the_users_own(
    job: Callable[..., Path], old: str, new: str
) -> None:
    client.check(job("many-nodes", (old, new), ("accelerate launch", "export ADDR=$MASTER_ADDR; accelerate launch")))


@pytest.mark.parametrize(
    ("end", "note"),
    [
        ("$EXTRA", "what $EXTRA stands for is known to the machine alone, and was not looked into"),
        (
            "; cd $HOME; " + TRAIN,
            "the command changes to a directory that is known to the machine alone, so its paths were not",
        ),
        (
            "; sed -i s/a/b/ one-gpu.yaml; " + TRAIN,
            "the command names one-gpu.yaml before it trains by it and may make it, so it was not looked into",
        ),
    ],
)
def test_what_was_not_looked_into_is_noted(job: Callable[..., Path], end: str, note: str) -> None:
    path = job("one-gpu")
    values = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**values, "command": f"{TRAIN} {end}"}))
    (said,) = notes(client.check(path))
    assert said.startswith(note)


def test_sharding_in_a_configuration_of_the_code_folder_is_checked(job: Callable[..., Path]) -> None:
    path = job("many-nodes", ("--multi_gpu", "--config_file fsdp.yaml"))
    config = path.parent / "localft-files" / "code" / "fsdp.yaml"
    shutil.copy(ROOT / "recipes" / "accelerate" / "fsdp2.yaml", config)
    client.check(path)
    config.write_text(config.read_text().replace("fsdp_version: 2", "fsdp_version: 1"))
    (problem,) = refusals(path)
    assert "accelerate is configured for FSDP 1; localft shards by FSDP 2" in problem


def test_outputs_of_one_machine_are_kept_by_azure_and_need_no_mount(job: Callable[..., Path]) -> None:
    path = job("one-gpu", ('"${{outputs.run}}"', "./outputs/run"))
    values = yaml.safe_load(path.read_text())
    del values["outputs"]
    path.write_text(yaml.safe_dump(values))
    client.check(path)


def test_localft_of_an_image_of_ones_own_needs_no_code(job: Callable[..., Path]) -> None:
    recipe = "  recipe: {type: uri_file, path: ./localft-files/code/one-gpu.yaml}\n  batch_size:"
    client.check(
        job(
            "one-gpu",
            (BUILD, "environment: azureml:localft:3\n"),
            ("code: ./localft-files/code\n", ""),
            ("  batch_size:", recipe),
            ("train one-gpu.yaml", 'train "${{inputs.recipe}}"'),
        )
    )


def test_a_training_in_another_directory_of_the_code_is_looked_for_there(job: Callable[..., Path]) -> None:
    path = job(
        "one-gpu", ("code: ./localft-files/code", "code: ./localft-files"), ("python -m", "cd code && python -m")
    )
    client.check(path)
    path.write_text(path.read_text().replace("cd code", "cd environment"))
    assert any("expected the recipe at one-gpu.yaml in ./localft-files" in problem for problem in refusals(path))


def test_a_script_of_the_code_folder_is_not_looked_into_and_that_is_said(job: Callable[..., Path]) -> None:
    path = job("one-gpu")
    values = yaml.safe_load(path.read_text())
    (path.parent / "localft-files" / "code" / "run.sh").write_text("exit\n")
    del values["inputs"], values["outputs"]
    path.write_text(yaml.safe_dump({**values, "command": "sh run.sh"}))
    assert list(notes(client.check(path))) == [
        "the command starts no `localft train`, so what it runs was not looked into"
    ]
    path.write_text(yaml.safe_dump({**values, "command": "sh gone.sh"}))
    assert "expected `python -m localft train RECIPE ...` in one line" in refusals(path)[0]


def test_a_name_with_blanks_has_to_be_quoted_in_the_command(job: Callable[..., Path]) -> None:
    path = job("one-gpu", (DATA, "./my train.jsonl"))
    shutil.copy(ROOT / "src" / "localft" / "samples" / "travel_assistant.jsonl", path.parent / "my train.jsonl")
    client.check(path)
    path.write_text(path.read_text().replace('"${{inputs.training_file}}"', "${{inputs.training_file}}"))
    assert 'expected "${{inputs.training_file}}" in quotes, since my train.jsonl has a blank' in refusals(path)[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected one example a line, found none"),
        ('{"a": 1}\n', "bad.jsonl:1: a: expected"),
        ("a: 1\n", "expected one JSON"),
    ],
)
def test_local_rows_are_validated_before_anything_is_sent(job: Callable[..., Path], text: str, said: str) -> None:
    path = job("one-gpu", (DATA, "./bad.jsonl"))
    (path.parent / "bad.jsonl").write_text(text)
    with pytest.raises(DataError) as refused:
        client.check(path)
    assert said in str(refused.value)


def test_a_gated_model_is_noted(job: Callable[..., Path]) -> None:
    (gated,) = notes(client.check(job("sharded")))
    assert gated.startswith("meta-llama/Llama-3.1-70B-Instruct is gated, and the machine needs a token of the hub")


def test_a_secret_in_the_file_is_noted_by_its_name_alone(job: Callable[..., Path]) -> None:
    path = job("sharded", ("resources:", "environment_variables: {HF_TOKEN: hf_x}\nresources:"))
    (secret,) = notes(client.check(path))
    assert secret.startswith("environment_variables.HF_TOKEN stands in the file") and "hf_x" not in secret


def test_an_open_model_needs_no_note(job: Callable[..., Path]) -> None:
    assert list(notes(client.check(job("one-gpu")))) == []


def test_a_mounted_model_is_not_gated(job: Callable[..., Path]) -> None:
    model = "model: {type: uri_folder, path: 'azureml:llama:1'}"
    path = job("sharded", ("model: llama-3.1-70b-instruct\n  training", f"{model}\n  training"))
    assert list(notes(client.check(path))) == []


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
        ("trials: 2", "trials: 2, max_concurrent_trials: 3", "limits.max_concurrent_trials: expected at most the 2 of"),
        ("choice, values: [1, 2]", "uniform, min_value: 1, max_value: 3", "search_space.n_epochs.type: expected choice, which"),
        ("choice, values: [1, 2]", "uniform, min_value: 1, max_value: 3", "search_space.n_epochs: n_epochs is 1.6"),
        ("choice, values: [1, 2]", "randint, upper: 100", "search_space.n_epochs: n_epochs is 99; expected an integer from 1"),
        ("choice, values: [1, 2]", "quniform, min_value: 5, max_value: 1, q: 1", "n_epochs: expected min_value to be at most"),
        ("minimize", "maximize", "objective.goal: expected minimize, for train_loss is better the lower it is"),
        ("compute:", "early_termination: {type: bandit}\ncompute:", "early_termination: expected slack_factor or slack_amount"),
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
        ("a: 1\n---\nb: 2\n", "job.yml:2: expected YAML, found another document."),
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
