"""What of the environment is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localft import settings
from localft.errors import UsageError


def test_a_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCALFT_HOME", "kept")
    assert settings.home() == tmp_path / "kept"


@pytest.mark.parametrize(
    ("variables", "launched"),
    [
        ({}, False),
        ({"RANK": "0", "WORLD_SIZE": "1"}, False),  # a platform's one process on one machine
        ({"RANK": "0", "WORLD_SIZE": "2"}, True),
        ({"RANK": "0", "WORLD_SIZE": "1", "TORCHELASTIC_RUN_ID": "none"}, True),
    ],
)
def test_one_process_that_a_platform_started_may_still_launch_one_for_each_gpu(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], launched: bool
) -> None:
    for name in ("RANK", "WORLD_SIZE", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert settings.process_group().launched is launched


LAUNCHER = """
import os, subprocess, sys
inner = {"TORCHELASTIC_RUN_ID": "none", "GROUP_WORLD_SIZE": sys.argv[1], "RANK": "0", "WORLD_SIZE": "4"}
show = "from localft import settings; print(settings.nested_launch())"
subprocess.run([sys.executable, "-c", show], env={**os.environ, **inner}, check=True)
"""
"""Stands in for a launcher: starts a process with variables of its own in the place of those that it was given."""


@pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="what a launcher was given is readable on Linux alone"
)
@pytest.mark.parametrize(
    ("outer", "machines", "found"),
    [
        ({}, "1", "None"),
        ({"RANK": "0", "WORLD_SIZE": "1"}, "1", "None"),
        ({"RANK": "1", "WORLD_SIZE": "2"}, "2", "None"),  # once on each of two nodes
        ({"RANK": "0", "WORLD_SIZE": "2"}, "1", "NestedLaunch(outer_processes=2, machines=1)"),
        ({"RANK": "3", "WORLD_SIZE": "4"}, "2", "NestedLaunch(outer_processes=4, machines=2)"),
    ],
)
def test_a_launcher_has_to_know_of_as_many_machines_as_it_was_started_on(
    outer: dict[str, str], machines: str, found: str
) -> None:
    ours = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
    environment = {**ours, **outer, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, machines], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == found


def test_without_a_launcher_there_is_nothing_to_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    assert settings.nested_launch() is None


def test_a_job_that_a_worker_gave_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (settings.JOB_ID, settings.JOB_MODEL, settings.LAST_WORDS):
        monkeypatch.delenv(name, raising=False)
    assert settings.given_job() is None and settings.last_words_file() is None
    monkeypatch.setenv(settings.JOB_ID, "0123456789abcdef" * 2)
    monkeypatch.setenv(settings.JOB_MODEL, "phi-4")
    assert settings.given_job() == settings.GivenJob("0123456789abcdef" * 2, "phi-4")
    monkeypatch.setenv(settings.JOB_ID, "../x")
    with pytest.raises(UsageError, match="32 hex digits"):
        settings.given_job()
