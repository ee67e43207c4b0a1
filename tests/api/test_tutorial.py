"""Azure's tutorial, from the upload to the deletion, by the official clients against `localft serve` with its worker."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from served import Served, served
from service import rows, wait_for

MODEL = "localft/tiny-llama"
OVER = ("succeeded", "failed", "cancelled")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("tutorial") / "home") as service:
        yield service


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["OpenAI", "AzureOpenAI"])
def test_the_tutorial_runs_from_the_upload_to_the_deletion(running: Served, kind: str, tmp_path: Path) -> None:
    client: Any = running.at.openai("/openai/v1") if kind == "OpenAI" else running.at.azure()
    training, validation = (tmp_path / name for name in ("training_set.jsonl", "validation_set.jsonl"))
    training.write_bytes(rows(12))
    validation.write_bytes(rows(6))
    with training.open("rb") as file:
        training_file = client.files.create(file=file, purpose="fine-tune")
    with validation.open("rb") as file:
        validation_file = client.files.create(file=file, purpose="fine-tune")
    client.files.wait_for_processing(training_file.id)

    asked = {"model": MODEL, "training_file": training_file.id, "validation_file": validation_file.id, "seed": 105}
    job = client.fine_tuning.jobs.create(
        **asked,
        suffix="tutorial",
        hyperparameters={"n_epochs": 2, "batch_size": 4},
        extra_body={"trainingType": "Standard"},
    )
    waiting = client.fine_tuning.jobs.create(**asked, hyperparameters={"n_epochs": 50})
    assert job.status in (
        ("pending", "running") if kind == "AzureOpenAI" else ("validating_files", "queued", "running")
    )
    job = wait_for(lambda: client.fine_tuning.jobs.retrieve(job.id), lambda job: job.status in OVER)
    assert job.status == "succeeded", running.log()
    assert job.trained_tokens > 0 and job.finished_at >= job.created_at
    assert job.fine_tuned_model == f"tiny-llama.ft-{job.id.removeprefix('ftjob-')}-tutorial"
    assert (job.hyperparameters.n_epochs, job.hyperparameters.learning_rate_multiplier) == (2, 1.0)

    events = list(client.fine_tuning.jobs.list_events(job.id, limit=5))
    messages = [event.message for event in reversed(events)]
    assert len({event.id for event in events}) == len(events)
    expected = ("Job enqueued", "Job started.", "Training started.", "Step 1: training loss=", "Job succeeded.")
    places = [next(place for place, text in enumerate(messages) if text.startswith(word)) for word in expected]
    assert places == sorted(places)

    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id, limit=1))
    assert [checkpoint.step_number for checkpoint in checkpoints] == [6, 3]
    assert [checkpoint.fine_tuned_model_checkpoint for checkpoint in checkpoints] == [
        job.fine_tuned_model,
        f"{job.fine_tuned_model}:ckpt-step-3",
    ]
    assert checkpoints[0].metrics.full_valid_loss > 0

    [results] = job.result_files
    content = client.files.content(results).read().decode()
    read = list(csv.DictReader(io.StringIO(content)))
    assert [row["step"] for row in read] == [str(step) for step in range(1, 7)]
    assert client.files.retrieve(results).purpose == "fine-tune-results"
    assert client.models.retrieve(job.fine_tuned_model).model_dump()["fine_tune"] == job.id

    wait_for(lambda: client.fine_tuning.jobs.retrieve(waiting.id).status, lambda status: status == "running")
    assert client.fine_tuning.jobs.cancel(waiting.id).status == "cancelled"

    for name in (job.fine_tuned_model, checkpoints[1].fine_tuned_model_checkpoint, checkpoints[1].id, MODEL):
        assert said_by(client, name).usage.completion_tokens == 3
    chat_with_a_deployment(running, client, job.fine_tuned_model)
    assert "libtorch" not in Path(f"/proc/{running.process.pid}/maps").read_text()
    delete_all(running, client, [job.id, waiting.id], job.fine_tuned_model, [training_file.id, validation_file.id])


def said_by(client: Any, model: str) -> Any:
    messages = [{"role": "user", "content": "What is 3?"}]
    return client.chat.completions.create(model=model, messages=messages, max_completion_tokens=3, temperature=0)


def chat_with_a_deployment(running: Served, client: Any, model: str) -> None:
    """Under its name a model answers as before; while it has one it cannot be deleted."""
    with running.at.http() as http:
        body = {
            "sku": {"name": "standard", "capacity": 1},
            "properties": {"model": {"format": "OpenAI", "name": model}},
        }
        assert http.put("/deployments/tutorial", json=body).status_code == 201
        answers = [said_by(client, name).choices[0].message.content for name in (model, "tutorial")]
        assert answers[0] == answers[1]
        with pytest.raises(openai.ConflictError, match="tutorial"):
            client.models.delete(model)
        assert http.delete("/deployments/tutorial").status_code == 200


def delete_all(running: Served, client: Any, jobs: list[str], model: str, files: list[str]) -> None:
    with running.at.http() as http:
        for job in jobs:
            wait_for(
                lambda job=job: http.delete(f"/openai/fine_tuning/jobs/{job}"), lambda gone: gone.status_code == 204
            )
    assert client.models.delete(model).deleted
    for file in files:
        assert client.files.delete(file).deleted
    assert list(client.files.list()) == [] and list(client.fine_tuning.jobs.list()) == []
    assert not [model for model in client.models.list() if re.search(r"\.ft-", model.id)]
    assert wait_for(lambda: list((running.home / "jobs").iterdir()), lambda left: left == []) == []
    assert list((running.home / "files").iterdir()) == []
