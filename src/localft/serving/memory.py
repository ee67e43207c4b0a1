"""Whether one more base model fits beside those that are in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from localft.plan.memory import gpu_memory

_FREE_FOR_EACH_BYTE = {"cpu": 4, "cuda": 2}
"""Free memory asked for by each byte of weights files, which are float32 once they are in main memory: twice what the model
takes, so that as much is left to compute in, and to others.
"""
_PROCESS_BYTES = 1 << 30
"""An engine without its weights: the interpreter and PyTorch."""
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def fits(directory: Path, device: Literal["cpu", "cuda"], spoken_for: int) -> bool:
    """Whether a base model fits into what is free, without the bytes that engines in memory may still come to use."""
    weights = sum(file.stat().st_size for file in directory.glob("*.safetensors"))
    free = _free_main_memory() if device == "cpu" else _free_gpu_memory()
    return _FREE_FOR_EACH_BYTE[device] * weights + _PROCESS_BYTES + spoken_for <= free


def _free_gpu_memory() -> int:
    memory = gpu_memory()
    return memory.free if memory else 0


def _free_main_memory() -> int:
    """What the machine has free, or the container where that is less; 0 where neither can be read."""
    return min([*_of_the_machine(), *_of_the_container()], default=0)


def _of_the_machine() -> list[int]:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return []
    return [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")]


def _of_the_container() -> list[int]:
    """Its limit without what it uses; files that it has only read can go and are not counted."""
    try:
        limit, used = ((_CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        statistics = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
    except OSError:
        return []
    return [int(limit) - int(used) + int(statistics.get("inactive_file", 0))] if limit.isdecimal() else []
