"""From request to outcome: what is written, when, and what is refused before anything is."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localft import settings
from localft.errors import (
    CheckpointError,
    DataError,
    LocalftError,
    MissingExtra,
    ModelError,
    TrainingFailed,
    TrainingInterrupted,
    UsageError,
)
from localft.jobs import run_directory
from localft.jobs.events import EventLog, read_events
from localft.jobs.job import FineTuningJob
from localft.jobs.results import ResultsWriter, read_results
from localft.plan import TrainingPlan
from localft.progress import Notice, ProgressEvent, StepMetrics
from localft.runner import run, run_job
from runs import FakeEngine, chat_line, plan_for, request_for, snapshot, write_chats


@pytest.fixture(autouse=True)
def no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "visible_gpus", lambda: 0)


def job_in(directory: Path) -> FineTuningJob:
    return FineTuningJob.model_validate_json((directory / "job.json").read_bytes())


def plan_in(directory: Path) -> TrainingPlan:
    return TrainingPlan.from_json((directory / "plan.json").read_bytes())


def send_at(step: int, number: int) -> Callable[[int], None]:
    def after_step(done: int) -> None:
        if done == step:
            os.kill(os.getpid(), number)

    return after_step


# --- a run that succeeds


def test_a_run_leaves_all_that_the_design_names(tmp_path: Path) -> None:
    outcome = run_job(request_for(tmp_path), engine=FakeEngine())
    run_directory = tmp_path / "run"
    assert (outcome.status, outcome.last_step, outcome.run_directory) == ("succeeded", 6, str(run_directory))
    assert sorted(entry.name for entry in run_directory.iterdir()) == [
        "checkpoint-3",
        "checkpoint-6",
        "events.jsonl",
        "job.json",
        "metrics.png",
        "model",
        "plan.json",
        "results.csv",
    ]
    assert (run_directory / "model" / "README.md").read_text().startswith("---\nbase_model:")
    job = job_in(run_directory)
    assert (job.status, job.trained_tokens) == ("succeeded", 240)
    assert [row.step for row in read_results(run_directory / "results.csv")] == [1, 2, 3, 4, 5, 6]


def test_the_card_asks_with_the_system_message_of_the_rows(tmp_path: Path) -> None:
    system = {"role": "system", "content": "You are brief."}
    rows = [json.loads(chat_line(f"train {number}")) for number in range(12)]
    lines = [json.dumps({"messages": [system, *row["messages"]]}) for row in rows]
    write_text(tmp_path / "train.jsonl", "\n".join(lines))
    run_job(request_for(tmp_path), engine=FakeEngine())
    card = (tmp_path / "run" / "model" / "README.md").read_text(encoding="utf-8")
    assert f"messages = [\n    {json.dumps(system)},\n" in card


def test_the_plan_on_disk_has_its_tokens_counted_and_repeats_the_run(tmp_path: Path) -> None:
    run_job(request_for(tmp_path), engine=FakeEngine())
    plan = plan_in(tmp_path / "run")
    assert plan.tokens is not None and plan.tokens.tokens > 0
    again = plan.model_copy(update={"output_dir": str(tmp_path / "again")})
    run_job(again, engine=FakeEngine())
    assert plan_in(tmp_path / "again").meaning() == plan.meaning()


def test_events_reach_the_caller_too(tmp_path: Path) -> None:
    told: list[ProgressEvent] = []
    run_job(request_for(tmp_path), report=told.append, engine=FakeEngine())
    assert [event.step for event in told if isinstance(event, StepMetrics)] == [1, 2, 3, 4, 5, 6]


def test_dropped_rows_change_the_examples_and_the_steps_of_the_plan(tmp_path: Path) -> None:
    path = write_chats(tmp_path / "train.jsonl", 16)
    long = {"messages": [{"role": "user", "content": "long " * 400}, {"role": "assistant", "content": "ok"}]}
    with path.open("a") as file:
        file.write(json.dumps(long) + "\n")
    outcome = run_job(request_for(tmp_path, max_length=300, overlong="drop"), engine=FakeEngine())
    plan = plan_in(tmp_path / "run")
    assert (plan.training_file.examples, plan.examples, plan.total_steps) == (17, 16, 8)
    assert outcome.last_step == 8
    told = [event.message for event in read_events(tmp_path / "run" / "events.jsonl") if event.level == "warn"]
    assert told == ["train.jsonl: 1 of 17 rows dropped, over max_length 300"]


def test_rows_of_which_nothing_trained_is_left_once_cut_are_told_apart_from_cut_ones(tmp_path: Path) -> None:
    path = write_chats(tmp_path / "train.jsonl", 16)
    with path.open("a") as file:
        for question, answer in (("long " * 400, "ok"), ("short", "long " * 400)):
            messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            file.write(json.dumps({"messages": messages}) + "\n")
    run_job(request_for(tmp_path, max_length=300, overlong="truncate"), engine=FakeEngine())
    assert plan_in(tmp_path / "run").examples == 17
    told = [event.message for event in read_events(tmp_path / "run" / "events.jsonl") if event.level == "warn"]
    assert told == [
        "train.jsonl: 1 of 18 rows dropped, since nothing that is trained was left of them, cut to max_length 300",
        "train.jsonl: 1 of 18 rows truncated, over max_length 300",
    ]


# --- bad input: refused, and no trace of a run


def no_messages(directory: Path) -> dict[str, Any]:
    return {"training_file": str(write_text(directory / "bad.jsonl", '{"prompt": "x"}\n' * 12))}


def too_few(directory: Path) -> dict[str, Any]:
    return {"training_file": str(write_chats(directory / "few.jsonl", 9))}


def broken_json(directory: Path) -> dict[str, Any]:
    path = write_chats(directory / "broken.jsonl", 12)
    return {"training_file": str(write_text(path, path.read_text() + "{not json\n"))}


def empty_file(directory: Path) -> dict[str, Any]:
    return {"training_file": str(write_text(directory / "empty.jsonl", ""))}


def missing_file(directory: Path) -> dict[str, Any]:
    return {"training_file": str(directory / "none.jsonl")}


def bad_validation_file(directory: Path) -> dict[str, Any]:
    return {"validation_file": str(write_text(directory / "valid.jsonl", '{"messages": []}\n'))}


def unknown_model(directory: Path) -> dict[str, Any]:
    return {"model": "llama-9-900b"}


def directory_without_model(directory: Path) -> dict[str, Any]:
    (directory / "nothing").mkdir()
    return {"model": str(directory / "nothing")}


def row_over_max_length(directory: Path) -> dict[str, Any]:
    return {"max_length": 8}


def all_rows_dropped(directory: Path) -> dict[str, Any]:
    return {"max_length": 8, "overlong": "drop"}


def template_that_drops_the_answer(directory: Path) -> dict[str, Any]:
    template = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"
    return {"chat_template": str(write_text(directory / "t.jinja", template))}


def template_that_does_not_parse(directory: Path) -> dict[str, Any]:
    return {"chat_template": str(write_text(directory / "t.jinja", "{% for m in messages %}"))}


def output_dir_with_other_files(directory: Path) -> dict[str, Any]:
    (directory / "other").mkdir()
    write_text(directory / "other" / "thesis.tex", "years of work")
    return {"output_dir": str(directory / "other")}


def output_dir_that_is_a_file(directory: Path) -> dict[str, Any]:
    return {"output_dir": str(write_text(directory / "file", ""))}


def write_text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


BAD_INPUT: dict[Callable[[Path], dict[str, Any]], tuple[type[LocalftError], int, str]] = {
    no_messages: (DataError, 1, r"bad\.jsonl:1"),
    too_few: (DataError, 1, r"few\.jsonl"),
    broken_json: (DataError, 1, r"broken\.jsonl:13"),
    empty_file: (DataError, 1, r"empty\.jsonl"),
    missing_file: (UsageError, 2, r"none\.jsonl"),
    bad_validation_file: (DataError, 1, r"valid\.jsonl:1"),
    unknown_model: (ModelError, 1, "llama-9-900b"),
    directory_without_model: (ModelError, 1, "nothing"),
    row_over_max_length: (DataError, 1, r"12 rows are refused:\n.*train\.jsonl:1: "),
    all_rows_dropped: (DataError, 1, r"train\.jsonl"),
    template_that_drops_the_answer: (DataError, 1, r"refused:\n.*train\.jsonl:1"),
    template_that_does_not_parse: (ModelError, 1, "chat template"),
    output_dir_with_other_files: (UsageError, 2, r"thesis\.tex"),
    output_dir_that_is_a_file: (UsageError, 2, "should be a directory"),
}


@pytest.mark.parametrize("bad", BAD_INPUT, ids=lambda bad: bad.__name__)
def test_bad_input_is_refused_with_its_place_and_leaves_no_trace(
    bad: Callable[[Path], dict[str, Any]], tmp_path: Path
) -> None:
    kind, exit_code, place = BAD_INPUT[bad]
    engine = FakeEngine()
    request = request_for(tmp_path, **bad(tmp_path))
    before = snapshot(tmp_path)
    with pytest.raises(kind, match=place) as caught:
        run_job(request, engine=engine)
    assert caught.value.exit_code == exit_code
    assert snapshot(tmp_path) == before
    assert not (tmp_path / "run").exists()
    assert engine.resumed_from == [], "nothing was trained"


def test_errors_of_the_data_carry_the_services_code_and_param(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        run_job(request_for(tmp_path, **too_few(tmp_path)), engine=FakeEngine())
    assert (caught.value.code, caught.value.param) == ("invalid_n_examples", "training_file")


# --- a training that does not end well


def test_a_failed_training_says_why_in_the_job_and_to_the_caller(tmp_path: Path) -> None:
    def explode(step: int) -> None:
        if step == 4:
            raise TrainingFailed("the loss is not a number", code="nan_loss")

    with pytest.raises(TrainingFailed, match="the loss is not a number"):
        run_job(request_for(tmp_path), engine=FakeEngine(explode))
    job = job_in(tmp_path / "run")
    assert job.error is not None
    assert (job.status, job.error.code) == ("failed", "nan_loss")


def test_a_failure_of_ours_becomes_one_sentence_with_its_cause_kept(tmp_path: Path) -> None:
    def explode(step: int) -> None:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(TrainingFailed, match=r"stopped at step 1: ZeroDivisionError: division by zero") as caught:
        run_job(request_for(tmp_path), engine=FakeEngine(explode))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    job = job_in(tmp_path / "run")
    assert job.status == "failed" and job.error is not None and job.error.code == "internal_error"


def test_a_failed_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    def explode(step: int) -> None:
        if step == 5:
            raise OSError(28, "No space left on device")

    with pytest.raises(TrainingFailed, match="No space left"):
        run_job(request_for(tmp_path), engine=FakeEngine(explode))
    engine = FakeEngine()
    run_job(request_for(tmp_path), engine=engine)
    assert engine.resumed_from == ["checkpoint-3"]
    assert job_in(tmp_path / "run").status == "succeeded"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_saves_and_the_same_call_goes_on(tmp_path: Path, number: int) -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    outcome = run_job(request_for(tmp_path), engine=FakeEngine(send_at(2, number)))
    assert (outcome.status, outcome.last_step) == ("interrupted", 2)
    assert job_in(tmp_path / "run").status == "paused"
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before

    engine = FakeEngine()
    assert run_job(request_for(tmp_path), engine=engine).status == "succeeded"
    assert engine.resumed_from == ["checkpoint-2"]
    run_job(request_for(tmp_path, output_dir=str(tmp_path / "straight")), engine=FakeEngine())
    assert (tmp_path / "run/results.csv").read_bytes() == (tmp_path / "straight/results.csv").read_bytes()


def test_the_second_signal_stops_at_once_and_the_last_checkpoint_is_kept(tmp_path: Path) -> None:
    def twice(step: int) -> None:
        if step == 5:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail("the second signal should not return")

    with pytest.raises(
        TrainingInterrupted, match=r"at step 5, without saving; .* from the last checkpoint in"
    ) as caught:
        run_job(request_for(tmp_path), engine=FakeEngine(twice))
    assert caught.value.exit_code == 75
    assert job_in(tmp_path / "run").status == "paused"
    engine = FakeEngine()
    run_job(request_for(tmp_path), engine=engine)
    assert engine.resumed_from == ["checkpoint-3"]


def test_stopped_at_once_before_the_first_checkpoint_there_is_none_to_go_on_from(tmp_path: Path) -> None:
    def twice(step: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(TrainingInterrupted, match="without saving; the same command starts again from the first step"):
        run_job(request_for(tmp_path), engine=FakeEngine(twice))
    engine = FakeEngine()
    run_job(request_for(tmp_path), engine=engine)
    assert engine.resumed_from == [None]


def test_a_signal_before_the_training_leaves_no_trace(tmp_path: Path) -> None:
    def interrupt(event: ProgressEvent) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(TrainingInterrupted, match="before the training began"):
        run_job(request_for(tmp_path), report=interrupt, engine=FakeEngine())
    assert not (tmp_path / "run").exists()


def test_a_stop_asked_for_by_our_own_launch_is_a_request_to_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "control").mkdir()
    monkeypatch.setenv(settings.CONTROL_DIRECTORY, str(tmp_path / "control"))
    engine = FakeEngine(lambda step: (tmp_path / "control" / "stop").touch() if step == 4 else None)
    assert run_job(request_for(tmp_path), engine=engine).last_step == 4


# --- going on with a run, or not


def test_a_killed_run_goes_on_behind_its_newest_whole_checkpoint(tmp_path: Path) -> None:
    run_job(request_for(tmp_path), engine=FakeEngine(send_at(5, signal.SIGINT)))
    (tmp_path / "run" / "checkpoint-5" / "state.json").write_text("torn")
    told: list[ProgressEvent] = []
    engine = FakeEngine()
    run_job(request_for(tmp_path), report=told.append, engine=engine)
    assert engine.resumed_from == ["checkpoint-3"]
    warnings = [event.message for event in told if isinstance(event, Notice) and event.level == "warn"]
    assert any("checkpoint-5" in message for message in warnings)
    assert [row.step for row in read_results(tmp_path / "run" / "results.csv")] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("copied", [False, True], ids=["in its place", "mounted elsewhere"])
def test_a_run_whose_data_was_edited_is_not_gone_on_with(tmp_path: Path, copied: bool) -> None:
    run_job(request_for(tmp_path), engine=FakeEngine(send_at(5, signal.SIGTERM)))
    directory = tmp_path / "mount" if copied else tmp_path
    directory.mkdir(exist_ok=True)
    again = request_for(directory, output_dir=str(tmp_path / "run"))  # the same content, wherever it lies
    file = Path(str(again.training_file))
    whole = file.read_text()
    file.write_text(whole.replace("train 7", "train 8", 1))
    with pytest.raises(CheckpointError, match=r"holds a run of another job .*: training_file: "):
        run_job(again, engine=FakeEngine())
    file.write_text(whole)
    engine = FakeEngine()
    assert run_job(again, engine=engine).status == "succeeded"
    assert engine.resumed_from == ["checkpoint-5"]


def test_a_run_that_goes_on_tells_the_losses_on_both_sides_on_the_screen_and_in_its_log(tmp_path: Path) -> None:
    def die(step: int) -> None:
        if step == 5:
            raise TrainingFailed("gone")

    with pytest.raises(TrainingFailed):
        run_job(request_for(tmp_path), engine=FakeEngine(die))
    told: list[ProgressEvent] = []
    run_job(request_for(tmp_path), report=told.append, engine=FakeEngine())
    sentence = (
        "Continuity: step 3, before the interruption: training loss=0.333333333; "
        "step 4, behind it: training loss=0.25 (0.25 when it was trained before)"
    )
    assert [event.message for event in told if isinstance(event, Notice)].count(sentence) == 1
    assert [event.message for event in read_events(tmp_path / "run" / "events.jsonl")].count(sentence) == 1


def test_a_launcher_inside_of_another_launch_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "nested_launch", lambda: settings.NestedLaunch(outer_processes=4, machines=1))
    with pytest.raises(UsageError, match="started in each of 4 processes of another launch") as caught:
        run_job(request_for(tmp_path), engine=FakeEngine())
    assert caught.value.on_every_process
    assert not (tmp_path / "run").exists()


def test_a_run_killed_before_its_first_checkpoint_starts_from_the_first_step(tmp_path: Path) -> None:
    def die(step: int) -> None:
        raise TrainingFailed("gone")

    with pytest.raises(TrainingFailed):
        run_job(request_for(tmp_path), engine=FakeEngine(die))
    engine = FakeEngine()
    run_job(request_for(tmp_path), engine=engine)
    assert engine.resumed_from == [None]
    assert [row.step for row in read_results(tmp_path / "run" / "results.csv")] == [1, 2, 3, 4, 5, 6]


def test_a_drawn_seed_and_the_date_belong_to_the_run_that_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_job(request_for(tmp_path, seed=None), engine=FakeEngine(send_at(2, signal.SIGINT)))
    first = plan_in(tmp_path / "run")
    run_job(request_for(tmp_path, seed=None), engine=FakeEngine())
    second = plan_in(tmp_path / "run")
    assert second.hyperparameters == first.hyperparameters
    assert second.meaning() == first.meaning()


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    run_job(request_for(tmp_path), engine=FakeEngine())
    before = snapshot(tmp_path / "run")
    told: list[ProgressEvent] = []
    engine = FakeEngine()
    outcome = run_job(request_for(tmp_path), report=told.append, engine=engine)
    assert (outcome.status, outcome.last_step, outcome.trained_tokens) == ("succeeded", 6, 240)
    assert outcome.model_path == str(tmp_path / "run" / "model")
    assert engine.resumed_from == []
    assert snapshot(tmp_path / "run") == before
    assert any("nothing is left to train" in event.message for event in told if isinstance(event, Notice))


@pytest.mark.parametrize("finished", [True, False])
def test_other_knobs_in_the_same_directory_are_refused_by_name(tmp_path: Path, finished: bool) -> None:
    run_job(request_for(tmp_path), engine=FakeEngine(send_at(9 if finished else 2, signal.SIGINT)))
    before = snapshot(tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"n_epochs: 5, was 2"):
        run_job(request_for(tmp_path, hyperparameters={"n_epochs": 5}), engine=FakeEngine())
    assert snapshot(tmp_path / "run") == before


def test_a_cancelled_job_is_not_continued(tmp_path: Path) -> None:
    run_job(request_for(tmp_path), engine=FakeEngine(send_at(2, signal.SIGINT)))
    job = job_in(tmp_path / "run").moved("cancelled")
    (tmp_path / "run" / "job.json").write_text(job.model_dump_json())
    with pytest.raises(CheckpointError, match="a job that is cancelled"):
        run_job(request_for(tmp_path), engine=FakeEngine())


def test_resume_never_refuses_a_directory_with_a_run_and_says_what_to_do(tmp_path: Path) -> None:
    run_job(request_for(tmp_path), engine=FakeEngine(send_at(2, signal.SIGINT)))
    before = snapshot(tmp_path / "run")
    with pytest.raises(UsageError, match=r"--resume never.*leave it out to continue.*another output_dir"):
        run_job(request_for(tmp_path), resume="never", engine=FakeEngine())
    assert snapshot(tmp_path / "run") == before


def test_resume_never_starts_in_a_new_or_empty_directory(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert run_job(request_for(tmp_path), resume="never", engine=FakeEngine()).status == "succeeded"


def test_the_date_of_a_job_survives_midnight(tmp_path: Path) -> None:
    run_job(request_for(tmp_path), engine=FakeEngine(send_at(2, signal.SIGINT)))
    path = tmp_path / "run" / "plan.json"
    yesterday = plan_in(tmp_path / "run").model_copy(update={"date": "2001-02-03"})
    path.write_text(yesterday.to_json())
    for checkpoint in (tmp_path / "run").glob("checkpoint-*"):
        checkpoint.rename(checkpoint.with_name(f".{checkpoint.name}"))
    run_job(request_for(tmp_path), engine=FakeEngine())
    assert plan_in(tmp_path / "run").date == "2001-02-03"


# --- directories that nobody named


def test_without_output_dir_a_stopped_run_is_found_again_and_a_finished_one_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    request = request_for(tmp_path, output_dir=None, suffix="travel", seed=None)
    first = run_job(request, engine=FakeEngine(send_at(2, signal.SIGINT)))
    engine = FakeEngine()
    second = run_job(request, engine=engine)
    third = run_job(request, engine=FakeEngine())
    directory = Path(first.run_directory or "")
    assert directory.parent == tmp_path / "runs"
    assert second.run_directory == first.run_directory and engine.resumed_from == ["checkpoint-2"]
    assert third.run_directory == f"{directory}-2"


def test_without_output_dir_other_knobs_get_a_directory_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = run_job(request_for(tmp_path, output_dir=None), engine=FakeEngine(send_at(2, signal.SIGINT)))
    before = snapshot(Path(first.run_directory or ""))
    other = request_for(tmp_path, output_dir=None, hyperparameters={"n_epochs": 1})
    assert run_job(other, engine=FakeEngine()).run_directory == f"{first.run_directory}-2"
    assert snapshot(Path(first.run_directory or "")) == before


def test_without_output_dir_resume_never_takes_the_next_free_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    request = request_for(tmp_path, output_dir=None)
    first = run_job(request, engine=FakeEngine(send_at(2, signal.SIGINT)))
    (tmp_path / "runs" / f"{Path(first.run_directory or '').name}-7").mkdir()
    assert run_job(request, resume="never", engine=FakeEngine()).run_directory == f"{first.run_directory}-8"


# --- a plan in place of a request


def test_a_plan_whose_data_was_edited_is_refused(tmp_path: Path) -> None:
    plan = plan_for(tmp_path)
    write_chats(tmp_path / "train.jsonl", 12, word="edited")
    with pytest.raises(DataError, match=r"train\.jsonl: expected the file that the plan was made for"):
        run_job(plan, engine=FakeEngine())
    assert not (tmp_path / "run").exists()


# --- the machine


def test_missing_packages_are_named_with_the_install_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "find_spec", lambda name: None if name in ("torch", "trl") else object())
    with pytest.raises(MissingExtra, match=r"torch, trl are not installed: pip install 'localft\[train\]'"):
        run_job(request_for(tmp_path), engine=FakeEngine())


def test_a_program_that_sees_several_gpus_is_told_to_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "visible_gpus", lambda: 2)
    with pytest.raises(UsageError, match=r"2 GPUs are visible.*`localft train`.*CUDA_VISIBLE_DEVICES"):
        run_job(request_for(tmp_path), engine=FakeEngine())


def test_a_platform_that_starts_one_process_on_a_machine_of_several_gpus_is_told_to_start_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "visible_gpus", lambda: 4)
    for name, value in {"RANK": "1", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "NODE_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="4 GPUs are visible on this machine and the platform started one process"):
        run_job(request_for(tmp_path), engine=FakeEngine())


def test_without_matplotlib_the_run_succeeds_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "draw_metrics", lambda *_, **__: False)
    assert run_job(request_for(tmp_path), engine=FakeEngine()).status == "succeeded"
    messages = [event.message for event in read_events(tmp_path / "run" / "events.jsonl")]
    assert "metrics.png was not drawn, since matplotlib is not installed" in messages


# --- a full disk, and what a kill or a damage left


def test_a_full_disk_fails_the_job_in_one_sentence_and_the_same_command_goes_on(tmp_path: Path) -> None:
    def no_room(step: int) -> None:
        if step == 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "run" / "results.csv"))

    with pytest.raises(TrainingFailed, match=r"results\.csv: the disk is full .* found [\d,]+ bytes free") as caught:
        run_job(request_for(tmp_path), engine=FakeEngine(no_room))
    assert (caught.value.code, caught.value.exit_code) == ("disk_full", 1)
    job = job_in(tmp_path / "run")
    assert job.status == "failed" and job.error is not None and job.error.code == "disk_full"
    engine = FakeEngine()
    assert run_job(request_for(tmp_path), engine=engine).status == "succeeded"
    assert engine.resumed_from == ["checkpoint-3"]


def test_a_disk_that_takes_no_record_at_all_still_gives_the_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*given: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill_the_disk(step: int) -> None:
        if step == 5:
            monkeypatch.setattr(run_directory, "write_whole", no_room)
            monkeypatch.setattr(ResultsWriter, "write", no_room)
            monkeypatch.setattr(ResultsWriter, "close", no_room)
            monkeypatch.setattr(EventLog, "append", no_room)

    with pytest.raises(TrainingFailed, match="the disk is full"):
        run_job(request_for(tmp_path), engine=FakeEngine(fill_the_disk))
    with pytest.raises(TrainingFailed, match="the disk is full"):  # it is still full when the command is given again
        run_job(request_for(tmp_path), engine=FakeEngine())
    monkeypatch.undo()
    monkeypatch.setattr(settings, "visible_gpus", lambda: 0)
    assert run_job(request_for(tmp_path), engine=FakeEngine()).status == "succeeded"
    assert [row.step for row in read_results(tmp_path / "run" / "results.csv")] == [1, 2, 3, 4, 5, 6]


def test_damaged_checkpoints_are_named_in_the_log_and_the_run_begins_again_where_none_is_left(tmp_path: Path) -> None:
    def crash_at(step: int) -> Callable[[int], None]:
        def after_step(done: int) -> None:
            if done == step:
                raise RuntimeError("crash")

        return after_step

    with pytest.raises(TrainingFailed):
        run_job(request_for(tmp_path), engine=FakeEngine(crash_at(5)))
    run_path = tmp_path / "run"
    (run_path / "checkpoint-3" / "state.json").write_bytes(b"")
    (run_path / ".staging-checkpoint-6").mkdir()
    (run_path / ".job.json.123.staged").touch()
    told: list[ProgressEvent] = []
    engine = FakeEngine()
    assert run_job(request_for(tmp_path), report=told.append, engine=engine).status == "succeeded"
    assert engine.resumed_from == [None]
    warnings = [event.message for event in told if isinstance(event, Notice) and event.level == "warn"]
    assert len(warnings) == 2 and warnings[0].startswith("Skipped checkpoint-3: ") and "state.json" in warnings[0]
    assert warnings[1] == "The run goes on from the start, as it has no checkpoint that is whole."
    logged = [event.message for event in read_events(run_path / "events.jsonl") if event.level == "warn"]
    assert logged == warnings
    assert not [path for path in run_path.iterdir() if path.name.startswith(".")]
    assert [row.step for row in read_results(run_path / "results.csv")] == [1, 2, 3, 4, 5, 6]
