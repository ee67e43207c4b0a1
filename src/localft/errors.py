"""What can go wrong by a user's doing, as one tree.

    LocalftError                 every error that a user can cause; carries `code`, `param` and an exit code
    ├── UsageError (ValueError)      a flag, recipe key or value that makes no sense      exit 2
    ├── DataError (ValueError)       a data file that is not valid, with all its problems exit 1
    ├── ModelError (ValueError)      a model that cannot be found, read or trained        exit 1
    ├── RowRefused (ValueError)      one row whose loss mask cannot be proven             exit 1
    ├── CheckpointError (ValueError) a run that cannot be continued from what is on disk  exit 1
    ├── NotFound (LookupError)       a job, file or model that is not in the store        exit 1
    ├── Conflict (ValueError)        what the state of a thing does not allow now         exit 1
    ├── StoreError (RuntimeError)    a store of jobs that cannot be used                  exit 1
    ├── MissingExtra (ImportError)   a part of localft whose packages are not installed   exit 1
    ├── TrainingFailed (RuntimeError) a training that could not go on                      exit 1
    ├── SubmissionFailed (RuntimeError) a job that Azure ML did not take                   exit 1
    ├── RegistrationFailed (RuntimeError) a registry of models that did not take a model   exit 1
    └── TrainingInterrupted          stopped by a signal; a checkpoint is saved           exit 75

To add one: derive from the nearest category and from the stdlib type that callers would catch, pass `message`, and keep
every attribute an argument of `__init__`, since errors cross process boundaries and must survive pickling. An
`assert` is for what only our own code can break.
"""

from __future__ import annotations

import errno
from typing import Any


class LocalftError(Exception):
    """Base of all errors that a user can cause and mend.

    `code` is stable and machine-readable; `param` names the request field at fault, in the service's words.
    """

    exit_code = 1
    default_code = "error"
    on_every_process = False
    """True where all processes of one training raise this same error, so that none is left waiting for another."""

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.param = param

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.__dict__.copy()))


def _rebuild(kind: type[LocalftError], attributes: dict[str, Any]) -> LocalftError:
    error = kind.__new__(kind)
    Exception.__init__(error, attributes["message"])
    error.__dict__.update(attributes)
    return error


class UsageError(LocalftError, ValueError):
    """A flag, recipe key or value that makes no sense; `problems` lists them all, one sentence each.

    `params` names the request field of each problem, where the caller's fields are known.
    """

    exit_code = 2
    default_code = "invalid_request"

    def __init__(
        self,
        message: str,
        *,
        problems: tuple[str, ...] = (),
        params: tuple[str, ...] = (),
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message, code=code, param=param)
        self.problems = problems or (message,)
        self.params = params


class DataError(LocalftError, ValueError):
    """A data file that is not valid; the message holds every problem that is shown, `report` all of them."""

    default_code = "invalid_training_file"

    def __init__(self, message: str, *, report: Any = None, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message, code=code, param=param)
        self.report = report


class ModelError(LocalftError, ValueError):
    """A model, tokenizer or chat template that cannot be found, read or trained."""

    default_code = "invalid_model"


class RowRefused(LocalftError, ValueError):
    """A row whose loss mask cannot be proven right, so it is not trained.

    `message_index` is the 0-based index into `messages`, or None where the whole row is at fault.
    """

    default_code = "row_refused"

    def __init__(
        self,
        message: str,
        *,
        line: int | None = None,
        message_index: int | None = None,
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message, code=code, param=param)
        self.line = line
        self.message_index = message_index


class CheckpointError(LocalftError, ValueError):
    """A run that cannot be continued: a torn checkpoint, or a plan that is no longer the same."""

    default_code = "invalid_checkpoint"


class NotFound(LocalftError, LookupError):
    """A job, file, model or deployment that is not in the store."""

    default_code = "not_found"


class Conflict(LocalftError, ValueError):
    """What cannot be done in the state that a thing is in; the message names the state."""

    default_code = "conflict"


class StoreError(LocalftError, RuntimeError):
    """A store of jobs that is damaged, or was written by a newer localft."""

    default_code = "invalid_store"


class MissingExtra(LocalftError, ImportError):
    """A command that needs packages which the bare install leaves out; the message holds the install command."""

    default_code = "missing_extra"


def install(*extras: str) -> str:
    """The command that puts the packages there that MissingExtra misses."""
    named = ",".join(extras)
    return f"pip install 'localft[{named}]' (in a clone: pip install -c constraints.txt '.[{named}]')"


INSTALL_TRAINING = install("train")


class TrainingFailed(LocalftError, RuntimeError):
    """A training that could not go on, such as a loss that is not a number."""

    default_code = "training_failed"


class SubmissionFailed(LocalftError, RuntimeError):
    """A job that Azure ML did not take, or an account that it does not know."""

    default_code = "submission_failed"


class RegistrationFailed(LocalftError, RuntimeError):
    """A registry of models that cannot be reached, or did not take a model."""

    default_code = "registration_failed"


class TrainingInterrupted(LocalftError):
    """Stopped by Ctrl-C or SIGTERM after saving; the same command continues it."""

    exit_code = 75
    default_code = "interrupted"


def is_disk_full(error: BaseException | None) -> bool:
    """Whether the operating system refused a write for want of room: the disk, its inodes, or the user's quota."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
