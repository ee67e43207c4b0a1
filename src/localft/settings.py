"""Where localft keeps things, and what of the environment it reads. Nothing else reads environment variables for these."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from localft.errors import UsageError

FSDP = "ACCELERATE_USE_FSDP"


def home() -> Path:
    """Directory of what outlives a run (tokens, the model of random weights): `LOCALFT_HOME`, else the user data directory."""
    configured = os.environ.get("LOCALFT_HOME")
    return Path(configured).expanduser().absolute() if configured else Path(platformdirs.user_data_dir("localft"))


def tracker_project(variable: str) -> str:
    """Where a tracker files the runs of this machine: what its own environment variable says, else `localft`."""
    return os.environ.get(variable) or "localft"


@dataclass(frozen=True)
class ProcessGroup:
    """This process's place among the processes of one training, as `accelerate launch` and `torchrun` announce it."""

    rank: int
    local_rank: int
    world_size: int
    launched: bool
    """True where a launcher started this process, so that no further one must be started."""

    @property
    def is_main(self) -> bool:
        return self.rank == 0


def process_group() -> ProcessGroup:
    """Reads RANK, LOCAL_RANK and WORLD_SIZE; one process of one where no launcher set them.

    A platform that starts one process on one machine sets them too. It has not launched a process for each GPU, so that is
    still to be done.
    """
    world_size = int(os.environ.get("WORLD_SIZE", 1))
    return ProcessGroup(
        rank=int(os.environ.get("RANK", 0)),
        local_rank=int(os.environ.get("LOCAL_RANK", 0)),
        world_size=world_size,
        launched="RANK" in os.environ and (world_size > 1 or behind_elastic_launcher()),
    )


def behind_elastic_launcher() -> bool:
    """Whether torchrun, or `accelerate launch --multi_gpu` by means of it, started this process and watches it."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_alone_on_its_machine() -> bool:
    """Whether a platform says that it started one process on this machine of several; on the first one it cannot be told."""
    node = int(os.environ.get("NODE_RANK", 0))
    return node > 0 and process_group().rank == node and not behind_elastic_launcher()


@dataclass(frozen=True)
class NestedLaunch:
    """A launcher that runs inside of another launch's processes and was told of another number of machines."""

    outer_processes: int
    """How many processes were started by the outer launch."""
    machines: int
    """How many machines the inner launcher was told of: it has to run once on each."""


def nested_launch() -> NestedLaunch | None:
    """Compares the environment that this process's launcher was given itself with what it made of it.

    A launcher overwrites the outer launch's variables for the processes it starts; its own are readable on Linux alone.
    None where they agree, or where there is nothing to compare.
    """
    if not behind_elastic_launcher():
        return None
    outer, machines = _environment_of(os.getppid()), int(os.environ.get("GROUP_WORLD_SIZE", 1))
    if "RANK" not in outer or "WORLD_SIZE" not in outer:
        return None
    processes = int(outer["WORLD_SIZE"])
    return NestedLaunch(processes, machines) if processes != machines else None


def _environment_of(process: int) -> dict[str, str]:
    """What a process was started with; empty where this cannot be read."""
    try:
        entries = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    pairs = (os.fsdecode(entry).partition("=") for entry in entries)
    return {name: value for name, _, value in pairs}


@dataclass(frozen=True)
class Sharding:
    """What `accelerate launch` was told about spreading the model itself over the processes."""

    framework: Literal["DeepSpeed", "FSDP"]
    version: int
    """1 where FSDP's is not given, as accelerate takes it."""
    unlike: tuple[str, ...] = ()
    """What is asked of FSDP and is not how localft does it, as it stands in an accelerate configuration: `name: value`."""
    units: tuple[str, ...] = ()
    """Classes of the modules that are to be gathered one at a time; empty where that was left open."""


_FSDP_AS_LOCALFT_DOES_IT = {
    "FSDP_SHARDING_STRATEGY": ("full_shard", "1"),
    "FSDP_RESHARD_AFTER_FORWARD": ("true", "1"),
    "FSDP_OFFLOAD_PARAMS": ("false", "0"),
    "FSDP_AUTO_WRAP_POLICY": ("transformer_based_wrap",),
    "FSDP_BACKWARD_PREFETCH": ("backward_pre", "1"),
    "FSDP_FORWARD_PREFETCH": ("false", "0"),
    "FSDP_STATE_DICT_TYPE": ("full_state_dict",),
    "FSDP_USE_ORIG_PARAMS": ("true", "1"),
    "FSDP_ACTIVATION_CHECKPOINTING": ("false", "0"),
    "FSDP_ACTIVATION_CHECKPOINTING_OFFLOAD": ("false", "0"),
    "FSDP_IGNORED_MODULES": (),
    "ACCELERATE_USE_PARALLELISM_CONFIG": ("false", "0"),
    "ACCELERATE_USE_MEGATRON_LM": ("false", "0"),
    "ACCELERATE_DYNAMO_BACKEND": ("no",),
}
"""Variables that accelerate's launcher sets from its configuration, and the values that say what localft does anyway.

Two more are left out since both of their values come to the same: weights are read from files that all processes have
mapped, so none of them keeps a copy (CPU_RAM_EFFICIENT_LOADING), and all begin with the same ones (SYNC_MODULE_STATES).
"""


