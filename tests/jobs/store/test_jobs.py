"""Jobs as their callers see them: made, listed, moved, deleted."""

from __future__ import annotations

import pytest

from localft.errors import Conflict, NotFound, UsageError
from localft.jobs.store import MAX_QUEUED_JOBS, Store
from stores import Run, finished_job, put_file, request


def test_a_new_job_keeps_what_was_asked_and_says_auto_until_its_run_has_resolved_it(store: Store) -> None:
    asked = request(store, hyperparameters={"n_epochs": -1, "batch_size": None}, metadata={"team": "a"}, suffix="x")
    stored = store.jobs.create(asked)
    job = stored.job
    assert job.status == "validating_files"
    assert job.hyperparameters.model_dump() == {
        "n_epochs": "auto",
        "batch_size": "auto",
        "learning_rate_multiplier": "auto",
    }
    assert (job.training_file, job.metadata, job.suffix, job.seed) == (asked.training_file, {"team": "a"}, "x", 7)
    Run(stored).begin().train(1)
    taken = store.queue.take_over(stored.id).job
    assert taken.hyperparameters.model_dump() == {"n_epochs": 10, "batch_size": 1, "learning_rate_multiplier": 1.0}
    assert (taken.status, taken.training_file, taken.metadata) == ("running", asked.training_file, {"team": "a"})


def test_a_waiting_job_is_cancelled_at_once_and_a_trained_one_for_good(store: Store) -> None:
    waiting = store.jobs.create(request(store))
    assert store.jobs.cancel(waiting.id).job.status == "cancelled"
    assert store.queue.claim(9) is None
    training = store.jobs.create(request(store))
    store.queue.claim(9)
    run = Run(training).begin().train(1)
    store.queue.take_over(training.id)
    cancelled = store.jobs.cancel(training.id)
    assert (cancelled.job.status, cancelled.wish) == ("cancelled", "cancel")
    run.succeed()
    settled = store.queue.settle(training.id, "succeeded")
    assert settled is not None and settled.job.status == "cancelled" and not settled.claimed


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume"])
def test_an_illegal_move_is_a_conflict_that_names_the_state(store: Store, verb: str) -> None:
    stored = finished_job(store)
    with pytest.raises(Conflict, match=f"{stored.id} is succeeded"):
        getattr(store.jobs, verb)(stored.id)


def test_a_job_is_paused_from_its_first_step_on_and_resumed_into_the_queue(store: Store) -> None:
    stored = store.jobs.create(request(store))
    store.queue.claim(1)
    run = Run(stored).begin()
    run.directory.write_job(run.job.moved("running"))
    store.queue.take_over(stored.id)
    with pytest.raises(Conflict, match="no finished step"):
        store.jobs.pause(stored.id)
    run.train(1)
    assert store.jobs.pause(stored.id).wish == "pause"
    run.directory.write_job(run.job.moved("paused"))
    settled = store.queue.settle(stored.id, "paused")
    assert settled is not None and settled.job.status == "paused"
    assert store.queue.claim(1) is None
    assert store.jobs.resume(stored.id).job.status == "queued"
    assert store.queue.claim(1) is not None


def test_a_running_job_is_not_deleted_and_a_deleted_one_leaves_nothing(store: Store) -> None:
    stored = store.jobs.create(request(store))
    store.queue.claim(1)
    Run(stored).begin().train(1)
    store.queue.take_over(stored.id)
    with pytest.raises(Conflict, match="is running"):
        store.jobs.delete(stored.id)
    store.jobs.cancel(stored.id)
    store.jobs.delete(stored.id)
    with pytest.raises(NotFound):
        store.jobs.get(stored.id)
    assert stored.directory.exists(), "its process still writes there"
    assert store.queue.settle(stored.id, "queued") is None
    assert list((store.home / "jobs").iterdir()) == []
    assert store.files.page(purpose="fine-tune-results").items == ()


def test_a_file_of_another_purpose_is_not_trained_on(store: Store) -> None:
    with pytest.raises(UsageError, match='purpose "user_data"'):
        store.jobs.create(request(store, training_file=put_file(store, purpose="user_data")))


def test_only_so_many_jobs_wait(store: Store) -> None:
    file = put_file(store)
    for _ in range(MAX_QUEUED_JOBS):
        store.jobs.create(request(store, training_file=file))
    with pytest.raises(Conflict, match="20 jobs are waiting"):
        store.jobs.create(request(store, training_file=file))


def test_pages_end_and_go_on_behind_what_was_deleted(store: Store) -> None:
    ids = [store.jobs.create(request(store, metadata={"n": str(n % 2)})).id for n in range(7)][::-1]
    seen, after = [], None
    while True:
        page = store.jobs.page(after=after, limit=3)
        seen += [stored.id for stored in page.items]
        for stored in page.items:
            store.jobs.delete(stored.id)
        if not page.has_more:
            break
        after = seen[-1]
    assert seen == ids
    with pytest.raises(UsageError, match="after"):
        store.jobs.page(after="ftjob-nothing")


def test_jobs_are_found_by_their_metadata(store: Store) -> None:
    one = store.jobs.create(request(store, metadata={"team": "a", "x": "1"}))
    none = store.jobs.create(request(store))
    assert [stored.id for stored in store.jobs.page(metadata={"team": "a"}).items] == [one.id]
    assert [stored.id for stored in store.jobs.page(metadata={"team": "a", "x": "2"}).items] == []
    assert [stored.id for stored in store.jobs.page(without_metadata=True).items] == [none.id]


def test_a_page_goes_on_behind_an_item_of_its_own_list_only(store: Store) -> None:
    one, other = (store.jobs.create(request(store)) for _ in range(2))
    (event,) = store.jobs.events(other.id).items[:1]
    assert store.jobs.events(other.id, after=event.id).items is not None
    with pytest.raises(UsageError, match="after is"):
        store.jobs.events(one.id, after=event.id)
    store.jobs.cancel(one.id)
    store.jobs.cancel(other.id)
    store.files.delete(one.job.training_file)
    with pytest.raises(UsageError, match="after is"):
        store.jobs.page(after=one.job.training_file)
    store.jobs.delete(other.id)
    assert [job.id for job in store.jobs.page(after=other.id).items] == [one.id], "one that was deleted since"
