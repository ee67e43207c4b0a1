"""Where localft keeps things, and what of the environment it reads. Nothing else reads environment variables for these."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from localft.errors import UsageError

FSDP = "ACCELERATE_USE_FSDP"
DEEPSPEED = "ACCELERATE_USE_DEEPSPEED"


def home() -> Path:
    """Directory of what outlives a run (tokens, the model of random weights): `LOCALFT_HOME`, else the user data directory."""
    configured = os.environ.get("LOCALFT_HOME")
    return Path(configured).expanduser().absolute() if configured else Path(platformdirs.user_data_dir("localft"))


def made_private(directory: Path) -> Path:
    """A directory in the home, made where it is missing. What lies there tells of users' rows, so it is its owner's alone."""
    for missing in (home(), directory):
        missing.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory


def private_file(file: Path) -> Path:
    """A file in the home, there from now on and its owner's alone, for those who only write behind what is there."""
    made_private(file.parent)
    file.touch(mode=0o600)
    return file


def api_key() -> str | None:
    """The service's token as LOCALFT_API_KEY says it, for who serves and for who calls; None where it says nothing."""
    return os.environ.get("LOCALFT_API_KEY") or None


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
    """Of FSDP, or the stage of ZeRO: 1 and 2 where it is not given, as accelerate takes it."""
    unlike: tuple[str, ...] = ()
    """What is asked for and is not how localft does it, as it stands in an accelerate configuration: `name: value`."""
    units: tuple[str, ...] = ()
    """Classes of the modules that are to be gathered one at a time; empty where that was left open."""
    offloads_weights: bool = False
    """Whether slices of weights wait in main memory; of ZeRO alone."""
    offloads_optimizer: bool = False
    """Whether the optimizer's slices lie in main memory, where it then computes; of ZeRO alone."""


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


_ZERO_AS_LOCALFT_DOES_IT = {
    "ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE": ("offload_optimizer_device", ("none", "cpu")),
    "ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE": ("offload_param_device", ("none", "cpu")),
    "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": ("gradient_accumulation_steps", ("1",)),
    "ACCELERATE_GRADIENT_CLIPPING": ("gradient_clipping", ("1", "1.0")),
    "ACCELERATE_DEEPSPEED_CONFIG_FILE": ("deepspeed_config_file", ()),
    "ACCELERATE_DEEPSPEED_MOE_LAYER_CLS_NAMES": ("deepspeed_moe_layer_cls_names", ()),
    "ACCELERATE_USE_PARALLELISM_CONFIG": ("parallelism_config", ("false", "0")),
}
"""The same of DeepSpeed, with the options' names, which its variables do not say.

Two are left out since all of their values come to the same: how weights are read (ZERO3_INIT), and whether they are gathered
to be saved (ZERO3_SAVE_16BIT_MODEL).
"""


def launched_sharding(environment: Mapping[str, str] = os.environ) -> Sharding | None:
    """Reads what `--use_fsdp` and `--use_deepspeed` leave in the environment; None where neither was given."""
    if _is_on(DEEPSPEED, environment):
        return _launched_zero(environment)
    if not _is_on(FSDP, environment):
        return None
    asked = {variable: environment.get(variable, "") for variable in _FSDP_AS_LOCALFT_DOES_IT}
    return Sharding(
        "FSDP",
        int(environment.get("FSDP_VERSION", "1")),
        unlike=tuple(
            f"{variable.removeprefix('ACCELERATE_').lower()}: {value}"
            for variable, value in asked.items()
            if value and value.lower() not in _FSDP_AS_LOCALFT_DOES_IT[variable]
        ),
        units=tuple(filter(None, environment.get("FSDP_TRANSFORMER_CLS_TO_WRAP", "").split(","))),
    )


def _launched_zero(environment: Mapping[str, str]) -> Sharding:
    asked = {option: environment.get(variable, "") for variable, (option, _) in _ZERO_AS_LOCALFT_DOES_IT.items()}
    return Sharding(
        "DeepSpeed",
        int(environment.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "2")),
        unlike=tuple(
            f"{option}: {asked[option]}"
            for option, accepted in _ZERO_AS_LOCALFT_DOES_IT.values()
            if asked[option] and asked[option].lower() not in accepted
        ),
        offloads_weights=asked["offload_param_device"] == "cpu",
        offloads_optimizer=asked["offload_optimizer_device"] == "cpu",
    )


@contextmanager
def without_launched_sharding() -> Iterator[None]:
    """Takes the wish for sharding out of the environment, where accelerate and transformers would follow it in their own way."""
    taken = {name: os.environ.pop(name) for name in (FSDP, DEEPSPEED) if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(taken)


def _is_on(variable: str, environment: Mapping[str, str]) -> bool:
    return environment.get(variable, "false").lower() in ("true", "1")


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


JOB_ID, JOB_MODEL, LAST_WORDS = "LOCALFT_JOB_ID", "LOCALFT_JOB_MODEL", "LOCALFT_LAST_WORDS"


@dataclass(frozen=True)
class GivenJob:
    """What a worker has told this process of the job that it runs."""

    hex: str
    """32 hex digits of the job's id."""
    model: str | None
    """The model by the name that it was asked for, where the recipe names its directory; None: as the recipe says."""


def given_job() -> GivenJob | None:
    """The job that this process runs for a worker; None where nobody gave it one, and it makes an id of its own."""
    given = os.environ.get(JOB_ID)
    if given is None:
        return None
    if not re.fullmatch("[0-9a-f]{32}", given):
        raise UsageError(f"{JOB_ID} is {given!r}; expected 32 hex digits.", param=JOB_ID)
    return GivenJob(given, os.environ.get(JOB_MODEL))


def to_go_on() -> str:
    """What a user does, once the cause is mended, to have this process's run continued."""
    return "run the same command again" if given_job() is None else "resume the job"


def last_words_file() -> Path | None:
    """Where a process that runs a job for a worker says in the end what went wrong."""
    given = os.environ.get(LAST_WORDS)
    return Path(given) if given else None


WEBHOOK_URL, WEBHOOK_SECRET = "LOCALFT_WEBHOOK_URL", "LOCALFT_WEBHOOK_SECRET"


@dataclass(frozen=True)
class WebhookEndpoint:
    """Who is told of jobs that have ended."""

    url: str
    secret: str


def webhook() -> WebhookEndpoint | None:
    """The address and the secret that both have to be set; None where neither is."""
    url, secret = os.environ.get(WEBHOOK_URL), os.environ.get(WEBHOOK_SECRET)
    if not url and not secret:
        return None
    if not url or not secret:
        missing = WEBHOOK_SECRET if url else WEBHOOK_URL
        raise UsageError(f"expected {WEBHOOK_URL} and {WEBHOOK_SECRET} together, found no {missing}.", param=missing)
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{WEBHOOK_URL} is {url!r}; expected an http or https address.", param=WEBHOOK_URL)
    return WebhookEndpoint(url, secret)
