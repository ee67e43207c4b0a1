"""Keeps the libraries from talking over localft's own messages."""

from __future__ import annotations

import warnings

import transformers


def quiet_libraries() -> None:
    """Hides what the libraries' next major versions will rename, and their own progress bars.

    Neither is of use to somebody who runs a job: the versions are pinned, and localft reports its stages itself.
    """
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(transformers|peft|trl|accelerate)\b")
    transformers.utils.logging.disable_progress_bar()
