"""`localft azure`: a recipe as an Azure ML job, made by `job`, varied by `sweep`, checked and handed over by `submit`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localft import settings
from localft.azure.launch import Launcher, Machines
from localft.cli import options
from localft.errors import UsageError

if TYPE_CHECKING:
    from localft.azure.job_file import JobFile
    from localft.plan import TrainingRequest

azure = typer.Typer(
    help="Run a recipe on Azure ML: `job` writes what Azure needs, `submit` checks it and hands it over.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_MACHINES = "Machines"
_LABELS = "Labels"
Replace = Annotated[
    bool, typer.Option("--replace", help="Write over an output file that exists, even if it was edited.")
]
_WORKSPACE = "Workspace"


@azure.command()
def job(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe (YAML).", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The job file to write.")] = Path("job.yml"),
    compute: Annotated[
        str | None, typer.Option("--compute", help="Name of a compute cluster.", rich_help_panel=_MACHINES)
    ] = None,
    instance_type: Annotated[
        str | None,
        typer.Option(
            "--instance-type",
            help="Size of machine, in place of a cluster: serverless compute.",
            rich_help_panel=_MACHINES,
        ),
    ] = None,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Machines.", rich_help_panel=_MACHINES)] = 1,
    gpus_per_node: Annotated[
        int, typer.Option("--gpus-per-node", min=1, help="GPUs of each machine.", rich_help_panel=_MACHINES)
    ] = 1,
    launcher: Annotated[
        Launcher,
        typer.Option(
            "--launcher",
            help="Who starts one process for each GPU: accelerate launch on each machine, or the platform.",
            rich_help_panel=_MACHINES,
        ),
    ] = "accelerate",
    sharded: Annotated[
        bool,
        typer.Option(
            "--sharded",
            help="Spread one model over all GPUs (FSDP 2): for models that outgrow one.",
            rich_help_panel=_MACHINES,
        ),
    ] = False,
    spot: Annotated[
        bool,
        typer.Option(
            "--spot", help="Preemptible machines; with --compute a low-priority cluster.", rich_help_panel=_MACHINES
        ),
    ] = False,
    environment: Annotated[
        str | None,
        typer.Option(
            "--environment",
            help="A registered environment, azureml:NAME:VERSION, in place of localft's own image.",
            rich_help_panel=_MACHINES,
        ),
    ] = None,
    experiment_name: Annotated[
        str, typer.Option("--experiment-name", help="Groups jobs in the studio.", rich_help_panel=_LABELS)
    ] = "localft",
    display_name: Annotated[
        str | None,
        typer.Option(
            "--display-name", help="By default the recipe's suffix, or the base model.", rich_help_panel=_LABELS
        ),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="NAME=VALUE; may be given again.", rich_help_panel=_LABELS)
    ] = None,
    model: options.Model = None,
    training_file: options.TrainingFile = None,
    validation_file: options.ValidationFile = None,
    batch_size: options.BatchSize = None,
    learning_rate_multiplier: options.LearningRateMultiplier = None,
    n_epochs: options.Epochs = None,
    seed: options.Seed = None,
    replace: Replace = False,
) -> None:
    """Make an Azure ML job of a recipe: a job file, and localft-files/ beside it with what the job uploads.

    Paths of the recipe become inputs of the job, its four knobs too. Files and models may also be Azure's: azureml:NAME:VERSION
    or a URL. Local data is validated first. The job goes on with what it finds in its output, so a preempted one continues.
    Needs no package of Azure. Exit code 2: the job could not run, for all the reasons that are listed. 1: data that is not valid.
    """
    from localft.azure.addresses import is_cloud_path
    from localft.azure.checks import problems_of_settings
    from localft.azure.data import require_valid_data
    from localft.azure.files import recipe_name, write_files
    from localft.azure.job import Labels, Target, command_job, to_yaml
    from localft.azure.job_file import JobFile, refuse
    from localft.azure.training import problems_of_the_model
    from localft.recipe import read_recipe

    if compute is not None and instance_type is not None:
        raise UsageError("--compute and --instance-type contradict each other; give one of them.", param="compute")
    if output.suffix not in (".yml", ".yaml") or output.resolve() == recipe.resolve():
        raise UsageError(f"--output {output}: expected a job file such as job.yml, found {output.name}; name another.")
    request = read_recipe(recipe, options.overrides(context))
    machines = Machines(nodes, gpus_per_node, launcher, sharded)
    if sharded:
        _require_shards(machines)
    made = command_job(
        request,
        recipe=recipe_name(output),
        directory=output.parent,
        machines=machines,
        target=Target(compute, instance_type, spot),
        labels=Labels(experiment_name, display_name, _tags(tag or [])),
        environment=environment,
    )
    draft = JobFile(output, made)
    refuse(draft, [*problems_of_settings(draft), *problems_of_the_model(draft)])
    require_valid_data(
        *(
            None if path is None or is_cloud_path(path) else path
            for path in (request.training_file, request.validation_file)
        )
    )
    packages = [each.type for each in request.integrations]
    _write(
        output,
        to_yaml(made, _header(context.obj.arguments, output, request.model)),
        replace=replace,
        before=lambda: write_files(output, recipe.read_text(encoding="utf-8-sig"), packages),
    )
    for line in _made(output, request, machines, spot=spot and compute is not None):
        typer.echo(line)


@azure.command()
def submit(
    file: Annotated[Path, typer.Argument(metavar="JOB", help="A job file.", show_default=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check only: needs no credentials and sends nothing.")
    ] = False,
    subscription: Annotated[
        str | None, typer.Option("--subscription", help="Its id.", rich_help_panel=_WORKSPACE)
    ] = None,
    resource_group: Annotated[
        str | None, typer.Option("--resource-group", "-g", help="Its name.", rich_help_panel=_WORKSPACE)
    ] = None,
    workspace: Annotated[
        str | None, typer.Option("--workspace", "-w", help="Its name.", rich_help_panel=_WORKSPACE)
    ] = None,
) -> None:
    """Check a job file by Azure's own client, and hand it to Azure ML.

    The workspace comes from the three flags, else from AZUREML_ARM_SUBSCRIPTION, AZUREML_ARM_RESOURCEGROUP and
    AZUREML_ARM_WORKSPACE_NAME, else from the nearest config.json. Who is asking is found as `az login` left it, by
    DefaultAzureCredential. Exit code 2: the file has problems, all of which are listed.
    """
    from localft.azure import client
    from localft.azure.notes import notes

    checked = client.check(file)
    for note in notes(checked):
        typer.echo(f"note: {note}")
    if dry_run:
        typer.echo(_sound(checked))
        return
    submitted = client.submit(checked, settings.azure_workspace(subscription, resource_group, workspace))
    typer.echo(f"{submitted.name} submitted")
    if submitted.studio_url:
        typer.echo(f"  in the studio    {submitted.studio_url}")
    typer.echo("What to do next:")
    typer.echo(f"  az ml job stream --name {submitted.name}                        watch it")
    typer.echo(f"  az ml job download --name {submitted.name} --output-name run    fetch the run when it is done")


@azure.command()
def sweep(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="JOB", help="A job file that `localft azure job` made.", show_default=False)
    ],
    grid: Annotated[
        list[str],
        typer.Option(
            "--grid",
            metavar="NAME=V1,V2,...",
            help="A recipe key and the values that it takes; several --grid options give all combinations.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The sweep file to write, beside the job file.")
    ] = Path("sweep.yml"),
    max_concurrent_trials: Annotated[
        int | None,
        typer.Option("--max-concurrent-trials", min=1, help="By default as many as the compute has room for."),
    ] = None,
    replace: Replace = False,
) -> None:
    """Make an Azure ML sweep of a job: the same machines, inputs and code, run once for each combination of the grid.

    Azure ranks the trials by full_valid_loss, which they log to MLflow. `localft azure submit` checks the sweep and submits it;
    `localft sweep` does the same on this machine.
    """
    from localft.azure.checks import problems_of_settings
    from localft.azure.job import to_yaml
    from localft.azure.job_file import JobFile, read_job, refuse
    from localft.sweep.azure_job import recipe_of, sweep_job
    from localft.sweep.grid import read_grid, read_points

    target = _beside(file, output)
    axes, made_before = read_grid(grid), read_job(file)
    refuse(made_before, made_before.repeated)
    points = read_points(recipe_of(made_before), axes)
    made = sweep_job(made_before, axes, points, max_concurrent_trials=max_concurrent_trials)
    draft = JobFile(target, made)
    refuse(draft, problems_of_settings(draft))
    text = to_yaml(made, _header(context.obj.arguments, target, points[0].request.model))
    _write(target, text, replace=replace)
    typer.echo(f"{target}: {_counted(len(points), 'trial')}, seed {made['inputs'].get('seed', 'of the grid')}")
    typer.echo("What to do next:")
    for line in _next(target):
        typer.echo(line)


@azure.command()
def model(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a finished run.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model file to write.")] = Path("model.yml"),
    name: Annotated[
        str | None, typer.Option("--name", help="Of the model asset; by default the base model's and the suffix.")
    ] = None,
    job: Annotated[
        str | None,
        typer.Option(
            "--job", help="Azure ML job whose output the run is: the files are taken from there, not uploaded."
        ),
    ] = None,
    replace: Replace = False,
) -> None:
    """Write an Azure ML model file for a finished run: `az ml model create --file model.yml` makes it a model asset.

    Its version is the next one of its name. Needs no package of Azure. `localft register` is for MLflow.
    """
    from localft.azure.model import model_asset, model_yaml
    from localft.jobs.registration import finished_run

    finished = finished_run(run)
    asset = model_asset(finished, output.parent, name=name, job=job)
    _write(output, model_yaml(asset), replace=replace)
    typer.echo(f"{output}: {asset['name']} of {finished.job.id}")
    typer.echo("What to do next:")
    typer.echo(f"  az ml model create --file {shlex.quote(str(output))}")


def _tags(given: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    wrong = tuple(
        f"--tag {''.join(pair)}: expected NAME=VALUE, found no {'name' if pair[1] else 'equals sign'}."
        for pair in pairs
        if not (pair[0].strip() and pair[1])
    )
    if wrong:
        raise UsageError("\n".join(wrong), problems=wrong, param="tag")
    return {name: value for name, _, value in pairs}


def _require_shards(machines: Machines) -> None:
    """--sharded takes several GPUs, and accelerate, which tells the processes of it."""
    wrong = [
        *(["several GPUs, found 1; give --gpus-per-node"] if machines.processes == 1 else []),
        *(
            ["accelerate as launcher, found --launcher platform; leave --launcher out"]
            if machines.launcher == "platform"
            else []
        ),
    ]
    if wrong:
        problems = tuple(f"--sharded: expected {each}." for each in wrong)
        raise UsageError("\n".join(problems), problems=problems, param="sharded")


def _beside(file: Path, output: Path) -> Path:
    """The sweep file that --output names: beside the job file, where its paths hold."""
    target = file.parent / output.name
    if output.parent != Path() and output.parent.resolve() != file.parent.resolve():
        raise UsageError(
            f"--output {output}: expected a file beside {file}, since a sweep uploads the localft-files/ there, found "
            f"{output.parent}/; give a name alone, such as {output.name}, or make the job in that directory.",
            param="output",
        )
    if target.suffix not in (".yml", ".yaml") or target.resolve() == file.resolve():
        raise UsageError(
            f"--output {output}: expected the name of a sweep file such as sweep.yml, found {output.name}; name another.",
            param="output",
        )
    return target


def _write(output: Path, text: str, *, replace: bool, before: Callable[[], None] | None = None) -> None:
    """Writes a file that users go on to edit: one with another text is replaced only where that was asked for.

    `before` writes what belongs to it. Says in a sentence what could not be written.
    """
    try:
        if not replace and output.is_file() and output.read_text(encoding="utf-8", errors="replace") != text:
            raise UsageError(
                f"--output {output}: expected a file to make, or one that holds what is to be written, found another text; "
                "name another file, or give --replace to lose what was edited in this one.",
                param="output",
            )
        output.parent.mkdir(parents=True, exist_ok=True)
        if before is not None:
            before()
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"--output {output}: expected a place to write, found at {error.filename}: {error.strerror}; name another.",
            param="output",
        ) from error


def _header(arguments: Sequence[str], output: Path, model: str) -> str:
    from localft.azure.notes import gated_note

    name, gated = _typed(str(output)), gated_note(model)
    words = [word for word in arguments if word != "--replace"]
    return (
        f"# Made by: {' '.join(map(_typed, ['localft', *words]))}\n"
        f"# Check:   localft azure submit {name} --dry-run\n"
        f"# Submit:  localft azure submit {name}\n"
        f"{f'# Note:    {gated}{chr(10)}' if gated else ''}\n"
    )


def _typed(word: str) -> str:
    """A word as it is typed in a shell, in one line: a line break as $'...\\n...'"""
    if word.isprintable():
        return shlex.quote(word)
    plain = (sign if sign.isprintable() and sign != "\\" else repr(sign)[1:-1] for sign in word)
    return "$'" + "".join(plain).replace("'", "\\'") + "'"


def _made(output: Path, request: TrainingRequest, machines: Machines, *, spot: bool) -> Iterator[str]:
    """What was written, what may surprise, and what to do next."""
    from localft.azure.job import FILES
    from localft.azure.notes import gated_note

    yield f"{output}: {_counted(machines.nodes, 'node')} of {_counted(machines.gpus_per_node, 'GPU')}"
    yield f"{output.parent / FILES}: the recipe, localft and the image's build context, which the job uploads"
    if spot:
        yield "note: a cluster decides by itself whether it is preemptible; make it with tier: low_priority"
    idle = _idle_processes(request, machines)
    if idle:
        yield idle
    gated = gated_note(request.model)
    if gated:
        yield f"note: {gated}"
    yield "What to do next:"
    yield from _next(output)


def _next(file: Path) -> Iterator[str]:
    name = shlex.quote(str(file))
    yield f"  localft azure submit {name} --dry-run   check it by Azure's own client"
    yield f"  localft azure submit {name}"


def _idle_processes(request: TrainingRequest, machines: Machines) -> str | None:
    """Says where steps have fewer examples than there are GPUs."""
    from localft.azure.addresses import is_cloud_path
    from localft.hyperparameters import resolve_batch_size
    from localft.plan.data_file import describe_file

    if machines.processes == 1 or is_cloud_path(request.training_file):
        return None
    rows = describe_file(request.training_file, "training_file").examples
    batch_size = resolve_batch_size(request.method.supervised.hyperparameters.batch_size, rows)
    if batch_size.value >= machines.processes:
        return None
    return (
        f"note: batch_size is {batch_size.value} ({batch_size.rule}) on {machines.processes} GPUs, so that "
        f"{machines.processes - int(batch_size.value)} of them would only wait; a larger --batch-size uses them"
    )


def _sound(job: JobFile) -> str:
    from localft.azure.job_file import machines, resources

    where = job.values.get("compute") or resources(job).get("instance_type")
    return (
        f"{job.path}: valid, by Azure's load_job and by localft's own checks; would run on "
        f"{_counted(machines(job), 'node')} of {where}. Nothing was sent."
    )


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
