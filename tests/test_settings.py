"""What of the environment is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from localft import settings


def test_a_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCALFT_HOME", "kept")
    assert settings.home() == tmp_path / "kept"
