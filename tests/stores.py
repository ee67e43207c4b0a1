"""Stores for tests: files, requests, and runs as a training leaves them, without a training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from localft.jobs.events import EventLog, message_event
from localft.jobs.job import FineTuningJob, new_job
from localft.jobs.results import ResultsWriter
from localft.jobs.run_directory import RunDirectory, create_run
from localft.jobs.store import JobRequest, Store, StoredJob
from localft.plan import TrainingPlan, make_plan
from localft.progress import StepMetrics
from localft.recipe import read_recipe

MODEL = "localft/tiny-llama"
CHATS = "".join(
    json.dumps(
        {"messages": [{"role": "user", "content": f"question {n}"}, {"role": "assistant", "content": f"answer {n}"}]}
    )
    + "\n"
    for n in range(10)
).encode()


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def put_file(store: Store, content: bytes = CHATS, *, filename: str = "train.jsonl", purpose: str = "fine-tune") -> str:
    with store.files.writer(filename, purpose) as writer:
        writer.write(content)
        return writer.commit().id


def request(store: Store, **changes: Any) -> JobRequest:
    """A small job on a file of its own."""
    values: dict[str, Any] = {"model": MODEL, "seed": 7, "hyperparameters": {"n_epochs": 1, "batch_size": 5}} | changes
    if "training_file" not in values:
        values["training_file"] = put_file(store)
    return JobRequest(**values)


def step(number: int, total: int = 2) -> StepMetrics:
    return StepMetrics(
        step=number,
        total_steps=total,
        epoch=1,
        examples=5,
        peak_memory_bytes=None,
        train_loss=1.0 / number,
        train_mean_token_accuracy=0.5,
        learning_rate=1e-4,
        grad_norm=1.0,
        tokens=10,
        trained_tokens=5,
        computed_tokens=10,
        seconds=0.1,
    )


class Run:
    """What a job's process would write, written by the test."""

    def __init__(self, stored: StoredJob) -> None:
        self.directory = RunDirectory(stored.directory)
        assert stored.recipe is not None
        recipe = stored.directory.with_suffix(".recipe.yaml")
        recipe.write_text(stored.recipe, encoding="utf-8")
        self.plan: TrainingPlan = make_plan(read_recipe(recipe), processes=1)
        self.job: FineTuningJob = new_job(self.plan, hex=stored.job.hex, now=1_800_000_000)

    def begin(self) -> Run:
        self.directory.path.mkdir()
        create_run(self.directory.path, self.plan, self.job, [message_event("Preprocessing completed.", now=0)])
        return self

    def say(self, message: str) -> None:
        log = EventLog(self.directory.events_file)
        log.append(message_event(message, now=0))
        log.close()

    def train(self, steps: int = 2) -> Run:
        """Some steps, and a checkpoint behind the last of them."""
        self.job = self.job.moved("running", result_files=[self.job.results_file])
        self.directory.write_job(self.job)
        with ResultsWriter(self.directory.results_file) as results:
            for number in range(1, steps + 1):
                results.write(step(number))
        (self.directory.path / f"checkpoint-{steps}").mkdir()
        return self

    def succeed(self) -> Run:
        self.directory.model.mkdir()
        self.job = self.job.moved(
            "succeeded", fine_tuned_model=self.job.model_name, finished_at=1_800_000_100, trained_tokens=100
        )
        self.directory.write_job(self.job)
        self.say("Job succeeded.")
        return self


def finished_job(store: Store, **changes: Any) -> StoredJob:
    """A job that succeeded, with everything but weights in its directory."""
    created = store.jobs.create(request(store, **changes))
    claimed = store.queue.claim(running_limit=99)
    assert claimed is not None and claimed.id == created.id
    Run(claimed).begin().train(1).succeed()
    store.queue.take_over(created.id)
    settled = store.queue.settle(created.id, "succeeded")
    assert settled is not None
    return settled


def leftovers(home: Path) -> list[str]:
    """Files of the store's directories, by name."""
    return sorted(path.name for name in ("files", "uploads") for path in (home / name).iterdir())
