"""Who starts which process. Azure ML starts a number of processes on each node, and `accelerate launch` starts some itself.

accelerate (the default)   Azure starts one process a node, which is `accelerate launch`; that starts one for each GPU
platform                   Azure starts one process for each GPU, which is the training itself

For `distribution: {type: pytorch}` Azure sets MASTER_ADDR, MASTER_PORT and NODE_RANK on each node, and RANK, LOCAL_RANK and
WORLD_SIZE for each process that it starts. Doing both at once would start each process several times over.
"""

from __future__ import annotations

import difflib
import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from localft.azure.command import Command, SimpleCommand, is_known
from localft.azure.job_file import mapping, whole_number
from localft.errors import UsageError
from localft.plan.sharding import sharding_wanted

Launcher = Literal["accelerate", "platform"]

ACCELERATE = "accelerate launch"
PLAIN = "python -m localft"
WHOLE = "--multi_gpu"
SHARDED = (
    "--use_fsdp --fsdp_version 2 --fsdp_auto_wrap_policy TRANSFORMER_BASED_WRAP --fsdp_reshard_after_forward true "
    "--fsdp_cpu_ram_efficient_loading true --fsdp_activation_checkpointing false --fsdp_state_dict_type FULL_STATE_DICT"
)
"""What recipes/accelerate/fsdp2.yaml says, as options."""
OPTIONS_OF_ACCELERATE = Path(__file__).parent / "accelerate_options.json"
AZURES_VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "RANK", "LOCAL_RANK", "WORLD_SIZE")
_AZURES = re.compile(r"\$\{?(?:MASTER_ADDR|MASTER_PORT|NODE_RANK)\b(?!:?-)")
_ONE_OF = ("cpu", "multi_gpu", "tpu", "use_deepspeed", "use_fsdp")
"""Of these accelerate takes one."""
_KINDS = {"FSDP": "use_fsdp", "DEEPSPEED": "use_deepspeed"}
"""What an accelerate configuration calls two of them."""
_RANKS = ("NODE_RANK", "RANK", "OMPI_COMM_WORLD_RANK")
"""A machine's place among the others, as Azure or MPI sets it where one process is started on each."""


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


def launch_problems(
    command: Command, distribution: Mapping[str, Any] | None, nodes: int, code: Path | None = None
) -> Iterator[str]:
    """Why the processes of a job would not find together, a sentence each; nothing where they would.

    `code` is the folder that accelerate finds its configuration file in.
    """
    spread = distribution or {}
    count = spread.get("process_count_per_instance", 1)
    started = whole_number(count)
    if started is None or started < 1:
        yield f"expected process_count_per_instance to be 1 or more, found {count}; set it to the processes of a machine."
    for each in command.simple:
        if each.training is not None or (each.launcher is not None and each.launcher[1]):
            yield from _problems_of_a_start(each, spread, started or 1, nodes, code)


def _problems_of_a_start(
    each: SimpleCommand, spread: Mapping[str, Any], started: int, nodes: int, code: Path | None
) -> Iterator[str]:
    launcher, words = each.launcher or (None, ())
    name = "" if launcher is None else launcher[0].strip("\0").replace("\0", " ")
    if launcher is not None and started > 1:
        yield (
            f"expected one starter of processes, found two: `{name}` in the command and "
            f"process_count_per_instance: {started}; set process_count_per_instance to 1, or put `{PLAIN}` in the place of "
            f"`{name} ... -m localft`."
        )
        return
    if launcher is not None:
        told = _told(each, words, code) if launcher["accelerate"] else _told_to_others(words)
        yield from told.problems
        if told.unknown:
            pass
        elif launcher["accelerate"]:
            yield from _told_to_accelerate(told.options, nodes, each.place.before)
            if each.training is not None:
                yield from _told_of_sharding(told.options)
        elif nodes > 1:
            options = told.options if launcher["torchrun"] else {}
            yield from _told_to_torchrun(options, name, nodes, each.place.before)
    if str(spread.get("type")).lower() != "pytorch" and (spread or nodes > 1 or _AZURES.search(" ".join(each.start))):
        what, count = ("RANK and WORLD_SIZE", "the number of GPUs of a machine")
        if launcher is not None:
            what, count = ("MASTER_ADDR, MASTER_PORT and NODE_RANK", "1")
        yield (
            f"expected `distribution: {{type: pytorch}}`, for which Azure sets {what}, found "
            f"{spread.get('type', 'no distribution')}; set it, with process_count_per_instance: {count}."
        )


