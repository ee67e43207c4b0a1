"""Several processes of one training: the first prepares, the others learn from it what came out.

The message goes over a process group of its own on the CPU, whose patience outlasts the tokenising of any file; the group of
the training keeps its own time limits.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

from localft import settings
from localft.errors import LocalftError, TrainingFailed
from localft.settings import ProcessGroup

_PATIENCE = timedelta(days=7)
_ANOTHER_ENDED = "another process of this training has ended, and what it said last tells why"
_ENDED_IN_GLOO = ("Connection closed by peer", "Connection reset by peer")
"""What it raises in the processes that are left, as a RuntimeError without a kind of its own."""
T = TypeVar("T")


class Processes:
    """The processes of this training, joined while entered. With one process it does nothing but run what it is given."""

    def __init__(self, group: ProcessGroup) -> None:
        self._place = group
        self._messages: Any = None
        self._was_joined = False

    def __enter__(self) -> Self:
        self._was_joined = _is_joined()
        try:
            self._join()
        except BaseException:
            self._leave(alone=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(alone=error is not None and not getattr(error, "on_every_process", False))

    def _join(self) -> None:
        if self._place.world_size > 1:
            import torch.distributed
            from accelerate import PartialState

            PartialState(cpu=settings.visible_gpus() == 0)
            self._messages = torch.distributed.new_group(backend="gloo", timeout=_PATIENCE)

    def _leave(self, *, alone: bool) -> None:
        """Leaves the group that this training made: a process that ends inside of one may abort.

        NCCL waits for the others to leave as well. A process that fails alone does not let it: they may be waiting for this
        one in the middle of a step, and no launcher ends them before this process has ended.
        """
        if not _is_joined() or self._was_joined:
            return
        import torch.distributed as dist

        if alone and dist.get_backend() == "nccl":
            dist.distributed_c10d._abort_process_group()
        else:
            dist.destroy_process_group()

    def from_main(self, work: Callable[[], T]) -> T:
        """Runs `work` on the first process; every process returns its result or raises its error."""
        if self._messages is None:
            return work()
        import torch.distributed

        message = [pickle.dumps(_attempt(work)) if self._place.is_main else b""]
        with _all_there():
            torch.distributed.broadcast_object_list(message, src=0, group=self._messages)
        result, error = pickle.loads(message[0])
        _raise_everywhere(error)
        return result  # type: ignore[no-any-return]

    def in_turn(self, work: Callable[[], T]) -> T:
        """Runs `work` on the first process of each machine, then on the others, which find what it left on disk.

        Where it fails on a process, every process raises the error of the first such one.
        """
        if self._messages is None:
            return work()
        is_first = self._place.local_rank == 0
        result, error = _attempt(work) if is_first else (None, None)
        self._raise_first(error)
        if not is_first:
            result, error = _attempt(work)
        self._raise_first(error)
        return result  # type: ignore[return-value]

    def _raise_first(self, error: BaseException | None) -> None:
        import torch.distributed

        errors = [b""] * self._place.world_size
        with _all_there():
            torch.distributed.all_gather_object(errors, pickle.dumps(error), group=self._messages)
        for found in errors:
            _raise_everywhere(pickle.loads(found))


def _attempt(work: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    """What `work` returned or raised, fit for the way to another process: an error nobody can rebuild goes as its text."""
    try:
        return work(), None
    except (LocalftError, KeyboardInterrupt) as error:
        return None, error
    except Exception as error:
        import traceback

        traceback.print_exc()
        return None, TrainingFailed(f"{type(error).__name__}: {error}")


def _raise_everywhere(error: Any) -> None:
    if error is not None:
        error.on_every_process = True
        raise error


@contextmanager
def _all_there() -> Iterator[None]:
    """Says it where a message did not come through, as another process has ended."""
    try:
        yield
    except RuntimeError as error:
        raise TrainingFailed(f"{_ANOTHER_ENDED} ({error})") from error


def named(error: Exception) -> str:
    """The error's type and text; of one that only shows that another process failed, where to look."""
    if isinstance(error, RuntimeError) and any(words in str(error) for words in _ENDED_IN_GLOO):
        return _ANOTHER_ENDED
    return f"{type(error).__name__}: {error}"


def _is_joined() -> bool:
    if "torch.distributed" not in sys.modules:
        return False
    import torch.distributed

    return torch.distributed.is_available() and torch.distributed.is_initialized()
