"""A run directory belongs to one run for good."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from runs import plan_for, snapshot, write_chats

from localft.errors import CheckpointError, UsageError
from localft.jobs import run_directory as directories
from localft.jobs.events import message_event, read_events
from localft.jobs.files import write_whole
from localft.jobs.job import new_job
from localft.jobs.results import HEADER
from localft.jobs.run_directory import RunDirectory, create_run, differences, find_run, locked, refuse_other_meaning
from localft.plan import TrainingPlan

HEX = "0123456789abcdef" * 2


@pytest.fixture
def plan(tmp_path: Path) -> TrainingPlan:
    return plan_for(tmp_path)


def begin(path: Path, plan: TrainingPlan) -> RunDirectory:
    return create_run(path, plan, new_job(plan, hex=HEX, now=0), [message_event("queued", now=0)])


def test_a_new_run_has_plan_job_events_and_the_header_of_the_results(tmp_path: Path, plan: TrainingPlan) -> None:
    path = tmp_path / "deep" / "run"
    with locked(path):
        run = begin(path, plan)
    assert sorted(snapshot(path)) == ["events.jsonl", "job.json", "plan.json", "results.csv"]
    assert run.read_plan() == plan
    assert run.read_job().id == f"ftjob-{HEX}"
    assert [event.message for event in read_events(run.events_file)] == ["queued"]
    assert run.results_file.read_text() == HEADER + "\n"


def test_a_missing_or_empty_directory_holds_no_run(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".gitkeep").touch()
    assert find_run(tmp_path / "missing") is None
    assert find_run(tmp_path / "empty") is None


def test_a_begun_run_is_found(tmp_path: Path, plan: TrainingPlan) -> None:
    with locked(tmp_path / "run"):
        begin(tmp_path / "run", plan)
    found = find_run(tmp_path / "run")
    assert found is not None
    assert (found.plan, found.job.status, found.can_continue) == (plan, "queued", True)


def test_what_a_crash_left_before_the_run_had_begun_is_no_run(tmp_path: Path, plan: TrainingPlan) -> None:
    with locked(tmp_path / "run"):
        run = begin(tmp_path / "run", plan)
        run.job_file.unlink()
        assert find_run(run.path) is None
        begin(run.path, plan)
        assert [event.message for event in read_events(run.events_file)] == ["queued"], "the log starts anew"


def test_files_that_are_no_runs_are_refused_by_name(tmp_path: Path) -> None:
    for name in ("notes.txt", "results.csv"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=r"found notes\.txt, results\.csv; give another output_dir"):
        find_run(tmp_path)


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(UsageError, match="should be a directory, found a file"):
        find_run(tmp_path / "run")


def test_a_damaged_job_file_is_named_with_the_field(tmp_path: Path, plan: TrainingPlan) -> None:
    with locked(tmp_path):
        run = begin(tmp_path, plan)
    run.job_file.write_text(run.job_file.read_text().replace('"queued"', '"sleeping"'))
    with pytest.raises(CheckpointError, match=r"job\.json: status: "):
        find_run(tmp_path)


def test_a_directory_that_was_only_locked_is_taken_away_again(tmp_path: Path) -> None:
    with locked(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with locked(tmp_path / "a"):
        pass
    assert (tmp_path / "a").is_dir()


def test_nothing_is_left_of_a_run_that_cannot_be_written(
    tmp_path: Path, plan: TrainingPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        if path.name == "job.json":
            raise OSError(28, "No space left on device")
        write_whole(path, text)

    monkeypatch.setattr(directories, "write_whole", full)
    with pytest.raises(UsageError, match="cannot be written: No space left on device"), locked(tmp_path / "run"):
        begin(tmp_path / "run", plan)
    assert not (tmp_path / "run").exists()


def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written: Not a directory"), locked(tmp_path / "file" / "run"):
        pass


@contextmanager
def another_process_in(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the directory until it is told to end."""
    script = (
        "import sys; from pathlib import Path; from localft.jobs.run_directory import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def test_a_second_run_in_the_same_directory_is_refused_while_the_first_goes_on(tmp_path: Path) -> None:
    with another_process_in(tmp_path), pytest.raises(UsageError, match="in use by a run") as caught, locked(tmp_path):
        pass
    assert caught.value.code == "run_in_use"
    with locked(tmp_path):
        pass


def test_the_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    with another_process_in(tmp_path) as process:
        process.kill()
    with locked(tmp_path):
        pass


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 8}, "seed: 8, was 7"),
        ({"hyperparameters": {"batch_size": 6}}, "batch_size: 6, was 4"),
        ({"hyperparameters": {"n_epochs": 3}}, "n_epochs: 3, was 2"),
        ({"hyperparameters": {"learning_rate_multiplier": 2}}, "learning_rate_multiplier: 2"),
        ({"lora": {"rank": 8}}, "lora: "),
        ({"quantization": "nf4"}, 'quantization: "nf4", was "none"'),
        ({"max_length": 99}, "max_length: 99, was "),
        ({"suffix": "other"}, "suffix: other, was None"),
    ],
)
def test_another_meaning_is_refused_by_the_name_of_each_difference(
    tmp_path: Path, plan: TrainingPlan, changes: dict[str, object], named: str
) -> None:
    with locked(tmp_path / "run"):
        begin(tmp_path / "run", plan)
    earlier = find_run(tmp_path / "run")
    assert earlier is not None
    with pytest.raises(CheckpointError, match="holds a run of another job") as caught:
        refuse_other_meaning(earlier, plan_for(tmp_path, **changes))
    assert named in caught.value.message
    assert "Give another output_dir" in caught.value.message


def test_changed_data_is_another_meaning(tmp_path: Path, plan: TrainingPlan) -> None:
    with locked(tmp_path / "run"):
        begin(tmp_path / "run", plan)
    earlier = find_run(tmp_path / "run")
    assert earlier is not None
    write_chats(tmp_path / "train.jsonl", 12, word="other")
    found = differences(earlier, plan_for(tmp_path))
    assert [difference.partition(":")[0] for difference in found] == ["training_file"]


def test_another_execution_is_the_same_meaning(tmp_path: Path, plan: TrainingPlan) -> None:
    with locked(tmp_path / "run"):
        begin(tmp_path / "run", plan)
    earlier = find_run(tmp_path / "run")
    assert earlier is not None
    other = plan_for(tmp_path, execution={"tokens_per_micro_batch": 64}, precision="bfloat16")
    assert other.execution != plan.execution
    refuse_other_meaning(earlier, other)
