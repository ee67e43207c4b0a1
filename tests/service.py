"""Training data for the tests of the service, and patience. The service itself is in scripts/served.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

ROW = '{"messages": [{"role": "user", "content": "What is %s?"}, {"role": "assistant", "content": "It is %s."}]}\n'


def rows(count: int) -> bytes:
    """Chat-JSONL of so many rows, all different."""
    return "".join(ROW % (number, number + 1) for number in range(count)).encode()


def wait_for(ask: Callable[[], Any], is_there: Callable[[Any], Any], *, seconds: float = 240.0) -> Any:
    """Asks until the answer is the one that is waited for."""
    deadline = time.monotonic() + seconds
    while not is_there(answer := ask()):
        assert time.monotonic() < deadline, f"waited {seconds} s, last answer: {answer}"
        time.sleep(0.1)
    return answer
