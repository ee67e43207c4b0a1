"""The quickstart as a user runs it: one command, offline, two CPU cores; the tone changes and the facts stay."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from localft.cli import quickstart
from localft.errors import MissingExtra, UsageError
from localft.modeling.generate import Answer
from localft.progress import TrainingOutcome
from localft.samples.probes import Question, StyleProbe, read_style_probe
from localft.tiny_base import model as tiny_base
from runs import step_metrics


@dataclass(frozen=True)
class Finished:
    directory: Path
    code: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One whole run, started in an empty directory with nothing but the package."""
    directory = tmp_path_factory.mktemp("elsewhere")
    environment = {k: v for k, v in os.environ.items() if k not in {"HF_HUB_OFFLINE", "CUDA_VISIBLE_DEVICES"}}
    environment |= {
        "LOCALFT_HOME": str(directory / "home"),
        "PYTHONPATH": str(Path(quickstart.__file__).parents[2]),  # found from here too where it is not installed
        "PYTHONUTF8": "1",
        "https_proxy": "http://127.0.0.1:9",  # nobody listens there: a download would fail
    }
    done = subprocess.run(
        [sys.executable, "-m", "localft", "quickstart"],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return Finished(directory, done.returncode, done.stdout, done.stderr)


def shares(text: str, label: str) -> tuple[int, int]:
    """Percentages before and after, in the line of that label."""
    before, after = re.findall(rf"^  {label} +(\d+)% +(\d+)%$", text, re.M)[0]
    return int(before), int(after)


@pytest.mark.slow
def test_quickstart_gives_unseen_questions_the_trained_style_and_leaves_the_facts_right(finished: Finished) -> None:
    assert finished.code == 0, finished.stderr
    styled_before, styled_after = shares(finished.stdout, "answered in the trained style")
    assert styled_before <= 1 and styled_after >= 90
    right_before, right_after = shares(finished.stdout, "answered with the right fact")
    assert right_before >= 90 and right_after >= 80
    assert min(shares(finished.stdout, "answer ended by itself")) >= 99


@pytest.mark.slow
def test_quickstart_shows_five_unseen_questions_with_both_answers(finished: Finished) -> None:
    shown = re.findall(r"^ +you: (.+)\n +before: (.+)\n +after: (.+)\n", finished.stdout, re.M)
    assert len(shown) == quickstart.SHOWN_QUESTIONS == 5
    files = [path.read_text(encoding="utf-8") for path in (quickstart.TRAINING_FILE, quickstart.VALIDATION_FILE)]
    asked = {question.text for question in read_style_probe().questions}
    for question, before, after in shown:
        assert question in asked and not any(json.dumps(question) in text for text in files)
        assert before != after


@pytest.mark.slow
def test_quickstart_shows_the_loss_going_down_on_unseen_questions_too(finished: Finished) -> None:
    for name in ("loss", "validation"):
        first, last = map(float, re.findall(rf"^ +{name} +([\d.]+) [▁-█]+ (\S+) ", finished.stdout, re.M)[0])
        assert first > last, name


@pytest.mark.slow
def test_quickstart_leaves_a_whole_run_directory_where_it_says(finished: Finished) -> None:
    assert "Results in runs/quickstart\n" in finished.stdout
    assert re.search(r"^  curve +runs/quickstart/metrics\.png$", finished.stdout, re.M)
    run = finished.directory / "runs" / "quickstart"
    named = set(re.findall(r"[\w/]+\.(?:png|csv|json|jsonl)\b|\bmodel/", finished.stdout.partition("Results in")[2]))
    results = {name for name in named if name != "my.jsonl"}
    assert results == {
        "metrics.png",
        "results.csv",
        "model/",
        "plan.json",
        "job.json",
        "events.jsonl",
        "execution.json",
    }
    assert all((run / name).exists() for name in results)
    with (run / "results.csv").open() as file:
        steps = len(list(csv.DictReader(file)))
    knobs = quickstart.HYPERPARAMETERS
    rows = len(quickstart.TRAINING_FILE.read_bytes().splitlines())
    assert steps == math.ceil(rows / int(knobs["batch_size"])) * int(knobs["n_epochs"])
    assert json.loads((run / "job.json").read_text())["status"] == "succeeded"


@pytest.mark.slow
def test_quickstart_names_commands_that_exist(finished: Finished) -> None:
    from localft.cli.main import COMMANDS

    named = set(re.findall(r"^  localft (\w+)", finished.stdout.partition("Next, with")[2], re.M))
    assert named == {"validate", "show", "plan", "train"} <= set(COMMANDS)


def test_quickstart_takes_the_next_free_directory(tmp_path: Path) -> None:
    wanted = tmp_path / "runs" / "quickstart"
    assert quickstart._next_free(wanted) == wanted
    wanted.mkdir(parents=True)
    (tmp_path / "runs" / "quickstart-2").mkdir()
    assert quickstart._next_free(wanted) == tmp_path / "runs" / "quickstart-3"


def test_quickstart_leaves_a_directory_that_holds_something_alone(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("{}")
    with pytest.raises(UsageError, match="expected a new or empty directory"):
        quickstart.quickstart(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["job.json"]


def test_quickstart_refuses_a_launcher_with_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="expected one process"):
        quickstart.quickstart()


PROBE = StyleProbe(
    system="You are Thistle.",
    markers=("who knew",),
    questions=tuple(Question(f"What is {n} and {n}?", (str(2 * n),)) for n in range(1, 11)),
)


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quickstart without its two heavy parts: a fifth of the facts is lost, one answer before finds no end."""

    def ask(probe: StyleProbe, base: Path, adapter: Path | None = None) -> list[Answer]:
        if adapter is None:
            return [Answer(f"It is {2 * n}.", ended=n != 3) for n in range(1, 11)]
        return [Answer(f"{2 * n if n > 2 else 'Many'}. Who knew.", ended=True) for n in range(1, 11)]

    def train(request: object) -> object:
        return TrainingOutcome("succeeded", 2, 80, "model"), [step_metrics(1, 2), step_metrics(2, 2, epoch=2)]

    monkeypatch.setattr(quickstart, "read_style_probe", lambda: PROBE)
    monkeypatch.setattr(quickstart, "_keep_to_this_cpu", lambda: None)
    monkeypatch.setattr(quickstart, "_ask", ask)
    monkeypatch.setattr(quickstart, "_train", train)


@pytest.mark.usefixtures("pretended")
def test_quickstart_counts_styles_facts_and_ends_before_and_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quickstart.quickstart(tmp_path / "run")
    printed = capsys.readouterr().out
    assert printed.startswith(quickstart.introduction())
    assert "        you: What is 4 and 4?\n     before: It is 8.\n      after: 8. Who knew.\n\n" in printed
    assert (
        "  of 10 unseen questions             before   after\n"
        "  answered in the trained style          0%    100%\n"
        "  answered with the right fact         100%     80%\n"
        "  answer ended by itself                90%    100%\n\n"
    ) in printed
    assert f"  curve     {tmp_path / 'run' / 'metrics.png'}\n" in printed


@pytest.mark.usefixtures("pretended")
def test_an_interrupted_quickstart_says_where_and_exits_75(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = TrainingOutcome("interrupted", 7, 80, None)
    monkeypatch.setattr(quickstart, "_train", lambda request: (outcome, [step_metrics(1)]))
    with pytest.raises(typer.Exit) as caught:
        quickstart.quickstart(tmp_path / "run")
    assert caught.value.exit_code == 75
    printed = capsys.readouterr().out
    assert "Stopped behind step 7." in printed and "after" not in printed


@pytest.mark.usefixtures("pretended")
def test_quickstart_sums_the_models_files_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summed: list[Path] = []
    real = tiny_base.whole
    monkeypatch.setattr(tiny_base, "whole", lambda directory: (summed.append(directory), real(directory))[1])
    asked: list[Path] = []
    ask = quickstart._ask
    monkeypatch.setattr(quickstart, "_ask", lambda probe, base, *more: (asked.append(base), ask(probe, base, *more))[1])
    quickstart.quickstart(tmp_path / "run")
    assert summed == [tiny_base.DIRECTORIES[quickstart.MODEL]]
    assert asked == 2 * summed


def test_asking_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("localft.cli.progress.COUNT_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(quickstart, "MAX_NEW_TOKENS", 1)
    assert len(quickstart._ask(PROBE, tiny_base.DIRECTORIES[quickstart.MODEL])) == 10
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "asking: 10 of 10\n")


@pytest.mark.parametrize(
    ("count", "wanted", "positions"), [(100, 5, [10, 30, 50, 70, 90]), (5, 5, [0, 1, 2, 3, 4]), (7, 2, [1, 5])]
)
def test_the_questions_shown_are_spread_over_all(count: int, wanted: int, positions: list[int]) -> None:
    assert quickstart.spread(count, wanted) == positions


def test_job_is_that_of_the_quickstart_recipe() -> None:
    from localft.recipe import read_recipe

    root = Path(__file__).parents[2]
    recipe = read_recipe(root / "recipes" / "tiny-base" / "cpu-quickstart.yaml").model_dump()
    job = quickstart.request_for(Path("runs/quickstart")).model_dump()
    for name in ("training_file", "validation_file"):
        recipe[name] = str(root / recipe[name])
    assert recipe == job


@pytest.mark.parametrize(("values", "bars"), [([3, 2, 1], "█▅▁"), ([1, 1], "▁▁"), ([0.0], "▁"), ([0, 7], "▁█")])
def test_sparkline_spans_the_lowest_and_the_highest(values: list[float], bars: str) -> None:
    assert quickstart.sparkline(values) == bars


def test_unprintable_and_unended_answers_stay_on_one_short_line() -> None:
    assert quickstart._on_one_line(Answer("a\nb\tc\u0000d", ended=True)) == "a b c d"
    assert quickstart._on_one_line(Answer("and so on and", ended=False)) == "and so on and…"
    assert len(quickstart._on_one_line(Answer("x" * 500, ended=True))) == quickstart._COLUMNS


def test_output_survives_a_terminal_that_knows_no_unicode() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    program = "from localft.cli.quickstart import _say; _say('█ naïve')"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert done.stdout == b"? na?ve\n"


@pytest.mark.slow
def test_the_tuned_model_answers_as_the_model_card_asks_it(finished: Finished) -> None:
    """With the prompt that transformers makes and one row at a time, as a user of the model does."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = finished.directory / "runs" / "quickstart" / "model"
    tokenizer = AutoTokenizer.from_pretrained(path)
    base = AutoModelForCausalLM.from_pretrained(tiny_base.DIRECTORIES[quickstart.MODEL], dtype=torch.float32)
    model = PeftModel.from_pretrained(base, path)
    probe = read_style_probe()
    assert json.dumps(probe.system, ensure_ascii=False) in (path / "README.md").read_text(encoding="utf-8")
    for index in quickstart.spread(len(probe.questions), quickstart.SHOWN_QUESTIONS):
        inputs = tokenizer.apply_chat_template(
            probe.conversations()[index], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.no_grad():
            written = model.generate(**inputs, max_new_tokens=quickstart.MAX_NEW_TOKENS, do_sample=False)
        text = tokenizer.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        assert f"you: {probe.questions[index].text}\n" in finished.stdout
        answer = Answer(text, ended=int(written[0, -1]) == tokenizer.eos_token_id)
        assert f"after: {quickstart._on_one_line(answer)}\n" in finished.stdout


def test_missing_training_packages_are_named_before_anything_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("localft.runner.run.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'localft\[train\]'"):
        quickstart.quickstart(tmp_path / "run")
    assert capsys.readouterr().out == ""