def launched_sharding() -> Sharding | None:
    """Reads what `--use_fsdp` and `--use_deepspeed` leave in the environment; None where neither was given."""
    if _is_on("ACCELERATE_USE_DEEPSPEED"):
        return Sharding("DeepSpeed", 0)
    if not _is_on(FSDP):
        return None
    asked = {variable: os.environ.get(variable, "") for variable in _FSDP_AS_LOCALFT_DOES_IT}
    return Sharding(
        "FSDP",
        int(os.environ.get("FSDP_VERSION", "1")),
        unlike=tuple(
            f"{variable.removeprefix('ACCELERATE_').lower()}: {value}"
            for variable, value in asked.items()
            if value and value.lower() not in _FSDP_AS_LOCALFT_DOES_IT[variable]
        ),
        units=tuple(filter(None, os.environ.get("FSDP_TRANSFORMER_CLS_TO_WRAP", "").split(","))),
    )


@contextmanager
def without_launched_fsdp() -> Iterator[None]:
    """Takes the wish for FSDP out of the environment, where accelerate and transformers would follow it in their own way."""
    taken = os.environ.pop(FSDP, None)
    try:
        yield
    finally:
        if taken is not None:
            os.environ[FSDP] = taken


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "false").lower() in ("true", "1")


def visible_gpus() -> int:
    """How many NVIDIA GPUs this process may use, without torch: device files, narrowed by CUDA_VISIBLE_DEVICES."""
    return len(visible_gpu_names())


def visible_gpu_names() -> tuple[str, ...]:
    """What CUDA_VISIBLE_DEVICES would call each of the visible GPUs: its number, or the UUID that it was named by."""
    present = len([p for p in Path("/dev").glob("nvidia[0-9]*") if p.name[6:].isdigit()])
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return tuple(str(number) for number in range(present))
    named = [part.strip() for part in allowed.split(",")]
    return tuple(name for name in named if name and name != "-1")[:present]


def is_visible_gpu(*, index: str, uuid: str) -> bool:
    """Whether CUDA_VISIBLE_DEVICES names this GPU, by its number or the beginning of its UUID; True where it is not set."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return True
    names = [part.strip() for part in allowed.split(",")]
    return any(name and (name == index or (not name.isdecimal() and uuid.startswith(name))) for name in names)


AZURE_WORKSPACE = ("AZUREML_ARM_SUBSCRIPTION", "AZUREML_ARM_RESOURCEGROUP", "AZUREML_ARM_WORKSPACE_NAME")
"""Subscription, resource group and name of an Azure ML workspace; the names that Azure ML itself sets on its machines."""


@dataclass(frozen=True)
class AzureWorkspace:
    """An Azure ML workspace, by the three names that find it."""

    subscription: str
    resource_group: str
    name: str


def azure_workspace(subscription: str | None, resource_group: str | None, name: str | None) -> AzureWorkspace | None:
    """The workspace as given, each missing part from its environment variable; None where neither says anything."""
    given = (subscription, resource_group, name)
    found = [value or os.environ.get(variable) for value, variable in zip(given, AZURE_WORKSPACE, strict=True)]
    if not any(found):
        return None
    flags = ("--subscription", "--resource-group", "--workspace")
    missing = [
        f"{flag} (or {variable})"
        for flag, variable, value in zip(flags, AZURE_WORKSPACE, found, strict=True)
        if not value
    ]
    if missing:
        raise UsageError(
            f"expected subscription, resource group and workspace together, found no {', no '.join(missing)}; give all "
            "three, or none and a config.json.",
            code="workspace_missing",
        )
    return AzureWorkspace(*map(str, found))


CONTROL_DIRECTORY = "LOCALFT_CONTROL_DIRECTORY"


def control_directory() -> Path | None:
    """Where a process that was started by localft's own launch finds the request to stop and leaves its exit code."""
    given = os.environ.get(CONTROL_DIRECTORY)
    return Path(given) if given else None
