"""What accelerate's own launcher makes of a command line and of the configuration files that it names."""

from __future__ import annotations

import shlex

from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env


def launch_environment(command: str) -> dict[str, str]:
    """The variables that the first process finds which `accelerate launch ...` starts; configuration files are read."""
    launcher, verb, *words = shlex.split(command)
    assert (launcher, verb) == ("accelerate", "launch")
    arguments, _, _ = _validate_launch_command(launch_command_parser().parse_args(words))
    assert arguments.module and arguments.training_script == "localft"
    arguments.deepspeed_fields_from_accelerate_config = ""  # which the launcher adds
    variables = prepare_deepspeed_cmd_env(arguments)[1] if arguments.use_deepspeed else prepare_multi_gpu_env(arguments)
    ours = {name: value for name, value in variables.items() if name.startswith(("ACCELERATE", "FSDP"))}
    return {**ours, "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": str(arguments.num_processes)}
