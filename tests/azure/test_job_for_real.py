"""A job as Azure would run it: in the uploaded code folder, with nothing of localft installed, inputs and outputs put in.

One machine stands in for the cluster, so what is checked is the command, the code folder and the launch; tiny model, CPU.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from localft.cli import main
from localft.jobs.results import read_results
from localft.jobs.run_directory import RunDirectory
from runs import MODEL, write_chats

pytestmark = pytest.mark.slow

LAUNCHES = {
    "one-process": (),
    "accelerate": ("--gpus-per-node", "2"),
    "platform": ("--gpus-per-node", "2", "--launcher", "platform"),
}


@pytest.fixture
def job_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A job on two small files, with blanks in all names, made by the command line in a directory of its own."""
    (tmp_path / "my data").mkdir()
    write_chats(tmp_path / "my data" / "train.jsonl")
    write_chats(tmp_path / "my data" / "valid.jsonl", 4, word="valid")
    recipe = {
        "model": MODEL,
        "training_file": "my data/train.jsonl",
        "validation_file": "my data/valid.jsonl",
        "seed": 7,
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    monkeypatch.chdir(tmp_path)
    knobs = ("--batch-size", "4", "--n-epochs", "1")
    with pytest.raises(SystemExit) as ended:
        main.run(
            ["azure", "job", "recipe.yaml", "--compute", "cpu", "-o", "my job.yml", *knobs, *LAUNCHES[request.param]]
        )
    assert ended.value.code == 0
    return tmp_path / "my job.yml"


def run_as_azure(job_file: Path, output: Path) -> None:
    """Starts as many processes as the job's distribution says, each with the variables that Azure sets."""
    job: dict[str, Any] = yaml.safe_load(job_file.read_text())
    command = job["command"]
    for name, given in job["inputs"].items():
        value = str((job_file.parent / given["path"]).resolve()) if isinstance(given, dict) else str(given)
        command = command.replace(f"${{{{inputs.{name}}}}}", value)
    command = command.replace("${{outputs.run}}", str(output))
    node = output.parent / "node"  # what Azure's machine has of ours: the uploaded folder
    if not node.exists():
        shutil.copytree(job_file.parent / job["code"], node)
    count = job.get("distribution", {}).get("process_count_per_instance", 1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LOCALFT_HOME": str(output.parent / "home"),
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
    }
    started = []
    for rank in range(count):
        spread = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "NODE_RANK": "0"}
        spread |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
        given = environment | (spread if "distribution" in job else {})
        log = (output.parent / f"log-{rank}").open("w")
        started.append(
            subprocess.Popen(["bash", "-c", command], cwd=node, env=given, stdout=log, stderr=subprocess.STDOUT)
        )
    codes = [process.wait(timeout=900) for process in started]
    assert codes == [0] * count, (output.parent / "log-0").read_text()


@pytest.mark.parametrize("job_file", LAUNCHES, indirect=True)
def test_a_job_trains_in_its_code_folder_and_goes_on_when_it_is_started_again(job_file: Path, tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()
    run_as_azure(job_file, mount / "run")
    run = RunDirectory(mount / "run")
    assert run.read_job().status == "succeeded"
    rows = read_results(run.results_file)
    assert [row.step for row in rows] == [1, 2, 3] and "full_valid_loss" in rows[-1].metrics
    processes = 1 if "distribution" not in job_file.read_text() else 2
    assert f'"processes": {processes}' in (run.path / "execution.json").read_text()
    before = (run.path / "results.csv").read_bytes()
    run_as_azure(job_file, mount / "run")  # as Azure does with a job that it took away
    assert (run.path / "results.csv").read_bytes() == before
