"""Users and passwords of addresses are never told."""

from __future__ import annotations

import pytest

from localft.trackers.secrets import without_secrets


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://alice:s3cret@127.0.0.1:1/api", "http://127.0.0.1:1/api"),
        ("calling https://token@host/x and postgresql://u:p@db/m", "calling https://host/x and postgresql://db/m"),
        ("sqlite:///home/a@b/mlflow.db, mail me@host", "sqlite:///home/a@b/mlflow.db, mail me@host"),
    ],
)
def test_an_address_is_told_without_user_and_password(text: str, told: str) -> None:
    assert without_secrets(text) == told
