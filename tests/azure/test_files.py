"""What a job uploads: the recipe, this localft, and a build context within Azure's limits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localft.azure import files
from localft.azure.checks import MAX_CONTEXT_BYTES, MAX_CONTEXT_FILES
from planning import ROOT


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("job")
    files.write_files(directory / "job.yml", "model: a\n")
    return directory / "localft-files"


def test_the_recipe_is_named_after_the_job(written: Path) -> None:
    assert (written / "code" / "job.yaml").read_text() == "model: a\n"


def test_localft_runs_from_the_code_folder_without_an_installation(written: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    script = (
        "import localft, runpy, sys; print(localft.__file__); sys.argv[1:] = ['--version']; runpy.run_module('localft')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=written / "code",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.splitlines()[0] == str((written / "code" / "localft" / "__init__.py").resolve()), ran.stderr
    shipped = {path.relative_to(ROOT / "src") for path in (ROOT / "src").rglob("*") if "__pycache__" not in path.parts}
    copied = {path.relative_to(written / "code") for path in (written / "code" / "localft").rglob("*")}
    assert {path for path in copied if "__pycache__" not in path.parts} | {Path("localft")} == shipped


def test_azures_client_leaves_the_compiled_files_out(written: Path) -> None:
    from azure.ai.ml._utils._asset_utils import get_ignore_file, get_upload_files_from_folder

    code = written / "code"
    (code / "localft" / "__pycache__").mkdir(exist_ok=True)
    (code / "localft" / "__pycache__" / "cli.cpython-312.pyc").write_bytes(b"")
    uploaded = {target for _, target in get_upload_files_from_folder(code, ignore_file=get_ignore_file(code))}
    assert {"job.yaml", "localft/__main__.py", "localft/tiny_base/llama/model.safetensors"} <= uploaded
    assert not [name for name in uploaded if name.endswith(".pyc")]


def test_the_build_context_is_within_azures_limits_and_copies_what_it_has(written: Path) -> None:
    context = {path.name: path for path in (written / "environment").rglob("*")}
    assert set(context) == {"Dockerfile", "requirements.txt"}
    assert len(context) <= MAX_CONTEXT_FILES
    assert sum(path.stat().st_size for path in context.values()) < MAX_CONTEXT_BYTES / 100
    dockerfile = context["Dockerfile"].read_text()
    copied = [line.split()[1:-1] for line in dockerfile.splitlines() if line.startswith("COPY")]
    assert copied == [["requirements.txt"]]
    for instruction in ("USER", "ENTRYPOINT", "CMD", "VOLUME"):
        assert f"\n{instruction} " not in dockerfile


def test_the_image_has_each_library_at_the_tested_version() -> None:
    required = dict(line.split("==") for line in (files.ENVIRONMENT / "requirements.txt").read_text().split())
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    tested = dict(line.partition(" ")[0].split("==") for line in constraints if "==" in line)
    assert {"torch", "trl", "typer"} <= set(required)
    assert {name: version for name, version in required.items() if tested.get(name, version) != version} == {}


def test_making_a_job_again_brings_its_files_up_to_date(tmp_path: Path) -> None:
    old = tmp_path / "localft-files" / "code" / "localft"
    old.mkdir(parents=True)
    (old / "gone.py").touch()
    files.write_files(tmp_path / "job.yml", "model: b\n")
    assert not (old / "gone.py").exists() and (old / "__main__.py").is_file()


def test_a_link_to_this_localft_stays_a_link_and_another_one_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "localft-files" / "code" / "localft"
    link.parent.mkdir(parents=True)
    link.symlink_to(files.PACKAGE)
    files.write_files(tmp_path / "job.yml", "model: a\n")
    assert link.is_symlink()
    link.unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept.txt").touch()
    link.symlink_to(elsewhere)
    files.write_files(tmp_path / "job.yml", "model: a\n")
    assert not link.is_symlink() and (link / "__main__.py").is_file()
    assert [path.name for path in elsewhere.iterdir()] == ["kept.txt"]
