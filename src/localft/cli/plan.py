"""`localft plan`: every value of a job, with the rule that gave it, before anything is trained."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from localft.cli import options
from localft.errors import DataError

if TYPE_CHECKING:
    from rich.table import Table

    from localft.plan import ExecutionForecast, PlannedExecution, TrainingPlan, TrainingRequest
    from localft.plan.memory import MemoryEstimate
    from localft.tokenization.survey import TokenStatistics
    from localft.tokenization.tokenizer import ChatTokenizer
    from localft.training.token_store import TokenStore

_Read = TypeVar("_Read")
_GIB = 2**30


def plan(
    context: typer.Context,
    recipe: options.Recipe = None,
    model: options.Model = None,
    training_file: options.TrainingFile = None,
    validation_file: options.ValidationFile = None,
    suffix: options.Suffix = None,
    output_dir: options.OutputDir = None,
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
    chat_template: options.ChatTemplate = None,
    precision: options.Precision = None,
    tokens_per_micro_batch: options.TokensPerMicroBatch = None,
    gradient_checkpointing: options.GradientCheckpointing = None,
    share_prefixes: options.SharePrefixes = None,
    compile: options.Compile = None,
    checkpoint_minutes: options.CheckpointMinutes = None,
    integrations: options.Integrations = None,
    output_format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="text for people, json for programs.")
    ] = "text",
) -> None:
    """Resolve a recipe or flags: every value with its rule, the steps, the trained tokens, the memory.

    Trains nothing and downloads nothing. The data is validated first. Exit code 0: planned. 1: data or model cannot be used.
    2: usage.
    """
    resolved = _resolved(options.requested(context))
    if output_format == "json":
        sys.stdout.write(resolved.to_json())
    else:
        _print(resolved, _train_command(context))


def _resolved(request: TrainingRequest | TrainingPlan) -> TrainingPlan:
    """The plan of a request, or an earlier plan moved to this machine, with its tokens counted where that can be done."""
    from localft.data.reading import require_valid
    from localft.data.validation import validate_files
    from localft.plan import DataFile, TrainingRequest, make_plan

    files = [request.training_file, request.validation_file]
    paths = [file.path if isinstance(file, DataFile) else file for file in files if file is not None]
    require_valid(validate_files(*paths))
    if isinstance(request, TrainingRequest):
        drawn = make_plan(request)
    else:
        request.check_data()
        drawn = request.on_this_machine()
    return _with_tokens(drawn)


def _with_tokens(drawn: TrainingPlan) -> TrainingPlan:
    """The plan with its tokens counted; as it was where the tokenizer is not on this machine.

    With the training packages installed the tokens come from the token store, where the training finds them again, and the
    first steps are looked at. The validation file is rendered too, so that a row that cannot be trained on is refused now
    rather than later.
    """
    from localft.catalog import tokenizer_directory
    from localft.runner.tokenizer import as_trained
    from localft.tokenization.tokenizer import ChatTokenizer

    directory = tokenizer_directory(drawn.model)
    if directory is None:
        return drawn
    light = ChatTokenizer.from_directory(directory, chat_template=drawn.chat_template, date=drawn.date)
    tokenizer = as_trained(light)
    try:
        from localft.training.forecast import forecast
        from localft.training.token_store import open_token_store
    except ImportError:  # the bare install: count in a stream, keep nothing
        return drawn.with_statistics(_each_file(drawn, lambda path: _survey(path, tokenizer, drawn)))

    def opened(path: str) -> TokenStore:
        return open_token_store(path, tokenizer, max_length=drawn.max_length, overlong=drawn.overlong)

    rows = _each_file(drawn, opened)
    counted = drawn.with_statistics(rows.statistics)
    return counted.with_forecast(forecast(counted, rows))


def _each_file(drawn: TrainingPlan, read: Callable[[str], _Read]) -> _Read:
    """Reads the training file and the validation file; returns what was read of the first."""
    found = []
    for file, param in ((drawn.training_file, "training_file"), (drawn.validation_file, "validation_file")):
        if file is None:
            continue
        try:
            found.append(read(file.path))
        except DataError as error:
            raise DataError(error.message, report=error.report, code=error.code, param=param) from None
    return found[0]


def _survey(path: str, tokenizer: ChatTokenizer, drawn: TrainingPlan) -> TokenStatistics:
    from localft.data.reading import read_examples
    from localft.tokenization.survey import survey

    statistics, refused, _ = survey(
        read_examples(path), tokenizer, file=path, max_length=drawn.max_length, overlong=drawn.overlong
    )
    if refused:
        raise DataError("\n".join(row.message for row in refused), report=tuple(refused), code="row_refused")
    return statistics


def _train_command(context: typer.Context) -> str:
    """The `localft train` line that trains what was planned."""
    words = ["localft", "train"]
    if context.params.get("recipe") is not None:
        words.append(str(context.params["recipe"]))
    for parameter, value in context.params.items():
        if parameter in options.FLAGS and value is not None:
            words += [f"--{parameter.replace('_', '-')}", value]
    return shlex.join(words)


# --- text -------------------------------------------------------------------------------------------------------------


def _print(drawn: TrainingPlan, train_command: str) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a pipe has no width
        console.width = max(console.width, 200)
    shown = console.width
    for table in (_job(drawn), _knobs(drawn), _steps(drawn), _execution(drawn), _memory(drawn.memory)):
        _keep_words_whole(table)
        needed = console.measure(table, options=console.options.update(max_width=10_000)).minimum
        console.width = max(shown, needed)
        console.print(table)
        console.print()
    console.width = shown
    for note in drawn.notes:
        console.print(Text(f"note: {note}"))
    if drawn.notes:
        console.print()
    console.print(Text("What to do next:"))
    console.print(Text(f"  {train_command}"), soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_header=bool(columns))
    table.add_column(columns[0] if columns else "", no_wrap=True)
    for column in columns[1:] or ("",):
        table.add_column(column, overflow="fold")
    return table


def _keep_words_whole(table: Table) -> None:
    """Lets one column wrap, and that between words only, so that paths and numbers can be copied; the title never."""
    sentences = table.columns[min(2, len(table.columns) - 1)]
    for column in table.columns:
        words = [word for cell in column.cells for word in str(cell).split()]
        column.min_width = max(map(len, words), default=0)
        column.no_wrap = column is not sentences
    table.min_width = len(str(table.title)) + 2


def _rows(table: Table, rows: Iterator[tuple[str, ...]]) -> Table:
    from rich.text import Text

    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _job(drawn: TrainingPlan) -> Table:
    def rows() -> Iterator[tuple[str, str]]:
        yield "model", drawn.model.id + (f" ({drawn.model.hub_id})" if drawn.model.hub_id else "")
        yield "files", drawn.model.path or "not on this machine yet; training fetches them from the hub"
        if drawn.model.adapter_path:
            yield "adapter", f"goes on from {drawn.model.adapter_path}"
        yield "training file", f"{drawn.training_file.path} ({drawn.training_file.examples} examples)"
        if drawn.validation_file:
            yield "validation file", f"{drawn.validation_file.path} ({drawn.validation_file.examples} examples)"
        adapter = f"LoRA, rank {drawn.lora.rank}, alpha {drawn.lora.alpha}" if drawn.lora else "full fine-tuning"
        dropout = f", dropout {drawn.lora.dropout:g}" if drawn.lora and drawn.lora.dropout else ""
        quantized = " over a base in NF4" if drawn.quantization == "nf4" else ""
        yield "method", f"{drawn.method}: {adapter}{dropout}{quantized}"
        replaced = "one in place of the model's own: chat_template in --format json"
        yield "chat template", "the model's own" if drawn.chat_template is None else replaced
        yield "longest row", f"{drawn.max_length} tokens; longer ones: {drawn.overlong}"
        if drawn.integrations:
            yield "trackers", ", ".join(integration.type for integration in drawn.integrations)
        yield "output", drawn.output_dir

    return _rows(_table("Job"), rows())


def _knobs(drawn: TrainingPlan) -> Table:
    """Knob, value, rule, and the argument of the trainer that it became."""
    arguments, knobs = drawn.trainer_arguments, drawn.hyperparameters

    def argument(*names: str) -> str:
        return "\n".join(f"{name} {_number(arguments[name])}" for name in names)

    def rows() -> Iterator[tuple[str, str, str, str]]:
        step = argument("per_device_train_batch_size", "gradient_accumulation_steps")
        processes = drawn.execution.processes
        yield (
            "batch_size",
            str(knobs.batch_size.value),
            knobs.batch_size.rule,
            f"{step}\non {processes} process{'es' if processes > 1 else ''}",
        )
        yield "n_epochs", str(knobs.n_epochs.value), knobs.n_epochs.rule, argument("num_train_epochs")
        multiplier = knobs.learning_rate_multiplier
        yield "learning_rate_multiplier", f"{multiplier.value:g}", multiplier.rule, argument("learning_rate")
        yield "seed", str(knobs.seed.value), knobs.seed.rule, argument("seed", "data_seed")

    return _rows(_table("Knobs", "knob", "value", "rule", "trainer argument"), rows())


def _steps(drawn: TrainingPlan) -> Table:
    def rows() -> Iterator[tuple[str, str]]:
        yield "learning rate", drawn.learning_rate.rule
        yield "base", drawn.learning_rate.source
        yield "schedule", f"linear to 0 after {_counted(drawn.warmup_steps, 'warm-up step')}, no weight decay"
        per_epoch = f"ceil({drawn.examples} / {drawn.hyperparameters.batch_size.value}) = {drawn.steps_per_epoch}"
        yield "steps per epoch", per_epoch
        yield "steps", f"{drawn.steps_per_epoch} x {drawn.hyperparameters.n_epochs.value} = {drawn.total_steps}"
        counts = drawn.tokens
        if counts is None:
            yield "tokens", "not counted, see below"
            return
        share = counts.trained_tokens / counts.tokens
        yield "tokens per epoch", f"{counts.tokens:,}, longest row {counts.longest:,}"
        yield "trained tokens", f"{counts.trained_tokens:,} per epoch, {share:.0%} of all"
        yield "billed tokens", f"{counts.billed_tokens:,} over all epochs, as the service counts"
        if counts.truncated or counts.dropped:
            yield "overlong rows", f"{counts.truncated} truncated, {counts.dropped} dropped"

    return _rows(_table("Training"), rows())


def _execution(drawn: TrainingPlan) -> Table:
    execution = drawn.execution

    def setting(name: str, more: str = "") -> tuple[str, str, str]:
        value = getattr(execution, name)
        return name, str(value).lower() if isinstance(value, bool) else str(value), execution.rules[name] + more

    def rows() -> Iterator[tuple[str, str, str]]:
        for name in ("device", "processes", "precision", "tokens_per_micro_batch"):
            yield setting(name)
        if execution.forecast is not None:
            yield "micro-batches", f"{execution.forecast.micro_batches:g}", _micro_batches_rule(execution.forecast)
        yield "rows", "packed", _packing_rule(execution.forecast)
        yield setting("share_prefixes", _sharing_gain(execution, int(drawn.hyperparameters.batch_size.value)))
        yield "attention", "by example", _attention_rule(execution)
        yield setting("gradient_checkpointing")
        yield setting("compile")

    return _rows(_table("Execution (never changes the result)", "setting", "value", "rule"), rows())


def _micro_batches_rule(forecast: ExecutionForecast) -> str:
    steps = "in the first step" if forecast.steps == 1 else f"a step, on average of the first {forecast.steps}"
    return f"{steps}; at most {forecast.fullest_micro_batch:,} tokens in one"


def _packing_rule(forecast: ExecutionForecast | None) -> str:
    if forecast is None:
        return "no padding"
    return f"no padding; padded to the longest they would take {forecast.padding_avoided:.2f}x the tokens"


def _sharing_gain(execution: PlannedExecution, batch_size: int) -> str:
    forecast = execution.forecast
    if forecast is None or not execution.share_prefixes:
        return ""
    if batch_size == 1:
        return "; a step is one row, which has none to share with"
    if forecast.computed_tokens == forecast.tokens:
        return "; no rows of one micro-batch begin alike"
    return f"; {forecast.shared:.0%} fewer tokens to compute"


def _attention_rule(execution: PlannedExecution) -> str:
    """What the training is going to use; models that do not keep examples apart get padded rows instead."""
    kernel = execution.device == "cuda" and execution.precision == "bfloat16"
    return f"{'varlen kernel' if kernel else 'sdpa'} of torch, if the model proves to keep examples apart"


def _memory(estimated: MemoryEstimate) -> Table:
    from rich.text import Text

    table = _table("Memory of one process, estimated", "part", "GiB")
    table.columns[1].justify = "right"
    for name in ("weights", "adapter", "gradients", "optimizer", "activations", "head"):
        table.add_row(Text(name), f"{getattr(estimated, f'{name}_bytes') / _GIB:.2f}")
    verdict = ""
    if estimated.available_bytes is not None:
        fits = "fits" if estimated.fits else "does not fit"
        verdict = f"; {fits} the GPU's {estimated.available_bytes / _GIB:.1f}"
    table.add_row(Text(f"total{verdict}"), f"{estimated.total_bytes / _GIB:.2f}", style="bold")
    return table


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