def _told_to_accelerate(options: Mapping[str, str], nodes: int, before: str) -> Iterator[str]:
    """What `accelerate launch` is told of the machines, in the command or in its configuration file."""
    machines = whole_number(options.get("num_machines", "1"))
    if machines is not None and machines != nodes:
        yield (
            f"expected `accelerate launch` to be told of as many machines as the job has, found --num_machines {machines} and "
            f"resources.instance_count {nodes}; give both the same number, or the job waits for a node that never comes."
        )
    given = options.get("num_processes", "none" if nodes > 1 else "$")
    processes = whole_number(given)
    alone = processes == 1 and {"multi_gpu", "use_fsdp"} & set(options)
    if (processes is None and is_known(given)) or (
        processes is not None and (processes < 1 or processes % nodes or alone)
    ):
        yield (
            f"expected --num_processes to be the GPUs of all machines together, the same number on each, found {given} "
            f"for resources.instance_count {nodes}; set it to the machines times the GPUs of one. For one GPU alone put "
            f"`{PLAIN}` in the place of `accelerate launch ... -m localft`."
        )
    if nodes > 1:
        yield from _place_among_others(
            options, nodes, before, "--machine_rank", "--main_process_ip", "--main_process_port"
        )
    kinds = [f"--{name}" for name in _ONE_OF if name in options]
    if len(kinds) > 1 or "--cpu" in kinds:
        yield (
            f"expected one of --multi_gpu, --use_fsdp and --use_deepspeed for accelerate launch, found {' and '.join(kinds)}; "
            "leave one of the three."
        )
    shards = [name for name in options if name.startswith("fsdp_")]
    if shards and not {"use_fsdp", "config_file"} & set(options):
        yield f"expected --use_fsdp, without which accelerate passes over --{shards[0]}, found none; add it."


def _told_of_sharding(options: Mapping[str, str]) -> Iterator[str]:
    """What localft would refuse at its start: accelerate sets a variable of each option's name, behind a prefix or none."""
    kinds = {
        name: "" for name in (_KINDS.get(options.get("distributed_type", "")),) if name and not {*_ONE_OF} & {*options}
    }
    given = {**options, **kinds}
    if any(not is_known(given.get(name, "")) for name in ("fsdp_version", "zero_stage")):
        return
    try:
        sharding_wanted(
            {
                f"{prefix}{name.upper()}": value or "true"
                for name, value in given.items()
                if is_known(value)
                for prefix in ("", "ACCELERATE_", "ACCELERATE_DEEPSPEED_")
            }
        )
    except UsageError as error:
        yield f"expected a launch that localft follows, found another: {error.message}"
    except ValueError:
        yield "expected a whole number for --fsdp_version or --zero_stage, found none; mend it."


def _told_to_torchrun(options: Mapping[str, str], name: str, nodes: int, before: str) -> Iterator[str]:
    """What a launcher other than accelerate is told of several machines; torchrun alone can be, by its options."""
    machines = options.get("nnodes", "none").rpartition(":")[2]
    if machines != str(nodes) and is_known(machines):
        yield (
            f"expected `{name}` to be told of as many machines as the job has, found --nnodes {machines} and "
            f"resources.instance_count {nodes}; write torchrun --nnodes {nodes}, or each machine trains by itself."
        )
    elif "rdzv_endpoint" not in options:
        yield from _place_among_others(options, nodes, before, "--node_rank", "--master_addr", "--master_port")


def _place_among_others(
    options: Mapping[str, str], nodes: int, before: str, rank: str, address: str, port: str
) -> Iterator[str]:
    for option, wanted in ((rank, _RANKS), (address, ("MASTER_ADDR",)), (port, ("MASTER_PORT",))):
        found = options.get(option.removeprefix("--"), "")
        if not (_may_be(found, wanted, before) or (option == port and whole_number(found) is not None)):
            yield (
                f"expected {option} ${wanted[0]}, by which the {nodes} machines find each other, found "
                f"{f'{option} {found}' if found else 'none'}; set it so."
            )


