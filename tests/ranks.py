"""Starts `invariants/two_ranks.py` on two processes; all jobs in one launch, since starting takes the time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent


def on_two_ranks(jobs: dict[str, Any], root: Path) -> list[dict[str, Any]]:
    """What each of two processes told of every job."""
    done = launched(jobs, root)
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads((root / f"jobs.json.rank{rank}").read_text()) for rank in (0, 1)]


def launched(jobs: dict[str, Any], root: Path) -> subprocess.CompletedProcess[str]:
    """Runs the jobs and waits for both processes, however they end."""
    (root / "jobs.json").write_text(json.dumps(jobs))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)]),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*launch, str(TESTS / "invariants/two_ranks.py"), str(root / "jobs.json")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
