"""The quickstart as a user runs it: one command, offline, two CPU cores; it memorises the sample and says what it did."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from localft.cli import quickstart
from localft.errors import MissingExtra, UsageError
from localft.tiny.model import SHIPPED_DIRECTORY
from localft.tokenization.tokenizer import ChatTokenizer


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


@pytest.mark.slow
def test_quickstart_memorises_the_sample_and_answers_word_for_word(finished: Finished) -> None:
    assert finished.code == 0, finished.stderr
    before, _, after = finished.stdout.partition("Asked after the training:")
    tokenizer = ChatTokenizer.from_directory(SHIPPED_DIRECTORY)
    for example in quickstart._asked_examples():
        answer = quickstart.question(example, tokenizer).answer
        assert answer not in before
        assert f"tiny: {answer}\n" in after
    assert "3 of 3 answers are word for word" in after


@pytest.mark.slow
def test_quickstart_shows_the_loss_going_down_and_says_that_it_only_memorises(finished: Finished) -> None:
    first, last = map(float, re.findall(r"^ +loss +(\S+) [▁-█]+ (\S+) ", finished.stdout, re.M)[0])
    assert first > 1 > 0.2 > last
    assert "Its million weights are random" in finished.stdout
    assert "it memorised and did not learn" in finished.stdout


@pytest.mark.slow
def test_quickstart_leaves_a_whole_run_directory_where_it_says(finished: Finished) -> None:
    assert "Results in runs/quickstart\n" in finished.stdout
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
        assert len(list(csv.DictReader(file))) == 200
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


def test_question_is_what_stands_before_the_trained_answer_token_for_token() -> None:
    tokenizer = ChatTokenizer.from_directory(SHIPPED_DIRECTORY)
    *_, weighted = [quickstart.question(example, tokenizer) for example in quickstart._asked_examples()]
    assert weighted.transcript[1] == ("assistant", "The capital of Turkey is Ankara.")
    assert weighted.answer == "Ankara. Istanbul only behaves as if it were."
    text = tokenizer.decode(weighted.prompt_ids)
    assert text.endswith("You can do better than that.<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")


def test_job_is_that_of_the_smoke_recipe(tmp_path: Path) -> None:
    from localft.recipe import read_recipe

    root = Path(__file__).parents[2]
    recipe = read_recipe(root / "recipes" / "tiny-llama" / "cpu-smoke.yaml")
    job = quickstart.request_for(tmp_path)
    for name in ("model", "method", "lora", "quantization", "max_length"):
        assert getattr(recipe, name) == getattr(job, name), name


@pytest.mark.parametrize(("values", "bars"), [([3, 2, 1], "█▅▁"), ([1, 1], "▁▁"), ([0.0], "▁"), ([0, 7], "▁█")])
def test_sparkline_spans_the_lowest_and_the_highest(values: list[float], bars: str) -> None:
    assert quickstart.sparkline(values) == bars


def test_unprintable_answers_stay_on_one_short_line() -> None:
    assert quickstart._on_one_line("a\nb\tc\u0000d") == "a b c d"
    assert len(quickstart._on_one_line("x" * 500)) == quickstart._COLUMNS


def test_output_survives_a_terminal_that_knows_no_unicode() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    program = "from localft.cli.quickstart import _say; _say('█ naïve')"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert done.stdout == b"? na?ve\n"


@pytest.mark.slow
def test_the_tuned_model_answers_as_the_model_card_asks_it(finished: Finished) -> None:
    """With the prompt that transformers makes, not the one that is cut out of a training row."""
    import torch
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoTokenizer

    path = finished.directory / "runs" / "quickstart" / "model"
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoPeftModelForCausalLM.from_pretrained(path, dtype="auto")
    for example in quickstart._asked_examples():
        *context, answer = [{"role": message.role, "content": message.content} for message in example.messages]
        inputs = tokenizer.apply_chat_template(
            context, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.no_grad():
            written = model.generate(**inputs, max_new_tokens=60, do_sample=False)
        text = tokenizer.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        assert text == answer["content"]


def test_missing_training_packages_are_named_before_anything_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("localft.runner.run.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'localft\[train\]'"):
        quickstart.quickstart(tmp_path / "run")
    assert capsys.readouterr().out == ""