def _may_be(found: str, wanted: tuple[str, ...], before: str) -> bool:
    """Whether a word may be one of Azure's variables: by its name, or by one of the user's own that is not misspelled."""
    if is_known(found) or found.startswith("'"):
        return False
    name = re.match(r"\$\{?(\w+)", found)
    if name is None or name[1] in wanted or re.search(rf"\b{name[1]}=", before):
        return True
    return not difflib.get_close_matches(name[1], AZURES_VARIABLES, n=1, cutoff=0.85)


# --- options of launchers ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Told:
    """A launcher's options by their names, with `_`; `problems` is what it would not take."""

    options: Mapping[str, str]
    problems: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    """What stands behind the options."""
    unknown: bool = False
    """Whether there may be more of them, in a variable or in a file that cannot be read from here."""


def _told_to_others(words: tuple[str, ...]) -> _Told:
    found = re.findall(r"(?:^|\s)--?([\w-]+)(?:[= ](?!-)(\S+))?", " ".join(words))
    options = {name.replace("-", "_"): _value(value) for name, value in found}
    pairs = itertools.pairwise(("", *words))
    unknown = any(
        not word.startswith("-") and not before.startswith("-") and not is_known(word) for before, word in pairs
    )
    return _Told(options, unknown=unknown)


def _told(each: SimpleCommand, words: tuple[str, ...], code: Path | None) -> _Told:
    told = _options_of_accelerate(words)
    problems = list(told.problems)
    if each.training is not None and (told.program or not {"m", "module"} & set(told.options)) and not told.unknown:
        problems.append(
            "expected `-m localft train` behind the options of accelerate launch, found "
            f"`{' '.join((*told.program, 'localft train'))}`; write it so."
        )
    config = told.options.get("config_file")
    if config is None:
        return _Told(told.options, tuple(problems), unknown=told.unknown)
    if code is not None and not os.path.isabs(config) and each.place.lacks(code, config):
        problems.append(
            f"expected accelerate's configuration at {config} in the code folder, found none; add the file."
        )
    configured = None
    if code is not None and each.place.directory is not None and not each.place.names(config):
        configured = _configured(code / each.place.directory / config)
    return _Told({**(configured or {}), **told.options}, tuple(problems), unknown=told.unknown or configured is None)


def _options_of_accelerate(words: tuple[str, ...]) -> _Told:
    """The options up to what accelerate starts. It takes `--num-machines` and `--num_machines` alike."""
    known = accelerate_options()
    options: dict[str, str] = {}
    problems: list[str] = []
    unknown = False
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") and not is_known(word):
            unknown = True
            continue
        if not word.startswith("-"):
            return _Told(options, tuple(problems), (word, *rest), unknown)
        given, equals, value = word.partition("=")
        name = given.lstrip("-").replace("-", "_")
        taken = known.get(name)
        if taken is None:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean --{near[0]}?" if near else "remove it."
            problems.append(f"expected an option of accelerate launch, found {given}; {hint}")
            continue
        options[name] = _value(value if equals else next(rest, "")) if taken else ""
        if isinstance(taken, list) and options[name] not in taken and is_known(options[name]):
            problems.append(f"expected {given} {' or '.join(taken)}, found {options[name] or 'none'}; mend it.")
    return _Told(options, tuple(problems), unknown=unknown)


@cache
def accelerate_options() -> dict[str, bool | list[str]]:
    """Option of `accelerate launch` -> whether a value follows, or which ones may; accelerate itself brings PyTorch along."""
    known: dict[str, bool | list[str]] = json.loads(OPTIONS_OF_ACCELERATE.read_text(encoding="utf-8"))
    return known


def _configured(file: Path) -> dict[str, str] | None:
    """What an accelerate configuration says of the machines and of sharding, as options; None where it is no mapping."""
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    if not isinstance(values, dict):
        return None
    found = {name: values[name] for name in ("num_machines", "num_processes", "distributed_type") if name in values}
    for name in ("fsdp_config", "deepspeed_config"):
        found.update(mapping(values, name))
    return {str(name): str(value).lower() if isinstance(value, bool) else str(value) for name, value in found.items()}


def _value(typed: str) -> str:
    """A value without its quotes; single quotes stay around a `$`, which the shell then leaves as it is."""
    bare = typed.replace('"', "")
    return bare if "$" in bare else bare.replace("'", "")
