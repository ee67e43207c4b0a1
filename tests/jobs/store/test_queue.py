"""The worker's side: claims, what run directories say, ends."""

from __future__ import annotations

from localft.jobs.job import JobError
from localft.jobs.store import Store
from stores import Run, finished_job, request


def test_a_finished_job_has_its_results_its_model_and_its_checkpoints(store: Store) -> None:
    stored = finished_job(store, suffix="travel")
    job = stored.job
    assert (job.status, job.fine_tuned_model) == ("succeeded", f"tiny-llama.ft-{job.hex}-travel")
    results = store.files.get(job.result_files[0])
    assert (results.filename, results.purpose) == ("results.csv", "fine-tune-results")
    with store.files.open(results.id) as content:
        assert len(content.read()) == results.bytes
    model = store.models.resolve(f"tiny-llama.ft-{job.hex}-travel")
    assert (model.directory, model.base) == (stored.directory / "model", "localft/tiny-llama")
    (checkpoint,) = [one for one in store.jobs.checkpoints(job.id).items if one.step_number == 1]
    by_id = store.models.resolve(checkpoint.id)
    assert by_id == store.models.resolve(checkpoint.fine_tuned_model_checkpoint)
    assert [one.name for one in store.models.fine_tuned()] == [job.fine_tuned_model]


def test_events_are_taken_over_once_whatever_is_repeated(store: Store) -> None:
    stored = store.jobs.create(request(store))
    run = Run(stored).begin()
    run.say("one")
    for _ in range(3):
        store.queue.take_over(stored.id)
    with run.directory.events_file.open("ab") as file:
        file.write(b'{"half')
    run_messages = ["one", "Preprocessing completed.", "Job enqueued; 0 jobs are ahead of it."]
    store.queue.take_over(stored.id)
    assert [event.message for event in store.jobs.events(stored.id).items] == run_messages
    run.say("two")  # cuts the torn line, as a run that is continued does
    store.queue.take_over(stored.id)
    assert [event.message for event in store.jobs.events(stored.id).items] == ["two", *run_messages]
    kept = run.directory.events_file.read_bytes().split(b"\n")
    run.directory.events_file.write_bytes(kept[0] + b"\n")  # a power cut took the rest
    run.say("three")
    store.queue.take_over(stored.id)
    assert [event.message for event in store.jobs.events(stored.id).items] == ["three", "two", *run_messages]


def test_claims_are_limited_and_come_in_the_order_of_creation(store: Store) -> None:
    first, second = (store.jobs.create(request(store)) for _ in range(2))
    claimed = store.queue.claim(1)
    assert claimed is not None and claimed.id == first.id
    assert store.queue.claim(1) is None
    store.queue.settle(first.id, "failed", JobError(code="training_failed", message="no"))
    claimed = store.queue.claim(1)
    assert claimed is not None and claimed.id == second.id


def test_a_job_that_is_put_back_waits_first_in_line(store: Store) -> None:
    first, _ = (store.jobs.create(request(store)) for _ in range(2))
    store.queue.claim(1)
    store.queue.settle(first.id, "queued", note="The worker has ended.")
    claimed = store.queue.claim(1)
    assert claimed is not None and claimed.id == first.id


def test_a_failed_job_says_why_and_tells_it_once(store: Store) -> None:
    stored = store.jobs.create(request(store))
    store.queue.claim(1)
    settled = store.queue.settle(stored.id, "failed", JobError(code="invalid_training_file", message="line 3"))
    assert settled is not None and settled.job.error is not None
    assert (settled.job.status, settled.job.error.code) == ("failed", "invalid_training_file")
    assert store.jobs.events(stored.id).items[0].message == "Job failed: line 3"
    assert settled.job.finished_at is not None


def test_the_run_of_a_cancelled_job_says_so_too(store: Store) -> None:
    stored = store.jobs.create(request(store))
    store.queue.claim(9)
    run = Run(stored).begin().train(1)
    store.queue.take_over(stored.id)
    store.jobs.cancel(stored.id)
    store.queue.settle(stored.id, "queued")
    assert run.directory.read_job().status == "cancelled"
