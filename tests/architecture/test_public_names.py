"""What `import localft` offers. A name that is added or lost is a change for users and belongs in the changelog."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path

import pytest

import localft

ROOT = Path(__file__).parent.parent.parent


def test_the_public_names_are_these() -> None:
    assert localft.__all__ == ["TrainingRequest", "make_plan", "train", "validate_file"]


def test_each_public_name_is_what_its_room_defines() -> None:
    from localft.data.validation import validate_file
    from localft.plan import TrainingRequest, make_plan
    from localft.runner import run_job

    assert (localft.TrainingRequest, localft.make_plan) == (TrainingRequest, make_plan)
    assert (localft.train, localft.validate_file) == (run_job, validate_file)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'serve'"):
        localft.serve  # noqa: B018


def test_completion_offers_the_public_names() -> None:
    assert set(localft.__all__) <= set(dir(localft))


@pytest.mark.parametrize("name", localft.__all__)
def test_each_public_name_is_documented_and_typed(name: str) -> None:
    thing = getattr(localft, name)
    assert inspect.getdoc(thing)
    if inspect.isfunction(thing):
        assert "return" in thing.__annotations__
    assert (ROOT / "src/localft/py.typed").is_file()


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert localft.__version__ == project["version"]
