"""Where localft keeps things, and what of the environment it reads. Nothing else reads environment variables for these."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

FSDP = "ACCELERATE_USE_FSDP"


def home() -> Path:
    """Directory of what outlives a run (tokens, the model of random weights): `LOCALFT_HOME`, else the user data directory."""
    configured = os.environ.get("LOCALFT_HOME")
    return Path(configured).expanduser().absolute() if configured else Path(platformdirs.user_data_dir("localft"))


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
    """Reads RANK, LOCAL_RANK and WORLD_SIZE; one process of one where no launcher set them."""
    launched = "RANK" in os.environ and "WORLD_SIZE" in os.environ
    return ProcessGroup(
        rank=int(os.environ.get("RANK", 0)),
        local_rank=int(os.environ.get("LOCAL_RANK", 0)),
        world_size=int(os.environ.get("WORLD_SIZE", 1)),
        launched=launched,
    )


@dataclass(frozen=True)
class Sharding:
    """What `accelerate launch` was told about spreading the model itself over the processes."""

    framework: Literal["DeepSpeed", "FSDP"]
    version: int
    """1 where FSDP's is not given, as accelerate takes it."""
    others: tuple[str, ...]
    """Options that were switched on and would change how it is done, as on the command line."""


def launched_sharding() -> Sharding | None:
    """Reads what `--use_fsdp` and `--use_deepspeed` leave in the environment; None where neither was given."""
    if _is_on("ACCELERATE_USE_DEEPSPEED"):
        return Sharding("DeepSpeed", 0, ())
    if not _is_on(FSDP):
        return None
    changing = ("FSDP_OFFLOAD_PARAMS", "FSDP_ACTIVATION_CHECKPOINTING")
    others = tuple(f"--{name.lower()}" for name in changing if _is_on(name))
    return Sharding("FSDP", int(os.environ.get("FSDP_VERSION", "1")), others)


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
    present = len([p for p in Path("/dev").glob("nvidia[0-9]*") if p.name[6:].isdigit()])
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return present
    return min(present, len([part for part in allowed.split(",") if part.strip() and part.strip() != "-1"]))


def is_visible_gpu(*, index: str, uuid: str) -> bool:
    """Whether CUDA_VISIBLE_DEVICES names this GPU, by its number or the beginning of its UUID; True where it is not set."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return True
    names = [part.strip() for part in allowed.split(",")]
    return any(name and (name == index or (not name.isdecimal() and uuid.startswith(name))) for name in names)


CONTROL_DIRECTORY = "LOCALFT_CONTROL_DIRECTORY"


def control_directory() -> Path | None:
    """Where a process that was started by localft's own launch finds the request to stop and leaves its exit code."""
    given = os.environ.get(CONTROL_DIRECTORY)
    return Path(given) if given else None
