"""Whether accelerate's launcher wants one model spread over the processes; what it may not want is said before anything runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from localft import settings
from localft.errors import UsageError


@dataclass(frozen=True)
class _Way:
    """One way of spreading a model, as accelerate is told of it."""

    name: str
    version: int
    option: str
    """Says the version."""
    configuration: str
    instead: str
    """What takes the place of options that are not followed."""

    @property
    def launch(self) -> str:
        return f"`accelerate launch --config_file {self.configuration} -m localft train RECIPE`"


_WAYS = {
    "FSDP": _Way(
        "FSDP",
        2,
        "fsdp_version",
        "recipes/accelerate/fsdp2.yaml",
        "execution.gradient_checkpointing is what saves activations",
    ),
    "DeepSpeed": _Way(
        "ZeRO",
        3,
        "zero_stage",
        "recipes/accelerate/zero3.yaml",
        "localft configures DeepSpeed itself, so that the step stays the same on any number of processes",
    ),
}
LAUNCH = _WAYS["FSDP"].launch


def sharding_wanted(environment: Mapping[str, str] = os.environ) -> settings.Sharding | None:
    """What the launcher asks for, of FSDP 2 or ZeRO-3 as localft does them; a UsageError names what else it asks for."""
    asked = settings.launched_sharding(environment)
    if asked is None:
        return None
    way = _WAYS[asked.framework]
    if asked.unlike:  # first, since DeepSpeed's own file hides the stage
        raise refused(
            f"accelerate is configured with {', '.join(f'`{option}`' for option in asked.unlike)}, which localft does not "
            f"follow under {asked.framework}. Leave it away, as {way.configuration} does; {way.instead}."
        )
    if asked.version != way.version:
        raise refused(
            f"accelerate is configured for {way.name} {asked.version}; localft shards by {way.name} {way.version}. Launch "
            f"with {way.launch}, or set `{way.option}: {way.version}` in your configuration."
        )
    return asked


def require_shardable(quantization: str) -> None:
    """Refuses a job that cannot be spread in the way that the launcher asks for."""
    asked = sharding_wanted()
    if asked is not None and asked.framework == "DeepSpeed" and quantization == "nf4":
        raise refused(
            "quantization is nf4 and accelerate is configured for DeepSpeed: bitsandbytes makes packed weights anew in a "
            "forward pass, which ZeRO-3 then does not know. Spread them by FSDP 2, launched with "
            f"{LAUNCH}, or set `quantization: none`."
        )


def refused(message: str) -> UsageError:
    """An error that every process finds by the same variables, so that one of them tells it."""
    error = UsageError(message)
    error.on_every_process = True
    return error
