"""Who starts which process. Azure ML starts a number of processes on each node, and `accelerate launch` starts some itself.

accelerate (the default)   Azure starts one process a node, which is `accelerate launch`; that starts one for each GPU
platform                   Azure starts one process for each GPU, which is the training itself

For `distribution: {type: pytorch}` Azure sets MASTER_ADDR, MASTER_PORT and NODE_RANK on each node, and RANK, LOCAL_RANK and
WORLD_SIZE for each process that it starts. Doing both at once would start each process several times over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from localft.azure.command import words_of
from localft.azure.job_file import whole_number
from localft.errors import UsageError

Launcher = Literal["accelerate", "platform"]

ACCELERATE = "accelerate launch"
PLAIN = "python -m localft"
WHOLE = "--multi_gpu"
SHARDED = (
    "--use_fsdp --fsdp_version 2 --fsdp_auto_wrap_policy TRANSFORMER_BASED_WRAP --fsdp_reshard_after_forward true "
    "--fsdp_cpu_ram_efficient_loading true --fsdp_activation_checkpointing false --fsdp_state_dict_type FULL_STATE_DICT"
)
"""What recipes/accelerate/fsdp2.yaml says, as options."""
_STARTERS = re.compile(
    r"(?:^|\s)(?:\S*/)?(?:"
    r"(?P<accelerate>accelerate launch|accelerate-launch|-m accelerate\.commands\.(?:accelerate_cli )?launch)"
    r"|(?P<other>torchrun|-m torch\.distributed\.(?:run|launch)|deepspeed|mpirun|mpiexec))(?=\s)"
)
_AZURES = re.compile(r"\$\{?(?:MASTER_ADDR|MASTER_PORT|NODE_RANK)\b")


@dataclass(frozen=True)
class Machines:
    """The machines of one job and who starts the processes on them."""

    nodes: int = 1
    gpus_per_node: int = 1
    launcher: Launcher = "accelerate"
    sharded: bool = False
    """One model spread over all GPUs by FSDP 2, in place of one on each; accelerate tells the processes of it."""

    @property
    def processes(self) -> int:
        """One for each GPU of the job."""
        return self.nodes * self.gpus_per_node


def localft_command(machines: Machines) -> str:
    """What stands before `train`: `python -m localft`, behind `accelerate launch` where that starts the processes.

    What a machine's own accelerate configuration could change is said outright.
    """
    if machines.processes == 1 or machines.launcher == "platform":
        return PLAIN
    return (
        f"{ACCELERATE} {SHARDED if machines.sharded else WHOLE} "
        f"--num_machines {machines.nodes} --num_processes {machines.processes} --machine_rank $NODE_RANK "
        "--main_process_ip $MASTER_ADDR --main_process_port $MASTER_PORT "
        "--mixed_precision no --dynamo_backend no -m localft"
    )


def distribution(machines: Machines) -> dict[str, Any] | None:
    """The job's `distribution`; None for one process, which needs none."""
    if machines.processes == 1:
        return None
    per_node = machines.gpus_per_node if machines.launcher == "platform" else 1
    return {"type": "pytorch", "process_count_per_instance": per_node}


def launch_problems(command: str, distribution: Mapping[str, Any] | None, nodes: int) -> Iterator[str]:
    """Why the processes of a job would not find together, a sentence each; nothing where they would."""
    words = _words(command)
    starter = _STARTERS.search(words)
    if starter is None and not re.search(r"\blocalft train\b", words):
        return
    spread = distribution or {}
    started = whole_number(spread.get("process_count_per_instance")) or 1
    if starter is not None and started > 1:
        name = starter[0].strip()
        yield (
            f"expected one starter of processes, found two: `{name}` in the command and "
            f"process_count_per_instance: {started}; set process_count_per_instance to 1, or put `{PLAIN}` in the place of "
            f"`{name} ... -m localft`."
        )
        return
    if starter is not None and starter["accelerate"]:
        yield from _told_to_accelerate(_options(words[starter.end() :]), nodes)
    if str(spread.get("type")).lower() != "pytorch" and (spread or nodes > 1 or _AZURES.search(words)):
        what, count = ("RANK and WORLD_SIZE", "the number of GPUs of a machine")
        if starter is not None:
            what, count = ("MASTER_ADDR, MASTER_PORT and NODE_RANK", "1")
        yield (
            f"expected `distribution: {{type: pytorch}}`, for which Azure sets {what}, found "
            f"{spread.get('type', 'no distribution')}; set it, with process_count_per_instance: {count}."
        )


def _told_to_accelerate(options: Mapping[str, str], nodes: int) -> Iterator[str]:
    """What `accelerate launch` is told of the machines, as far as the command says it and no file of its own."""
    if "config_file" in options:
        return
    machines = whole_number(options.get("num_machines", "1"))
    if machines is not None and machines != nodes:
        yield (
            f"expected `accelerate launch` to be told of as many machines as the job has, found --num_machines {machines} and "
            f"resources.instance_count {nodes}; give both the same number, or the job waits for a node that never comes."
        )
    processes = whole_number(options.get("num_processes", ""))
    if processes is not None and (processes < 1 or processes % nodes or (processes == 1 and "multi_gpu" in options)):
        yield (
            f"expected --num_processes to be the GPUs of all machines together, the same number on each, found {processes} "
            f"for resources.instance_count {nodes}; set it to the machines times the GPUs of one. For one GPU alone put "
            f"`{PLAIN}` in the place of `accelerate launch ... -m localft`."
        )
    rank = options.get("machine_rank")
    if nodes > 1 and "$" not in (rank or ""):
        yield (
            f"expected --machine_rank $NODE_RANK, by which each machine knows its place among the {nodes}, found "
            f"{f'--machine_rank {rank}' if rank else 'none'}; set it so."
        )


def _words(command: str) -> str:
    """The words of a command with a blank between them; as they stand where its quotes are not in pairs."""
    try:
        return " ".join(words_of(command))
    except UsageError:
        return " ".join(command.split())


def _options(words: str) -> dict[str, str]:
    """A launcher's options up to the module that it starts. It takes `--num-machines` and `--num_machines` alike."""
    before, _, _ = words.partition(" -m ")
    found = re.findall(r"(?:^|\s)--([\w-]+)(?:[= ](?!--)(\S+))?", before)
    return {name.replace("-", "_"): value for name, value in found}
