"""The only place where a job meets a training engine.

run.py           the job from request to outcome; start reading here
preparation.py   validate, plan, tokenise, and the run directory to begin or to continue
processes.py     one preparation for all processes of a training
signals.py       Ctrl-C and SIGTERM
"""

from localft.runner.preparation import check_request, plan_to_train, require_valid_data
from localft.runner.run import Engine, require_training_packages, run_job

__all__ = ["Engine", "check_request", "plan_to_train", "require_training_packages", "require_valid_data", "run_job"]
