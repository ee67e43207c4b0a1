"""Files that are generated from the code are as fresh as the code."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from planning import ROOT


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look their types up
    spec.loader.exec_module(module)
    return module


generate = script("generate")


@pytest.mark.parametrize("path", generate.generated(), ids=lambda path: path.name)
def test_a_generated_file_is_fresh(path: object) -> None:
    expected = generate.generated()[path]
    assert path.read_text(encoding="utf-8") == expected, "run scripts/generate.py"  # type: ignore[attr-defined]


def test_the_picture_of_a_micro_batch_is_fresh() -> None:
    drawing = script("draw_micro_batch")
    assert drawing.PICTURE.read_text(encoding="utf-8") == drawing.picture(), "run scripts/draw_micro_batch.py"
