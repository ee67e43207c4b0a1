"""The command that makes the models: whole or not at all, and nothing unfit into the package."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from localft.manifest import first_flaw
from localft.tiny_base.model import FILES
from tiny_base import __main__ as command


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tokenizer and a measurement of little text."""
    monkeypatch.setattr(command, "TOKENIZER_DOCUMENTS", 6_000)
    monkeypatch.setattr(command, "MEASURED_QUESTIONS", 8)


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["make_tiny_base", *map(str, arguments), "--threads", "1", "--family", "llama"])
    return command.main()


@pytest.mark.usefixtures("small")
def test_a_model_is_written_whole_with_its_record_and_its_losses_are_repeated_by_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "REPRODUCED_STEPS", 3)
    assert _run(monkeypatch, "--output", tmp_path, "--steps", 3) == 0
    directory = tmp_path / "llama"
    assert first_flaw(directory, FILES) is None
    assert [path.name for path in tmp_path.iterdir()] == ["llama"]
    record = json.loads((directory / command.RECORD_FILE).read_bytes())
    assert record["recipe"]["steps"] == 3 and record["threads"] == 1
    assert "one CPU thread." in (directory / "README.md").read_text(encoding="utf-8")
    capsys.readouterr()
    assert _run(monkeypatch, "--output", tmp_path, "--check") == 0
    assert "the losses of the first 3 steps are as stored; the farthest is 0.00% off" in capsys.readouterr().out
    losses = directory / command.LOSSES_FILE
    losses.write_text(losses.read_text().replace("\n3,", "\n3,1"))
    assert _run(monkeypatch, "--output", tmp_path, "--check") == 1
    assert "are not as stored" in capsys.readouterr().out


@pytest.mark.usefixtures("small")
def test_a_model_that_knows_too_little_does_not_replace_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "llama").mkdir()
    (tmp_path / "llama" / "kept").write_text("as it was")
    monkeypatch.setattr(command, "SHIPPED", tmp_path)
    assert _run(monkeypatch, "--output", tmp_path, "--steps", 1) == 1
    assert (tmp_path / "llama" / "kept").read_text() == "as it was"
    assert f"Not shipped: expected 90% right and 99% ended. The model lies in {tmp_path / '.llama-new'}" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("value", ["0", "-3", "1.5", "many"])
def test_a_number_of_steps_that_is_none_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        _run(monkeypatch, "--output", tmp_path, f"--steps={value}")
    assert caught.value.code == 2
    assert f"expected a whole number of at least 1, found '{value}'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_check_of_a_directory_without_a_model_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "--output", tmp_path, "--check") == 1
    assert "expected a model made by this script, found no pretraining.json" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("pairs", "share"), [([(2.0, 2.0), (2.0, 1.9)], 0.05), ([(2.0, 2.0), (2.0, float("nan"))], float("inf"))]
)
def test_a_loss_that_is_no_number_is_farther_off_than_any(pairs: list[tuple[float, float]], share: float) -> None:
    assert command.farthest(pairs) == pytest.approx(share)
