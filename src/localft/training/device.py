"""What a rank runs on: the name of its device, its peak memory, the versions of what computes there."""

from __future__ import annotations

import importlib.metadata
import platform
import sys

import torch
import torch.distributed as dist

import localft

try:
    import resource
except ImportError:  # Windows does not count it
    resource = None  # type: ignore[assignment]

PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes")


def peak_memory_bytes(device: torch.device) -> int | None:
    """Most memory held so far: by tensors on a GPU, by this whole process on the CPU; None where that is not counted."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if resource is None:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def device_names(device: torch.device) -> tuple[str, ...]:
    """Name of every rank's device, in the order of ranks. Every rank calls this."""
    own = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({platform.machine()})"
    if not (dist.is_initialized() and dist.get_world_size() > 1):
        return (own,)
    names: list[str] = [""] * dist.get_world_size()
    dist.all_gather_object(names, own)
    return tuple(names)


def versions() -> dict[str, str]:
    """Of Python, of localft, and of the installed ones of `PACKAGES`."""
    found = {"python": platform.python_version(), "localft": localft.__version__}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
