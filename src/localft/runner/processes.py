"""Several processes of one training: the first prepares, the others learn from it what came out.

The message goes over a process group of its own on the CPU, whose patience outlasts the tokenising of any file; the group of
the training keeps its own time limits.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

from localft import settings
from localft.errors import LocalftError, TrainingFailed
from localft.settings import ProcessGroup

_PATIENCE = timedelta(days=7)
T = TypeVar("T")


class Processes:
    """The processes of this training, joined while entered. With one process it does nothing but run what it is given."""

    def __init__(self, group: ProcessGroup) -> None:
        self._place = group
        self._messages: Any = None
        self._was_joined = False

    def __enter__(self) -> Self:
        self._was_joined = _is_joined()
        if self._place.world_size > 1:
            import torch.distributed
            from accelerate import PartialState

            PartialState(cpu=settings.visible_gpus() == 0)
            self._messages = torch.distributed.new_group(backend="gloo", timeout=_PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the group that this training made: a process that ends inside of one may abort."""
        if _is_joined() and not self._was_joined:
            import torch.distributed

            torch.distributed.destroy_process_group()

    def from_main(self, work: Callable[[], T]) -> T:
        """Runs `work` on the first process; every process returns its result or raises its error."""
        if self._messages is None:
            return work()
        import torch.distributed

        message: list[Any] = [None]
        if self._place.is_main:
            message = [_outcome(work)]
        torch.distributed.broadcast_object_list(message, src=0, group=self._messages)
        result, error = pickle.loads(message[0])
        if error is not None:
            error.on_every_process = True
            raise error
        return result  # type: ignore[no-any-return]

    def in_turn(self, work: Callable[[], T]) -> T:
        """Runs `work` on the first process of each machine, then on the others, which find what it left on disk."""
        if self._messages is None:
            return work()
        import torch.distributed

        result = work() if self._place.local_rank == 0 else None
        torch.distributed.barrier(group=self._messages)
        return work() if result is None else result


def _outcome(work: Callable[[], Any]) -> bytes:
    """What `work` returned or raised, as bytes that surely arrive: an error nobody can rebuild goes as its text."""
    try:
        return pickle.dumps((work(), None))
    except LocalftError as error:
        return pickle.dumps((None, error))
    except KeyboardInterrupt as error:
        return pickle.dumps((None, error))
    except Exception as error:
        import traceback

        traceback.print_exc()
        return pickle.dumps((None, TrainingFailed(f"{type(error).__name__}: {error}")))


def _is_joined() -> bool:
    if "torch.distributed" not in sys.modules:
        return False
    import torch.distributed

    return torch.distributed.is_available() and torch.distributed.is_initialized()
