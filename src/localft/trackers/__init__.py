"""Shows a training in MLflow, TensorBoard, trackio and Weights & Biases, without ever holding it up.

telling.py        in the training's process: passes each step on, waits for nothing
delivery.py       in a process of each tracker's own: keeps what it is told until the tracker has taken it
parameters.py     the plan's values by short names
notes.py          what the run directory remembers, so that a continued run goes on in the same run of the tracker
mlflow_store.py   where MLflow keeps the runs of this machine
mlflow_run.py, tensorboard_files.py, trackio_run.py, wandb_run.py

A tracker lives in a process of its own because a library cannot be trusted not to wait: for a server that accepts and never
answers, in a hook at exit, or with the interpreter's lock in its hand while it imports. A process can be left behind.
"""

from localft.trackers.telling import Trackers, require_packages

__all__ = ["Trackers", "require_packages"]
