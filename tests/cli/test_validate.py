import json
import shlex
import subprocess
import sys
from importlib import resources

import jsonschema
import pytest
import typer
from typer.testing import CliRunner

from localft.cli.validate import validate
from localft.errors import ModelError, UsageError

app = typer.Typer()
app.command()(validate)

GPU_STACK = ("torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "datasets", "tokenizers")


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def write(path, count, **keys):
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"{path.stem} {i}"},
                {"role": "assistant", "content": "Yes.", **keys},
            ]
        }
        for i in range(count)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def test_a_valid_file_exits_0_and_says_what_to_do_next(tmp_path):
    path = write(tmp_path / "train.jsonl", 10)
    result = run(path)
    assert result.exit_code == 0
    assert result.stdout == (
        f"{path}: 10 examples, 0 errors, 0 warnings\n\n"
        "Valid. Next (`localft models` lists what MODEL may be):\n"
        f"  localft show {path} --model MODEL\n"
        "    shows which tokens are trained\n"
        f"  localft plan --model MODEL --training-file {path}\n"
        "    shows every setting, the steps and the memory they need\n"
    )


def test_an_invalid_file_exits_1_and_lists_every_error(tmp_path):
    path = write(tmp_path / "train.jsonl", 10, weight=True)
    result = run(path)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    for line in range(1, 11):
        assert f"{path}:{line}: messages[1].weight: expected the integer 0 or 1, found true;" in result.stdout


def test_the_json_output_is_all_of_stdout_and_all_of_the_report(tmp_path):
    training, validation = write(tmp_path / "train.jsonl", 30, weight=2), write(tmp_path / "valid.jsonl", 2)
    result = run(training, "--validation-file", validation, "--format", "json")
    assert result.exit_code == 1
    output = json.loads(result.stdout)
    assert output["valid"] is False
    assert [file["path"] for file in output["files"]] == [str(training), str(validation)]
    assert [error["line"] for error in output["files"][0]["errors"]] == list(range(1, 31))
    assert output["files"][1]["errors"] == []


@pytest.mark.parametrize("name", ["missing.jsonl", ""])
def test_a_file_that_cannot_be_read_is_a_usage_error_with_nothing_on_stdout(tmp_path, name):
    result = run(tmp_path / name, "--format", "json")
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == 2
    assert result.stdout == ""


def test_an_unknown_format_exits_2(tmp_path):
    assert run(write(tmp_path / "train.jsonl", 10), "--format", "yaml").exit_code == 2


MODEL = "localft/tiny-llama"


@pytest.fixture
def localft_home(tmp_path, monkeypatch):
    """Where the embedded model is laid out."""
    monkeypatch.setenv("LOCALFT_HOME", str(tmp_path / "home"))


def test_with_a_model_tokens_epochs_and_steps_are_counted(tmp_path, localft_home):
    training, validation = write(tmp_path / "train.jsonl", 12), write(tmp_path / "valid.jsonl", 2)
    result = run(training, "--validation-file", validation, "--model", MODEL, "--format", "json")
    assert result.exit_code == 0
    output = json.loads(result.stdout)
    schema = resources.files("localft.data").joinpath("schemas/validate.schema.json").read_text("utf-8")
    jsonschema.validate(output, json.loads(schema), cls=jsonschema.Draft202012Validator)
    tokens = output["tokens"]
    assert (tokens["training"]["examples"], tokens["validation"]["examples"]) == (12, 2)
    assert 0 < tokens["training"]["trained_tokens"] < tokens["training"]["tokens"]
    steps = {key: tokens[key] for key in ("batch_size", "n_epochs", "steps_per_epoch", "total_steps")}
    assert steps == {"batch_size": 1, "n_epochs": 8, "steps_per_epoch": 12, "total_steps": 96}


def test_with_a_model_a_row_that_it_cannot_take_is_an_error(tmp_path, localft_home):
    path = write(tmp_path / "train.jsonl", 12)
    long_row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "word " * 5000}]}
    path.write_text(path.read_text("utf-8") + json.dumps(long_row) + "\n", "utf-8")
    result = run(path, "--model", MODEL)
    assert result.exit_code == 1
    assert f"{path}:13: " in result.stdout
    assert "[too_long]" in result.stdout
    assert result.stdout.count(str(path)) == 2, "the place stands beside the message, not in it too"


