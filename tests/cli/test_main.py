"""The command line as a whole: lazy subcommands, one sentence an error, stable exit codes."""

from __future__ import annotations

import io
import signal
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

import localft
from localft import settings
from localft.cli import main
from localft.errors import DataError, LocalftError, TrainingInterrupted, UsageError


@pytest.fixture
def fails_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes `localft models` raise."""

    def arrange(error: BaseException) -> None:
        module = types.ModuleType("localft.cli.models")

        def models() -> None:
            raise error

        module.models = models  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "localft.cli.models", module)

    return arrange


@pytest.fixture(autouse=True)
def signals_heard_again() -> Iterator[None]:
    """An interrupted command ignores them, as its process is about to end."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", settings.CONTROL_DIRECTORY):
        monkeypatch.delenv(name, raising=False)
    yield


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main.run(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"localft {localft.__version__}\n"


def test_help_lists_every_subcommand_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--help") == 0
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for name, line in main.COMMANDS.items():
        assert f"{name} {line}" in shown


def test_help_imports_no_subcommand(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in main.COMMANDS:
        monkeypatch.setitem(sys.modules, f"localft.cli.{name}", None)  # an import would fail
    assert exit_code("--help") == 0


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_subcommand_has_a_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(name, "--help") == 0
    assert f"Usage: localft {name}" in capsys.readouterr().out


def test_a_mistyped_subcommand_is_a_usage_error_that_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("trian") == 2
    assert "Did you mean 'train'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("a.yaml:3: x"), 2), (DataError("a.jsonl:17: x"), 1), (TrainingInterrupted("saved"), 75)],
)
def test_an_error_is_a_sentence_on_stderr_and_an_exit_code(
    fails_with: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str], error: LocalftError, code: int
) -> None:
    fails_with(error)
    assert exit_code("models") == code
    printed = capsys.readouterr()
    label = "interrupted" if code == 75 else "error"
    assert (printed.out, printed.err) == ("", f"{label}: {error.message}\n")


def test_debug_shows_where_an_error_came_from(
    fails_with: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(DataError("a.jsonl:17: x"))
    assert exit_code("--debug", "models") == 1
    printed = capsys.readouterr().err
    assert "Traceback" in printed and printed.endswith("error: a.jsonl:17: x\n")


def test_an_error_of_ours_keeps_its_traceback(fails_with: Callable[[BaseException], None]) -> None:
    fails_with(ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError):
        main.run(["models"])


def test_a_missing_package_of_the_training_is_named_with_the_install_command(
    fails_with: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(ModuleNotFoundError("No module named 'torch'", name="torch.nn"))
    assert exit_code("models") == 1
    assert (
        "torch.nn is not installed: pip install 'localft[train]' (in a clone: pip install -c" in capsys.readouterr().err
    )


def test_a_missing_package_of_azures_is_named_with_its_own_extra(
    fails_with: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(ModuleNotFoundError("No module named 'azure'", name="azure.ai.ml"))
    assert exit_code("models") == 1
    assert "azure.ai.ml is not installed: pip install 'localft[azure]'" in capsys.readouterr().err


def test_a_missing_package_that_is_not_the_trainings_is_an_error_of_ours(
    fails_with: Callable[[BaseException], None],
) -> None:
    fails_with(ModuleNotFoundError("No module named 'localft.nowhere'", name="localft.nowhere"))
    with pytest.raises(ModuleNotFoundError):
        main.run(["models"])


def test_ctrl_c_outside_of_a_training_ends_as_shells_expect(fails_with: Callable[[BaseException], None]) -> None:
    fails_with(KeyboardInterrupt())
    assert exit_code("models") == 130


def test_an_exit_of_a_subcommand_is_passed_on(fails_with: Callable[[BaseException], None]) -> None:
    fails_with(typer.Exit(1))
    assert exit_code("models") == 1


# --- one of several processes


def agreed(error: LocalftError) -> LocalftError:
    error.on_every_process = True
    return error


def test_an_error_that_all_processes_have_is_printed_by_the_first_alone(
    fails_with: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, printed in (("0", "error: bad data\n"), ("1", "")):
        monkeypatch.setenv("RANK", rank)
        fails_with(agreed(DataError("bad data")))
        assert exit_code("models") == 1
        assert capsys.readouterr().err == printed


def test_behind_our_own_launch_an_agreed_end_is_quiet_and_its_code_is_left_in_the_file(
    fails_with: Callable[[BaseException], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv(settings.CONTROL_DIRECTORY, str(tmp_path))
    for rank in ("1", "0"):
        monkeypatch.setenv("RANK", rank)
        fails_with(agreed(TrainingInterrupted("saved")))
        assert exit_code("models") == 0
        assert (tmp_path / "exit-code").exists() == (rank == "0")
    assert (tmp_path / "exit-code").read_text() == "75"


def test_behind_our_own_launch_an_error_of_one_process_ends_the_others(
    fails_with: Callable[[BaseException], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv(settings.CONTROL_DIRECTORY, str(tmp_path))
    fails_with(DataError("only here"))
    assert exit_code("models") == 1


def test_what_the_terminal_cannot_encode_is_written_as_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_only)
    module = types.ModuleType("localft.cli.models")
    module.models = lambda: print("…")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "localft.cli.models", module)
    assert exit_code("models") == 0
    ascii_only.flush()
    assert ascii_only.buffer.getvalue() == b"\\u2026\n"  # type: ignore[attr-defined]
