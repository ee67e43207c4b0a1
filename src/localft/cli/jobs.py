"""`localft jobs`: the fine-tuning jobs of the store, or of a service."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from localft.cli import options
from localft.cli.service import (
    After,
    ApiKey,
    BaseUrl,
    Format,
    Limit,
    Service,
    Shown,
    print_json,
    print_more,
    print_table,
    service,
    time_of,
)
from localft.errors import UsageError

if TYPE_CHECKING:
    from localft.plan import TrainingRequest

jobs = typer.Typer(
    help="Make, list, follow, cancel, pause, resume and delete jobs, in this machine's store or at a service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of a job, ftjob-...", show_default=False)]


@jobs.command()
def create(
    context: typer.Context,
    recipe: options.Recipe = None,
    model: options.Model = None,
    training_file: options.TrainingFile = None,
    validation_file: options.ValidationFile = None,
    suffix: options.Suffix = None,
    batch_size: options.BatchSize = None,
    learning_rate_multiplier: options.LearningRateMultiplier = None,
    n_epochs: options.Epochs = None,
    seed: options.Seed = None,
    method: options.Method = None,
    lora: options.Lora = None,
    lora_rank: options.LoraRank = None,
    lora_alpha: options.LoraAlpha = None,
    lora_dropout: options.LoraDropout = None,
    quantization: options.Quantization = None,
    max_length: options.MaxLength = None,
    overlong: options.Overlong = None,
    precision: options.Precision = None,
    integrations: options.Integrations = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option("--metadata", metavar="KEY=VALUE", help="A pair to keep with the job; repeatable."),
    ] = None,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
    output_format: Format = "text",
) -> None:
    """Put a job into the queue, from a recipe, flags or both, and print its id.

    A training or validation file is the id of an uploaded one, or a file of this machine, which is uploaded first. The model
    is one that `localft models` lists, a fine-tuned model, or a checkpoint by name or id.
    """
    pairs = _pairs(metadata or [])
    asked = _asked(options.requested(context))
    with service(base_url, api_key) as there:
        job = there.create_job({**_body(asked, there), "metadata": pairs or None})
    print_json(job) if output_format == "json" else typer.echo(job["id"])


@jobs.command("list")
def list_(
    limit: Limit = 20,
    after: After = None,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
    output_format: Format = "text",
) -> None:
    """List jobs, the newest first."""
    with service(base_url, api_key) as there:
        shown = there.jobs(limit, after)
    if output_format == "json":
        print_json(shown)
        return
    rows = [
        (job["id"], job["status"], time_of(job["created_at"]), job.get("fine_tuned_model") or job["model"])
        for job in shown["data"]
    ]
    print_table(("ID", "STATUS", "CREATED", "MODEL"), rows)
    print_more(shown)


@jobs.command()
def show(id: JobId, base_url: BaseUrl = None, api_key: ApiKey = None, output_format: Format = "text") -> None:
    """Show a job and its checkpoints."""
    with service(base_url, api_key) as there:
        job = there.job(id)
        checkpoints = there.checkpoints(id)
    if output_format == "json":
        print_json(job)
        return
    for line in _described(job):
        typer.echo(line)
    for checkpoint in checkpoints["data"]:
        typer.echo(f"checkpoint        {checkpoint['id']}  {checkpoint['fine_tuned_model_checkpoint']}")


@jobs.command()
def events(
    id: JobId,
    limit: Limit = 20,
    after: After = None,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
    output_format: Format = "text",
) -> None:
    """Show what has happened to a job: the last events, the newest at the end."""
    with service(base_url, api_key) as there:
        shown = there.events(id, limit, after)
    if output_format == "json":
        print_json(shown)
        return
    for event in reversed(shown["data"]):
        level = "" if event["level"] == "info" else f"{event['level']}: "
        typer.echo(f"{time_of(event['created_at'])}  {level}{event['message']}")
    print_more(shown)


@jobs.command()
def cancel(id: JobId, base_url: BaseUrl = None, api_key: ApiKey = None) -> None:
    """Cancel a job for good."""
    _move(id, "cancel", base_url, api_key)


@jobs.command()
def pause(id: JobId, base_url: BaseUrl = None, api_key: ApiKey = None) -> None:
    """Have a running job save and stop; it is paused a moment later."""
    _move(id, "pause", base_url, api_key)


@jobs.command()
def resume(id: JobId, base_url: BaseUrl = None, api_key: ApiKey = None) -> None:
    """Put a paused or failed job back into the queue; it goes on from its last checkpoint."""
    _move(id, "resume", base_url, api_key)


@jobs.command()
def delete(id: JobId, base_url: BaseUrl = None, api_key: ApiKey = None) -> None:
    """Delete a job that does not run, with its events and results; its model stays."""
    with service(base_url, api_key) as there:
        there.delete_job(id)
    typer.echo(f"{id} is deleted")


@jobs.command("import")
def import_(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a run.", show_default=False)],
) -> None:
    """Record a run of `localft train` as a job of this machine's store, and print its id. The run stays where it is."""
    from localft import settings
    from localft.jobs.store import Store

    with Store.open(settings.home()) as store:
        typer.echo(store.jobs.import_run(run).id)


