"""`localft jobs` and `localft files`: the same words at this machine's store and at a service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from localft.cli.files import files
from localft.cli.jobs import jobs
from localft.errors import Conflict, LocalftError, NotFound, StoreError, UsageError
from localft.jobs.store import Store
from runs import plan_for
from served import service
from stores import CHATS, Run, finished_job, put_file, request


@dataclass
class Place:
    """Where the commands go: flags to say so, and the store behind."""

    flags: list[str]
    store: Store

    def run(self, app: typer.Typer, *arguments: str) -> Result:
        result = CliRunner().invoke(app, [*arguments, *self.flags])
        if result.exception is not None and isinstance(result.exception, LocalftError):
            raise result.exception
        assert result.exit_code == 0, (result.output, result.exception)
        return result

    def jobs(self, *arguments: str) -> str:
        return self.run(jobs, *arguments).stdout.strip()

    def files(self, *arguments: str) -> str:
        return self.run(files, *arguments).stdout.strip()


@pytest.fixture(params=["local", "remote"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    home = tmp_path / "home"
    if request.param == "local":
        monkeypatch.setenv("LOCALFT_HOME", str(home))
        with Store.open(home) as store:
            yield Place([], store)
        return
    monkeypatch.setenv("LOCALFT_HOME", str(tmp_path / "elsewhere"))
    with service(home) as running:
        yield Place(["--base-url", running.address, "--api-key", running.token], running.store)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "train.jsonl").write_bytes(CHATS)
    return tmp_path / "train.jsonl"


MODEL = ("--model", "localft/tiny-llama")


def test_a_job_is_made_of_flags_and_files_that_are_uploaded_on_the_way(place: Place, data: Path) -> None:
    knobs = ("--n-epochs", "2", "--seed", "5", "--suffix", "x", "--lora-rank", "4", "--metadata", "team=a=b")
    id = place.jobs("create", *MODEL, "--training-file", str(data), *knobs)
    stored = place.store.jobs.get(id)
    assert stored.job.hyperparameters.model_dump() == {
        "n_epochs": 2,
        "batch_size": "auto",
        "learning_rate_multiplier": "auto",
    }
    assert (stored.job.seed, stored.job.suffix, stored.job.metadata) == (5, "x", {"team": "a=b"})
    assert stored.recipe is not None and json.loads(stored.recipe)["lora"]["rank"] == 4
    file = place.store.files.get(stored.job.training_file)
    assert (file.filename, file.purpose) == ("train.jsonl", "fine-tune")
    assert place.store.files.path(file.id).read_bytes() == CHATS


def test_a_job_is_made_of_a_recipe_and_an_uploaded_file(place: Place, data: Path) -> None:
    file = place.files("upload", str(data))
    recipe = data.with_name("recipe.yaml")
    recipe.write_text(f"model: localft/tiny-llama\ntraining_file: {file}\nexecution: {{tokens_per_micro_batch: 64}}\n")
    id = place.jobs("create", str(recipe))
    stored = place.store.jobs.get(id)
    assert stored.job.training_file == file
    assert stored.recipe is not None and json.loads(stored.recipe)["execution"]["tokens_per_micro_batch"] == 64


def test_jobs_are_listed_shown_and_moved(place: Place) -> None:
    done, waiting = finished_job(place.store), place.store.jobs.create(request(place.store))
    head, *lines = place.jobs("list").splitlines()
    assert head.split() == ["ID", "STATUS", "CREATED", "MODEL"]
    assert [(line.split()[0], line.split()[1]) for line in lines] == [
        (waiting.id, "validating_files"),
        (done.id, "succeeded"),
    ]
    shown = place.jobs("show", done.id)
    assert f"fine-tuned model  {done.job.fine_tuned_model}" in shown
    assert "n_epochs 1, batch_size 5, learning_rate_multiplier 1.0, seed 7" in shown
    assert shown.count("\ncheckpoint ") == 2
    assert json.loads(place.jobs("show", done.id, "--format", "json"))["trained_tokens"] == 100
    assert place.jobs("events", done.id).splitlines()[-1].endswith("Job succeeded.")
    assert place.jobs("cancel", waiting.id) == f"{waiting.id} is cancelled"
    for verb, state in (("cancel", "cancelled"), ("pause", "cancelled"), ("resume", "cancelled")):
        with pytest.raises(Conflict, match=f"is {state}"):
            place.jobs(verb, waiting.id)
    assert place.jobs("delete", waiting.id) == f"{waiting.id} is deleted"
    with pytest.raises(NotFound):
        place.jobs("show", waiting.id)
    listed = json.loads(place.jobs("list", "--limit", "1", "--format", "json"))
    assert [job["id"] for job in listed["data"]] == [done.id] and listed["has_more"] is False


def test_a_running_job_that_is_to_pause_is_said_to_be_pausing(place: Place) -> None:
    waiting = place.store.jobs.create(request(place.store))
    Run(waiting).begin().train(1)
    place.store.queue.claim(1)
    place.store.queue.take_over(waiting.id)
    assert place.jobs("pause", waiting.id) == f"{waiting.id} is pausing"


def test_all_faults_of_a_request_are_told(place: Place, data: Path) -> None:
    with pytest.raises(UsageError) as refused:
        place.jobs(
            "create",
            *MODEL,
            "--training-file",
            str(data),
            "--metadata",
            "k=" + "v" * 513,
            "--metadata",
            "l=" + "v" * 513,
        )
    assert [line.partition(" has ")[0] for line in str(refused.value).splitlines()] == [
        "metadata['k']",
        "metadata['l']",
    ]


def test_files_are_uploaded_listed_read_and_deleted(place: Place, data: Path) -> None:
    id = place.files("upload", str(data))
    assert place.files("list").splitlines()[1].split()[-2:] == ["fine-tune", "train.jsonl"]
    assert json.loads(place.files("show", id, "--format", "json"))["bytes"] == len(CHATS)
    copy = data.with_name("copy.jsonl")
    place.files("content", id, "--output", str(copy))
    assert copy.read_bytes() == CHATS == place.run(files, "content", id).stdout_bytes
    copy.write_text("mine")
    with pytest.raises(UsageError, match="a file is there; name another, or give --replace"):
        place.files("content", id, "--output", str(copy))
    assert copy.read_text() == "mine"
    told = place.run(files, "content", id, "--output", str(copy), "--replace").stderr
    assert told == f"wrote {len(CHATS):,} bytes to {copy}\n" and copy.read_bytes() == CHATS
    assert place.files("delete", id) == f"{id} is deleted"
    copy.unlink()
    with pytest.raises(NotFound):
        place.files("content", id, "--output", str(copy))
    assert not copy.exists()


def test_a_strangers_filename_moves_no_cursor(place: Place) -> None:
    put_file(place.store, filename="a\x1b[2Jb.jsonl")
    assert "a\\x1b[2Jb.jsonl" in place.files("list")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*MODEL, "--training-file", "missing.jsonl"), "missing.jsonl: expected a file to upload"),
        ((*MODEL, "--training-file", "file-" + "0" * 32), "training_file: No file"),
        (("--model", "tiny-lama", "--training-file", "DATA"), "model is 'tiny-lama'"),
        ((*MODEL, "--training-file", "DATA", "--metadata", "x"), "expected KEY=VALUE"),
        ((*MODEL, "--training-file", "DATA", "--n-epochs", "0"), "n_epochs is 0"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(place: Place, data: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        place.jobs("create", *(str(data) if word == "DATA" else word for word in arguments))
    assert place.store.jobs.page().items == ()


def test_a_service_that_is_not_there_or_refuses_the_token_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALFT_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(StoreError, match="no service answers"):
        Place(["--base-url", "http://127.0.0.1:9", "--api-key", "x"], None).jobs("list")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="wants a token"):
        Place(["--base-url", "http://127.0.0.1:9"], None).jobs("list")  # type: ignore[arg-type]
    with service(tmp_path / "home") as running, pytest.raises(StoreError, match="refuses the token"):
        Place(["--base-url", running.address, "--api-key", "x"], None).jobs("list")  # type: ignore[arg-type]


def test_a_run_is_imported_once_with_its_events_results_and_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALFT_HOME", str(tmp_path / "home"))
    plan = plan_for(tmp_path)
    with Store.open(tmp_path / "other") as other:
        run = Run(other.jobs.create(request(other)))
    directory = tmp_path / "runs" / "mine"
    run.plan = plan
    run.directory = type(run.directory)(directory)
    directory.parent.mkdir()
    run.begin().train(6).succeed()
    with Store.open(tmp_path / "home") as store:
        place = Place([], store)
        id = place.jobs("import", str(directory))
        assert id == run.job.id
        stored = store.jobs.get(id)
        assert (stored.job.status, stored.directory) == ("succeeded", directory)
        assert place.jobs("events", id).splitlines()[-1].endswith("Job succeeded.")
        assert place.files("content", stored.job.result_files[0]) == run.directory.results_file.read_text().strip()
        model = store.models.resolve(str(run.job.fine_tuned_model))
        assert model.directory == directory / "model"
        with pytest.raises(Conflict, match="in the store already"):
            place.jobs("import", str(directory))
        with pytest.raises(UsageError, match="expected the directory of a run"):
            place.jobs("import", str(tmp_path))
        store.models.delete(model.name)
        place.jobs("delete", id)
    assert (directory / "model").is_dir(), "an imported run stays its owner's"
