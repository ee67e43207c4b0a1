"""What is found out before a run begins, and said in a sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from localft import settings
from localft.catalog import resolve_model
from localft.errors import ModelError, UsageError
from localft.modeling import load
from localft.progress import Notice, ProgressEvent, StageStarted
from localft.runner import run_job
from localft.training import token_store
from runs import MODEL, FakeEngine, request_for, snapshot


@pytest.fixture(autouse=True)
def no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "visible_gpus", lambda: 0)


def test_a_plan_json_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "plan.json").write_text('{"x": 1}')
    before = snapshot(tmp_path / "run")
    with pytest.raises(UsageError, match=r"found plan\.json; give another output_dir"):
        run_job(request_for(tmp_path), engine=FakeEngine())
    assert snapshot(tmp_path / "run") == before


def test_a_model_directory_without_a_tokenizer_is_said(tmp_path: Path) -> None:
    directory = shutil.copytree(str(resolve_model(MODEL).path), tmp_path / "model")
    (Path(directory) / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"expected the tokenizer's tokenizer\.json in it, found none"):
        run_job(request_for(tmp_path, model=str(directory)), engine=FakeEngine())
    assert not (tmp_path / "run").exists()


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("LOCALFT_HOME", str(tmp_path / "home"))
    resolve_model(MODEL)
    monkeypatch.setattr(token_store.tempfile, "mkdtemp", refuse)
    with pytest.raises(UsageError, match=r"Permission denied.*set LOCALFT_HOME"):
        run_job(request_for(tmp_path, max_length=333), engine=FakeEngine())
    assert not (tmp_path / "run").exists()


def test_a_hub_model_that_the_catalogue_does_not_know_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched, told = [], []
    monkeypatch.setattr(load, "local_directory", lambda model: fetched.append(model.hub_id))
    with pytest.raises(ModelError, match="somebody/some-model"):  # it was not really fetched, so it is still not there
        run_job(request_for(tmp_path, model="somebody/some-model"), engine=FakeEngine(), report=told.append)
    assert fetched == ["somebody/some-model"]
    assert Notice("fetching somebody/some-model from the hub") in told


def test_a_mistyped_embedded_model_is_refused_without_asking_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "local_directory", lambda model: pytest.fail("the hub was asked"))
    with pytest.raises(ModelError, match="Did you mean localft/tiny-base"):
        run_job(request_for(tmp_path, model="localft/tiny-bse"), engine=FakeEngine())
    assert not (tmp_path / "run").exists()


def test_tokens_of_an_earlier_command_are_said_to_be_found_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALFT_HOME", str(tmp_path / "home"))
    found = Notice(f"train.jsonl: tokenised before, found in {tmp_path / 'home' / 'tokens'}")
    for directory, expected in (("first", False), ("second", True)):
        told: list[ProgressEvent] = []
        run_job(request_for(tmp_path, output_dir=str(tmp_path / directory)), engine=FakeEngine(), report=told.append)
        assert (found in told) == expected
        assert (StageStarted("tokenize", "train.jsonl") in told) != expected, "one of the two is told, not both"