def test_a_file_with_errors_is_not_rendered(tmp_path):
    result = run(write(tmp_path / "train.jsonl", 10, weight=2), "--model", "no such model", "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["tokens"] is None


def test_an_unknown_model_is_an_error_that_names_it(tmp_path):
    result = run(write(tmp_path / "train.jsonl", 10), "--model", "no such model")
    assert isinstance(result.exception, ModelError)
    assert "no such model" in str(result.exception)


def test_validate_imports_none_of_the_gpu_stack(tmp_path):
    path = write(tmp_path / "train.jsonl", 10)
    script = (
        "import sys, typer\n"
        "from localft.cli.validate import validate\n"
        "app = typer.Typer(); app.command()(validate)\n"
        f"app([{str(path)!r}], standalone_mode=False)\n"
        f"sys.exit(' '.join(sorted(set(sys.modules) & set({GPU_STACK!r}))))\n"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "Valid." in process.stdout
    assert process.stderr.strip() == ""


@pytest.mark.parametrize(
    ("overlong", "code", "shown"),
    [
        ("refuse", 1, "[too_long]"),
        ("truncate", 0, "over 100 tokens: 1 truncated, 0 dropped"),
        ("drop", 0, "over 100 tokens: 0 truncated, 1 dropped"),
    ],
)
def test_overlong_rows_are_treated_as_asked_and_counted(tmp_path, localft_home, overlong, code, shown):
    path = write(tmp_path / "train.jsonl", 12)
    long_row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "word " * 500}]}
    path.write_text(path.read_text("utf-8") + json.dumps(long_row) + "\n", "utf-8")
    result = run(path, "--model", MODEL, "--max-length", 100, "--overlong", overlong)
    assert result.exit_code == code
    assert shown in result.stdout
    assert code == 0 or "docs/masking.md" in result.stdout


def with_long_rows(path):
    """Twelve short rows, one of more than 100 tokens in its answer and one in its question."""
    write(path, 12)
    long_rows = [
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
        for asked, said in (("a", "word " * 500), ("word " * 500, "a"))
    ]
    path.write_text(path.read_text("utf-8") + "".join(f"{json.dumps(row)}\n" for row in long_rows), "utf-8")
    return path


@pytest.mark.parametrize(
    ("overlong", "lines", "reason"),
    [("truncate", [14], "nothing trained is left"), ("drop", [13, 14], "more than max_")],
)
def test_each_row_that_is_dropped_is_a_warning_that_says_why(tmp_path, localft_home, overlong, lines, reason):
    path = with_long_rows(tmp_path / "train.jsonl")
    flags = ("--model", MODEL, "--max-length", 100, "--overlong", overlong)
    output = json.loads(run(path, *flags, "--format", "json").stdout)
    schema = resources.files("localft.data").joinpath("schemas/validate.schema.json").read_text("utf-8")
    jsonschema.validate(output, json.loads(schema), cls=jsonschema.Draft202012Validator)
    warnings = output["files"][0]["warnings"]
    assert [(found["line"], found["code"]) for found in warnings] == [(line, "row_dropped") for line in lines]
    assert all(reason in found["message"] for found in warnings)
    assert f"{path}:14: {warnings[-1]['message']} [row_dropped]" in run(path, *flags).stdout


def test_the_proposed_commands_keep_what_was_given_and_work(tmp_path, localft_home):
    path = with_long_rows(tmp_path / "train.jsonl")
    template = tmp_path / "own template.jinja"
    template.write_text(resources.files("localft.tiny").joinpath("chat_template.jinja").read_text("utf-8"))
    flags = ["--chat-template", str(template), "--max-length", "100", "--overlong", "truncate"]
    result = run(path, "--model", MODEL, *flags)
    assert result.exit_code == 0, result.stdout
    proposed = [shlex.split(line) for line in result.stdout.splitlines() if line.startswith("  localft ")]
    assert [command[:2] for command in proposed] == [["localft", "show"], ["localft", "plan"]]
    for command in proposed:
        assert command[-len(flags) :] == flags
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_refused_rows_are_said_to_be_left_out_of_the_counts(tmp_path, localft_home):
    path = with_long_rows(tmp_path / "train.jsonl")
    result = run(path, "--model", MODEL, "--max-length", 100)
    assert (
        "\nnot counted here: 2 refused rows\nwith automatic hyperparameters, without refused rows: 8 epochs of 12 steps"
        in (result.stdout)
    )
    assert "refused row" not in run(path, "--model", MODEL, "--max-length", 100, "--overlong", "drop").stdout


@pytest.mark.parametrize("flag", [("--max-length", 100), ("--overlong", "drop")])
def test_flags_about_tokens_want_a_model(tmp_path, flag):
    result = run(write(tmp_path / "train.jsonl", 10), *flag)
    assert isinstance(result.exception, UsageError)
    assert flag[0] in str(result.exception)
