"""Who starts which process, and the pairs that would start them twice or never."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from localft.azure.command import read_command
from localft.azure.launch import SHARDED, Machines, accelerate_options, distribution, launch_problems, localft_command
from planning import ROOT


def test_one_gpu_needs_no_launcher() -> None:
    assert localft_command(Machines()) == "python -m localft"
    assert distribution(Machines()) is None


def test_accelerate_is_told_of_all_processes_and_azure_starts_one_on_each_node() -> None:
    machines = Machines(nodes=3, gpus_per_node=4)
    words = shlex.split(localft_command(machines))
    options = dict(itertools.pairwise(words))
    assert words[:2] == ["accelerate", "launch"] and words[-2:] == ["-m", "localft"]
    assert (options["--num_machines"], options["--num_processes"]) == ("3", "12")
    assert options["--machine_rank"] == "$NODE_RANK"
    assert (options["--main_process_ip"], options["--main_process_port"]) == ("$MASTER_ADDR", "$MASTER_PORT")
    assert distribution(machines) == {"type": "pytorch", "process_count_per_instance": 1}


def test_the_platform_starts_one_process_for_each_gpu() -> None:
    machines = Machines(nodes=2, gpus_per_node=8, launcher="platform")
    assert localft_command(machines) == "python -m localft"
    assert distribution(machines) == {"type": "pytorch", "process_count_per_instance": 8}


@pytest.mark.parametrize("launcher", ["accelerate", "platform"])
@pytest.mark.parametrize(("nodes", "gpus"), [(1, 1), (1, 4), (2, 1), (2, 8)])
def test_what_is_made_is_never_refused(launcher: str, nodes: int, gpus: int) -> None:
    machines = Machines(nodes, gpus, launcher)  # type: ignore[arg-type]
    assert said(f"{localft_command(machines)} train job.yaml", distribution(machines), nodes) == []


def test_a_sharded_launch_is_that_of_the_shipped_configuration() -> None:
    launch = pytest.importorskip("accelerate.commands.launch")
    utils = pytest.importorskip("accelerate.utils.launch")

    def variables(options: list[str]) -> dict[str, str]:
        given = [*options, "--num_machines", "1", "--num_processes", "8", "-m", "localft", "train", "recipe.yaml"]
        read, _, _ = launch._validate_launch_command(launch.launch_command_parser().parse_args(given))
        return {k: v for k, v in utils.prepare_multi_gpu_env(read).items() if "FSDP" in k}

    by_options = variables(shlex.split(SHARDED))
    by_file = variables(["--config_file", str(ROOT / "recipes/accelerate/fsdp2.yaml")])
    assert by_options == by_file and by_options["FSDP_VERSION"] == "2"
    assert "--multi_gpu" not in localft_command(Machines(1, 8, sharded=True))
    assert SHARDED in localft_command(Machines(1, 8, sharded=True))


def test_accelerate_takes_the_options_it_is_given() -> None:
    launch = pytest.importorskip("accelerate.commands.launch")
    command = (
        localft_command(Machines(nodes=2, gpus_per_node=4)).replace("$NODE_RANK", "1").replace("$MASTER_PORT", "29500")
    )
    given = launch.launch_command_parser().parse_args([*shlex.split(command)[2:], "train", "recipe.yaml"])
    assert (given.num_machines, given.num_processes, given.machine_rank) == (2, 8, 1)
    assert (given.module, given.training_script) == (True, "localft")
    assert given.training_script_args == ["train", "recipe.yaml"]


def test_the_options_of_accelerate_are_those_of_its_own_parser() -> None:
    launch = pytest.importorskip("accelerate.commands.launch")
    parsed = {
        name.lstrip("-"): False if action.nargs == 0 else list(map(str, action.choices)) if action.choices else True
        for action in launch.launch_command_parser()._actions
        for name in action.option_strings
        if "-" not in name[2:]  # it takes --num-machines for --num_machines
    }
    assert accelerate_options() == parsed


PYTORCH = {"type": "pytorch", "process_count_per_instance": 1}
ONE_NODE = f"{localft_command(Machines(1, 4))} train job.yaml"
TWO_NODES = f"{localft_command(Machines(2, 4))} train job.yaml"


def said(command: str, distribution: Mapping[str, Any] | None, nodes: int) -> list[str]:
    return list(launch_problems(read_command(command), distribution, nodes))


def test_two_starters_of_processes_are_refused_in_one_sentence() -> None:
    assert said(TWO_NODES, {"type": "pytorch", "process_count_per_instance": 4}, 2) == [
        "expected one starter of processes, found two: `accelerate launch` in the command and process_count_per_instance: 4; "
        "set process_count_per_instance to 1, or put `python -m localft` in the place of `accelerate launch ... -m localft`."
    ]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("accelerate  launch --multi_gpu", "accelerate launch"),
        ("accelerate \\\n  launch --multi_gpu", "accelerate launch"),
        ("/opt/conda/bin/accelerate-launch --multi_gpu", "/opt/conda/bin/accelerate-launch"),
        ("python -m accelerate.commands.launch --multi_gpu", "-m accelerate.commands.launch"),
        ("pip install accelerate && torchrun --nproc_per_node 2", "torchrun"),
        ("python -m torch.distributed.run --nproc_per_node 2", "-m torch.distributed.run"),
        ("python -m torch.distributed.launch --nproc_per_node 2", "-m torch.distributed.launch"),
    ],
)
@pytest.mark.parametrize("count", [2, "2"])
def test_each_launcher_is_known_however_it_is_typed(typed: str, name: str, count: int | str) -> None:
    (problem,) = said(f"{typed} -m localft train r.yaml", {"type": "pytorch", "process_count_per_instance": count}, 1)
    assert f"found two: `{name}` in the command and process_count_per_instance: 2;" in problem


@pytest.mark.parametrize("command", ["pip install accelerate && python -m localft train r.yaml", "accelerate env"])
def test_accelerate_that_starts_nothing_is_no_launcher(command: str) -> None:
    assert said(command, {"type": "pytorch", "process_count_per_instance": 2}, 1) == []


def test_a_launch_that_waits_for_more_nodes_than_the_job_has_is_refused() -> None:
    (problem,) = said(TWO_NODES, PYTORCH, 1)
    assert "--num_machines 2 and resources.instance_count 1" in problem


def test_options_with_hyphens_and_equals_signs_are_accelerates_too() -> None:
    command = TWO_NODES.replace("--num_machines 2", "--num-machines=2").replace("--machine_rank", "--machine-rank")
    assert said(command, PYTORCH, 2) == []


@pytest.mark.parametrize(
    ("old", "new"), [("--num_processes 8", "--num_processes 7"), ("--num_processes 8", "--num-processes 1")]
)
def test_processes_that_do_not_share_the_machines_evenly_are_refused(old: str, new: str) -> None:
    (problem,) = said(TWO_NODES.replace(old, new), PYTORCH, 2)
    assert problem.startswith(
        f"expected --num_processes to be the GPUs of all machines together, the same number on each, found {new[-1]}"
    )


def test_one_process_is_refused_where_accelerate_is_told_of_many_gpus() -> None:
    alone = ONE_NODE.replace("--num_processes 4", "--num_processes 1")
    assert "found 1 for resources.instance_count 1" in said(alone, PYTORCH, 1)[0]
    assert said(alone.replace("--multi_gpu", ""), PYTORCH, 1) == []


@pytest.mark.parametrize(("rank", "found"), [("", "found none"), ("--machine_rank 0", "found --machine_rank 0")])
def test_machines_that_do_not_know_their_place_are_refused(rank: str, found: str) -> None:
    (problem,) = said(TWO_NODES.replace("--machine_rank $NODE_RANK", rank), PYTORCH, 2)
    assert problem.startswith("expected --machine_rank $NODE_RANK") and found in problem


def test_accelerate_without_azures_variables_is_refused() -> None:
    for given in (None, {"type": "mpi", "process_count_per_instance": 1}):
        for command in (TWO_NODES, TWO_NODES.replace("$MASTER_ADDR", "${MASTER_ADDR}")):
            (problem,) = said(command, given, 2)
            assert problem.startswith("expected `distribution: {type: pytorch}`, for which Azure sets MASTER_ADDR")
    assert "found no distribution" in said(ONE_NODE.replace("$MASTER_ADDR", "${MASTER_ADDR}"), None, 1)[0]


@pytest.mark.parametrize(
    ("distribution", "nodes"),
    [(None, 2), ({"type": "mpi", "process_count_per_instance": 2}, 1), ({"type": "tensorflow", "worker_count": 2}, 1)],
)
def test_plain_starts_that_would_not_know_of_each_other_are_refused(
    distribution: dict[str, Any] | None, nodes: int
) -> None:
    (problem,) = said("python -m localft train job.yaml", distribution, nodes)
    assert problem.startswith(
        "expected `distribution: {type: pytorch}`, for which Azure sets RANK and WORLD_SIZE, found "
    )


def test_one_plain_start_on_each_of_several_machines_is_fine() -> None:
    assert said("python -m localft train job.yaml", PYTORCH, 2) == []


TORCHRUN = "torchrun --nnodes 2 --nproc_per_node 4 --node_rank $NODE_RANK --master_addr $MASTER_ADDR --master_port $MASTER_PORT"


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (TORCHRUN, None),
        (f"timeout 3h {TORCHRUN}", None),
        ("torchrun --nnodes=2 --nproc_per_node 4 --rdzv_backend c10d --rdzv_endpoint $MASTER_ADDR:$MASTER_PORT", None),
        (TORCHRUN.replace("--nnodes 2", ""), "found --nnodes none and resources.instance_count 2"),
        (TORCHRUN.replace("--nnodes 2", "--nnodes 3"), "found --nnodes 3 and resources.instance_count 2"),
        (TORCHRUN.replace("--node_rank $NODE_RANK", ""), "expected --node_rank $NODE_RANK"),
        (TORCHRUN.replace("--nnodes 2", "").replace("rank $", "rank=$"), "found --nnodes none"),
        (TORCHRUN.replace("--nnodes 2", '"${OPTIONS[@]}"'), None),
        ("deepspeed --num_gpus 4", "found --nnodes none and resources.instance_count 2"),
    ],
)
def test_torchrun_is_told_of_the_other_machines(start: str, reason: str | None) -> None:
    found = said(f"{start} -m localft train job.yaml", PYTORCH, 2)
    assert (found == []) if reason is None else (reason in found[0])


@pytest.mark.parametrize("rank", ["$NODE_RANK", "${NODE_RANK}", '"$NODE_RANK"', "$OMPI_COMM_WORLD_RANK"])
def test_a_machines_place_may_be_written_in_several_ways(rank: str) -> None:
    assert said(TWO_NODES.replace("$NODE_RANK", rank), PYTORCH, 2) == []


def test_what_only_the_machine_knows_is_left_to_it() -> None:
    for count in ("$((2*4))", "${{inputs.gpus}}", "$GPUS"):
        assert said(TWO_NODES.replace("--num_processes 8", f"--num_processes {count}"), PYTORCH, 2) == []


def test_a_configuration_of_accelerates_in_the_code_folder_is_read(tmp_path: Path) -> None:
    command = read_command(TWO_NODES.replace("--num_machines 2 --num_processes 8", "--config_file launch.yaml"))
    config = tmp_path / "launch.yaml"
    config.write_text("num_machines: 2\nnum_processes: 8\n")
    assert list(launch_problems(command, PYTORCH, 2, tmp_path)) == []
    config.write_text("num_machines: 3\nnum_processes: 8\n")
    (problem,) = launch_problems(command, PYTORCH, 2, tmp_path)
    assert "found --num_machines 3 and resources.instance_count 2" in problem


def test_each_training_of_a_command_is_looked_at() -> None:
    (problem,) = said(f"{TWO_NODES} && {TWO_NODES.replace('--num_processes 8', '--num_processes 7')}", PYTORCH, 2)
    assert "found 7 for resources.instance_count 2" in problem
