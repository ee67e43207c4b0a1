"""`localft deploy`, against a store of its own and against a running service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from localft.cli.deploy import deploy
from localft.errors import NotFound, UsageError
from served import TOKEN, service


def said(*arguments: str) -> str:
    return CliRunner().invoke(deploy, list(arguments), catch_exceptions=False).output


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOCALFT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def pairs(*where: str) -> list[tuple[str, str]]:
    listed = json.loads(said("list", "--format", "json", *where))
    return [(one["name"], one["model"]) for one in listed["data"]]


def test_deployments_are_made_listed_and_deleted_in_the_local_store(home: Path) -> None:
    assert said("create", "mine", "--model", "localft/tiny-base") == "mine is now localft/tiny-base\n"
    assert pairs() == [("mine", "localft/tiny-base")]
    assert said("list").split()[:3] == ["NAME", "MODEL", "CREATED"]
    assert said("list").splitlines()[1].startswith("mine  localft/tiny-base  20")
    assert said("delete", "mine") == "mine is deleted\n"
    assert pairs() == []
    with pytest.raises(NotFound):
        said("delete", "mine")


def test_and_at_a_running_service(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALFT_API_KEY", TOKEN)
    with service(home.parent / "other-home") as running:
        where = ("--base-url", running.address + "/v1")
        said("create", "mine", "--model", "localft/tiny-base", *where)
        said("create", "yours", "--model", "localft/tiny-llama", *where)
        assert pairs(*where) == [("yours", "localft/tiny-llama"), ("mine", "localft/tiny-base")]
        assert pairs("--limit", "1", "--after", "yours", *where) == [("mine", "localft/tiny-base")]
        with pytest.raises(UsageError, match="nothing"):
            said("create", "other", "--model", "nothing", *where)
        with pytest.raises(NotFound):
            said("delete", "other", *where)
        said("delete", "mine", *where)
        assert len(pairs(*where)) == 1
    assert pairs() == []
