"""Only the libraries' own advance notices are hidden, never a warning of localft's or of the user's code."""

from __future__ import annotations

import warnings

import pytest

from localft.modeling.quiet import quiet_libraries


@pytest.mark.parametrize(
    ("module", "shown"), [("transformers.training_args", 0), ("trl", 0), ("localft.runner", 1), ("trlx", 1)]
)
def test_only_future_warnings_of_the_libraries_are_hidden(module: str, shown: int) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        quiet_libraries()
        warnings.warn_explicit("renamed", FutureWarning, "file.py", 1, module=module)
    assert len(caught) == shown


def test_warnings_of_another_kind_are_shown() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        quiet_libraries()
        warnings.warn_explicit("wrong", UserWarning, "file.py", 1, module="transformers.x")
    assert len(caught) == 1
