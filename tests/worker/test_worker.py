"""Jobs of the store, trained for real: they end as `localft train` ends them, and follow their callers' wishes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localft.jobs.events import read_events
from localft.jobs.run_directory import RunDirectory
from localft.jobs.store import Store
from localft.worker import processes
from localft.worker.worker import Worker
from stores import CHATS, put_file, request
from workers import log_of, started_worker, wait_for, wait_until_over, working


def trained_alone(directory: Path, *flags: str) -> bytes:
    """results.csv of `localft train` on the same rows and seed."""
    (directory / "train.jsonl").write_bytes(CHATS)
    command = ["train", "--model", "localft/tiny-llama", "--training-file", "train.jsonl", "--seed", "7"]
    subprocess.run(
        [sys.executable, "-m", "localft", *command, *flags, "--output-dir", "alone"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.path.abspath("src")},
        check=True,
        capture_output=True,
        timeout=180,
    )
    return (directory / "alone" / "results.csv").read_bytes()


def test_a_job_leaves_what_localft_train_leaves_and_goes_on_from_its_model(store: Store, tmp_path: Path) -> None:
    job = store.jobs.create(request(store, suffix="one"))
    with working(store):
        first = wait_until_over(store, job.id)
        second = store.jobs.create(request(store, model=first.job.fine_tuned_model))
        assert first.job.status == "succeeded", log_of(store, job.id)
        last = wait_until_over(store, second.id).job
    assert last.status == "succeeded", log_of(store, second.id)
    assert last.fine_tuned_model == f"tiny-llama.ft-{last.hex}"
    run = RunDirectory(first.directory)
    assert run.results_file.read_bytes() == trained_alone(tmp_path, "--n-epochs", "1", "--batch-size", "5")
    assert (run.read_job().id, run.read_job().fine_tuned_model) == (job.id, first.job.fine_tuned_model)
    told = [event.id for event in store.jobs.events(job.id, limit=1000).items]
    assert told[-2::-1] == [event.id for event in read_events(run.events_file)], "the first is the store's own"
    assert set(os.listdir(run.path)) == set(os.listdir(tmp_path / "alone"))


def test_bad_data_fails_the_job_with_every_problem_and_no_path(store: Store) -> None:
    job = store.jobs.create(request(store, training_file=put_file(store, b'{"messages": []}\n' * 3)))
    with working(store):
        failed = wait_until_over(store, job.id).job
    assert failed.status == "failed" and failed.error is not None
    assert (failed.error.code, failed.error.param) == ("invalid_training_file", "training_file")
    lines = failed.error.message.splitlines()
    name = f'{job.job.training_file} ("train.jsonl")'
    assert [line.partition(": ")[0] for line in lines[:3]] == [f"{name}:{n}" for n in (1, 2, 3)]
    assert str(store.home) not in failed.error.message


def test_a_paused_job_goes_on_where_it_was_and_a_cancelled_one_never_does(store: Store, tmp_path: Path) -> None:
    long = {"n_epochs": 30, "batch_size": 5}
    job = store.jobs.create(request(store, hyperparameters=long))
    with working(store):
        has_step = lambda stored: stored.directory.joinpath("checkpoint-2").is_dir()  # noqa: E731
        wait_for(store, job.id, has_step)
        store.jobs.pause(job.id)
        wait_for(store, job.id, lambda stored: stored.job.status == "paused")
        said = [event.message for event in store.jobs.events(job.id, limit=1000).items if "paused" in event.message]
        assert len(said) == 1 and re.fullmatch(r"Job paused at step \d+; resume it to go on\.", said[0])
        assert store.jobs.checkpoints(job.id).items, "a pause leaves a checkpoint"
        store.jobs.resume(job.id)
        done = wait_until_over(store, job.id)
        assert done.job.status == "succeeded", log_of(store, job.id)
        other = store.jobs.create(request(store, hyperparameters=long))
        trained = wait_for(store, other.id, has_step)
        assert trained.process is not None
        assert store.jobs.cancel(other.id).job.status == "cancelled"
        wait_until_over(store, other.id)
        assert not processes.lives(trained.process)
    assert RunDirectory(trained.directory).read_job().status == "cancelled"
    expected = trained_alone(tmp_path, "--n-epochs", "30", "--batch-size", "5")
    assert RunDirectory(done.directory).results_file.read_bytes() == expected


def test_a_stopped_worker_says_in_one_sentence_that_the_job_waits(store: Store) -> None:
    job = store.jobs.create(request(store, hyperparameters={"n_epochs": 40, "batch_size": 5}))
    with working(store):
        wait_for(store, job.id, lambda stored: stored.directory.joinpath("checkpoint-2").is_dir())
    events = store.jobs.events(job.id, limit=1000).items
    assert re.fullmatch(r"The worker was stopped at step \d+; the job waits to go on\.", events[0].message)
    assert not any("paused" in event.message for event in events)


def test_what_was_remarked_on_in_the_data_is_in_the_jobs_events(store: Store) -> None:
    rows = CHATS.splitlines(keepends=True)
    job = store.jobs.create(request(store, training_file=put_file(store, b"".join([*rows, rows[0], rows[0], b"\n"]))))
    with working(store):
        wait_until_over(store, job.id)
    warned = [event.message for event in store.jobs.events(job.id, limit=1000).items if event.level == "warn"]
    assert [message.rpartition(" ")[2] for message in reversed(warned)] == ["[blank_lines]", "[duplicate_rows]"]
    assert all(message.startswith(f"{job.job.training_file}: ") for message in warned)


def test_a_second_worker_waits_and_adopts_what_the_first_one_left(store: Store) -> None:
    job = store.jobs.create(request(store, hyperparameters={"n_epochs": 20, "batch_size": 5}))
    first = started_worker(store.home)
    trained = wait_for(store, job.id, lambda stored: stored.process is not None)
    second = started_worker(store.home)
    assert second.stdout is not None
    try:
        assert f"another worker (process {first.pid}) serves" in second.stdout.readline()
        first.kill()
        assert trained.process is not None and processes.lives(trained.process)
        done = wait_until_over(store, job.id)
        assert done.job.status == "succeeded", log_of(store, job.id)
        assert done.process is None
        said = "Job started."
        assert [event.message for event in store.jobs.events(job.id, limit=1000).items].count(said) == 1
    finally:
        first.kill()
        second.send_signal(signal.SIGTERM)
        assert second.wait(60) == 0
        for worker in (first, second):
            worker.communicate()


@pytest.mark.parametrize("word", ["", "stop\n"])
def test_a_process_that_is_never_let_go_does_nothing(tmp_path: Path, word: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "localft.worker.gate", "--version"], input=word, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    let_go = subprocess.run(
        [sys.executable, "-m", "localft.worker.gate", "--version"], input="go\n", capture_output=True, text=True
    )
    assert let_go.returncode == 0 and let_go.stdout.startswith("localft ")


def test_a_process_is_told_from_a_later_one_of_its_number() -> None:
    own = processes.identity(os.getpid())
    assert own is not None and processes.lives(own)
    number, start, boot = own.split()
    assert not processes.lives(f"{number} {int(start) + 1} {boot}")


def test_a_job_whose_process_was_never_let_go_waits_again(store: Store) -> None:
    job = store.jobs.create(request(store))
    store.queue.claim(1)
    Worker(store, say=lambda sentence: None).adopt_orphans()
    stored = store.jobs.get(job.id)
    assert (stored.claimed, stored.job.status) == (False, "validating_files")


def test_a_training_that_is_killed_twice_before_it_gets_anywhere_fails_its_job(store: Store) -> None:
    job = store.jobs.create(request(store))
    with working(store):
        first = wait_for(store, job.id, lambda stored: stored.process is not None).process
        assert first is not None
        processes.send(first, signal.SIGKILL)
        second = wait_for(store, job.id, lambda stored: stored.process not in (None, first)).process
        assert second is not None and store.jobs.get(job.id).stuck
        processes.send(second, signal.SIGKILL)
        failed = wait_until_over(store, job.id).job
    assert failed.error is not None and failed.error.code == "training_crashed"
    assert "ended by SIGKILL at step 0, twice" in failed.error.message


def test_a_worker_ends_with_whoever_started_it_and_leaves_its_training(store: Store) -> None:
    job = store.jobs.create(request(store))
    worker = subprocess.Popen(
        [sys.executable, "-m", "localft", "worker", "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "LOCALFT_HOME": str(store.home)},
    )
    trained = wait_for(store, job.id, lambda stored: stored.process is not None)
    assert worker.stdin is not None and trained.process is not None
    worker.stdin.close()
    assert worker.wait(30) == 0
    assert processes.lives(trained.process)
    assert processes.kill_all_of_job(trained.job.hex) >= 1
