"""Keeps the libraries from talking over localft's own messages."""

from __future__ import annotations

import os
import warnings

import torch
import transformers


def quiet_libraries() -> None:
    """Hides what the libraries' next major versions will rename, and their own progress bars.

    Neither is of use to somebody who runs a job: the versions are pinned, and localft reports its stages itself.
    """
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(transformers|peft|trl|accelerate)\b")
    if not torch.cuda.is_available():
        os.environ.setdefault(
            "DS_ACCELERATOR", "cpu"
        )  # else DeepSpeed, where it is installed, warns that it found no GPU
    transformers.utils.logging.disable_progress_bar()
