"""Runs jobs on the ranks that torchrun started and writes what each told; see test_ranks.py.

python -m torch.distributed.run --nproc-per-node 2 two_ranks.py JOBS.json
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor

from localft.errors import TrainingFailed
from localft.progress import Notice
from localft.training import metrics as evaluation
from localft.training import retreat, trainer
from tiny_jobs import Memory, StopAfter, metrics, never, random_rows, rows_of, run, tiny_plan

ZERO = {"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3"}
ASKED = {
    None: {},
    "fsdp2": {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"},
    "zero3": ZERO,
    "zero3, weights offloaded": {**ZERO, "ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE": "cpu"},
    "zero3, optimizer offloaded": {**ZERO, "ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE": "cpu"},
}
"""What accelerate's launcher says to the processes, by the way of sharding."""


class Passes:
    """Counts forward passes of the model, and those that held rows of the data; and how much of it lay here at the first."""

    def __init__(self, score: Any) -> None:
        self._score = score
        self.all = 0
        self.with_rows = 0
        self.share_of_weights = 0.0
        self.keeps_cast_weights = False

    def __call__(self, model: Any, batch: Any) -> Any:
        if self.all == 0:
            here = sum(own(p).numel() for p in model.parameters())
            self.share_of_weights = here / sum(getattr(p, "ds_numel", p.numel()) for p in model.parameters())
        self.all += 1
        self.keeps_cast_weights |= torch.is_autocast_enabled("cpu") and torch.is_autocast_cache_enabled()
        self.with_rows += any(line > 0 for line in batch.lines)
        return self._score(model, batch)


def own(parameter: Any) -> torch.Tensor:
    """What of a weight lies on this process."""
    return parameter.to_local() if isinstance(parameter, DTensor) else getattr(parameter, "ds_tensor", parameter)


def one_job(job: dict[str, Any], rank: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Trains one job; `stop_after` and what memory there is hold on the last rank only, so agreement is put to the test."""
    plan = tiny_plan(Path(job["model"]), **job["plan"])
    passes = Passes(trainer.score)
    monkeypatch.setattr(trainer, "score", passes)
    monkeypatch.setattr(evaluation, "score", passes)
    for variable, value in ASKED[job.get("sharded")].items():
        monkeypatch.setenv(variable, value)
    if job.get("memory") and rank == 1:
        monkeypatch.setattr(trainer, "score", Memory(job["memory"], **job.get("of_memory", {})))
    if job.get("calm_steps"):
        monkeypatch.setattr(retreat, "CALM_STEPS", job["calm_steps"])
    if job.get("validation_memory") and rank == 1:
        monkeypatch.setattr(evaluation, "score", Memory(job["validation_memory"]))
    stops = job.get("stop_after") and rank == 1
    outcome, events = run(
        plan,
        Path(job["directory"]),
        rows_of(plan),
        validation=random_rows(9, seed=8),
        layout=job.get("layout"),
        resume_from=Path(job["resume_from"]) if job.get("resume_from") else None,
        should_stop=StopAfter(job["stop_after"]) if stops else never,
    )
    assert dist.is_initialized(), "a process group that the engine did not make is left to its owner"
    return {
        "outcome": asdict(outcome),
        "metrics": [asdict(m) for m in metrics(events)],
        "events": len(events),
        "passes": passes.all,
        "passes_with_rows": passes.with_rows,
        "keeps_cast_weights": passes.keeps_cast_weights,
        "share_of_weights": passes.share_of_weights,
        "directory": job["directory"],
        "warnings": [e.message for e in events if isinstance(e, Notice) and e.level == "warn"],
        "growth": [e.message for e in events if isinstance(e, Notice) and "the memory sufficed" in e.message],
    }


def main() -> None:
    rank = int(os.environ["RANK"])
    jobs = json.loads(Path(sys.argv[1]).read_text())
    dist.init_process_group("gloo")  # one for all jobs: joining a second one through the same store is a race in torch
    found = {}
    for name, job in jobs.items():
        with pytest.MonkeyPatch.context() as monkeypatch:
            try:
                found[name] = one_job(job, rank, monkeypatch)
            except TrainingFailed as error:
                if not error.on_every_process:
                    raise  # the other rank waits where nobody comes
                failure = {"code": error.code, "message": str(error), "on_every_process": error.on_every_process}
                found[name] = {"failure": failure, "events": 0}
    dist.destroy_process_group()
    Path(f"{sys.argv[1]}.rank{rank}").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
