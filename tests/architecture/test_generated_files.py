"""Files that are generated from the code are as fresh as the code."""

from __future__ import annotations

import importlib.util

import pytest

from planning import ROOT

SPEC = importlib.util.spec_from_file_location("generate", ROOT / "scripts" / "generate.py")
assert SPEC is not None and SPEC.loader is not None
generate = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(generate)


@pytest.mark.parametrize("path", generate.generated(), ids=lambda path: path.name)
def test_a_generated_file_is_fresh(path: object) -> None:
    expected = generate.generated()[path]
    assert path.read_text(encoding="utf-8") == expected, "run scripts/generate.py"  # type: ignore[attr-defined]
