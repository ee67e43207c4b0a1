"""Whether accelerate's launcher wants one model spread over the processes; what it may not want is said before anything runs."""

from __future__ import annotations

from localft import settings
from localft.errors import UsageError

CONFIGURATION = "recipes/accelerate/fsdp2.yaml"
LAUNCH = f"`accelerate launch --config_file {CONFIGURATION} -m localft train RECIPE`"


def sharding_wanted() -> bool:
    """Whether the launcher asks for FSDP 2 as localft does it; a UsageError names what else it asks for."""
    asked = settings.launched_sharding()
    if asked is None:
        return False
    if asked.framework != "FSDP":
        raise refused(
            f"accelerate is configured for {asked.framework}, under which localft cannot keep a step the same on every machine "
            f"(docs/decisions/007-no-deepspeed.md). To spread the model over the GPUs launch with {LAUNCH}; where it fits "
            "into one, with `accelerate launch --multi_gpu -m localft train RECIPE`."
        )
    if asked.version != 2:
        raise refused(
            f"accelerate is configured for FSDP {asked.version}; localft shards by FSDP 2. Launch with {LAUNCH}, or set "
            "`fsdp_version: 2` in your configuration."
        )
    if asked.unlike:
        raise refused(
            f"accelerate is configured with {', '.join(f'`{option}`' for option in asked.unlike)}, which localft does not "
            f"follow under FSDP. Leave it away, as {CONFIGURATION} does; execution.gradient_checkpointing is what saves "
            "activations."
        )
    return True


def refused(message: str) -> UsageError:
    """An error that every process finds by the same variables, so that one of them tells it."""
    error = UsageError(message)
    error.on_every_process = True
    return error