def _move(id: str, verb: Literal["cancel", "pause", "resume"], base_url: str | None, api_key: str | None) -> None:
    with service(base_url, api_key) as there:
        status = there.move_job(id, verb)["status"]
    typer.echo(f"{id} is {'pausing' if verb == 'pause' and status == 'running' else status}")


def _asked(request: Any) -> TrainingRequest:
    """The request of recipe and flags, where it says nothing that only `localft train` can do."""
    from localft.plan import TrainingRequest

    if not isinstance(request, TrainingRequest):
        raise UsageError("expected a recipe, found the plan of a run; give the recipe, or flags.", param="recipe")
    for key in ("chat_template", "output_dir"):
        if getattr(request, key) is not None:
            raise UsageError(
                f"{key} is for `localft train`; leave it out, jobs of the store have their own place.", param=key
            )
    return request


def _body(asked: TrainingRequest, there: Service) -> Shown:
    """The request as the service takes it; files of this machine are uploaded on the way."""
    from localft.jobs.store.requests import RECIPE_KEYS

    said = asked.model_dump(mode="json", exclude_unset=True)
    validation = asked.validation_file
    return {
        "model": asked.model,
        "training_file": _uploaded(asked.training_file, there),
        "validation_file": None if validation is None else _uploaded(validation, there),
        "suffix": asked.suffix,
        "seed": None if asked.seed == "auto" else asked.seed,
        "method": {
            "type": "supervised",
            "supervised": {"hyperparameters": asked.method.supervised.hyperparameters.model_dump(mode="json")},
        },
        "integrations": said.get("integrations", []),
        "localft": {key: said[key] for key in RECIPE_KEYS if key in said},
    }


def _uploaded(file: str, there: Service) -> str:
    """The id of a file that is given by its id, or by its path."""
    if re.fullmatch(r"file-[0-9a-f]{32}", file) and not Path(file).exists():
        return file
    return str(there.upload(Path(file), "fine-tune")["id"])


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--metadata is {pair!r}; expected KEY=VALUE.", param="metadata")
        pairs[key] = value
    return pairs


def _described(job: Shown) -> list[str]:
    knobs = job["hyperparameters"]
    lines = {
        "id": job["id"],
        "status": job["status"],
        "model": job["model"],
        "fine-tuned model": job.get("fine_tuned_model"),
        "training file": job["training_file"],
        "validation file": job.get("validation_file"),
        "hyperparameters": ", ".join(f"{name} {value}" for name, value in knobs.items()) + f", seed {job['seed']}",
        "results": ", ".join(job.get("result_files") or []),
        "trained tokens": job.get("trained_tokens"),
        "created": time_of(job["created_at"]),
        "finished": time_of(job.get("finished_at")),
        "expected": time_of(job.get("estimated_finish")),
        "metadata": ", ".join(f"{key}={value}" for key, value in (job.get("metadata") or {}).items()),
        "error": f"{job['error']['code']}: {job['error']['message']}" if job.get("error") else None,
    }
    return [f"{name:<16}  {value}" for name, value in lines.items() if value not in (None, "")]
