"""`model/README.md`: what was trained, on what, with which numbers, how it went, and how to use it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from localft import __version__, catalog
from localft.errors import CheckpointError
from localft.jobs.checkpoints import checkpoint_name
from localft.jobs.job import FineTuningJob
from localft.jobs.results import METRICS, ResultRow, number
from localft.jobs.run_directory import RunDirectory
from localft.plan import DataFile, Resolved, TrainingPlan

NAMED_PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "datasets")
SHOWN_ROWS = 12


def model_card(
    plan: TrainingPlan,
    job: FineTuningJob,
    rows: Sequence[ResultRow],
    *,
    trained_tokens: int,
    system_message: Mapping[str, str] | None,
) -> str:
    """The card of a finished job. Holds no path but the model's. Reads the records of the run that was trained further.

    `system_message` is what all training rows begin with, where they do: all of the data that the card tells.
    """
    sections = (
        _front_matter(plan, job),
        f"# {job.model_name}\n\n{_summary(plan, job)}",
        f"## Data\n\n{_data(plan, trained_tokens)}",
        f"## Settings\n\n{_settings(plan)}",
        f"## Results\n\n{_results(plan, rows)}",
        f"## Use\n\n{_use(plan, system_message)}",
        f"## Versions\n\n{_table(('package', 'version'), list(installed_versions().items()))}",
    )
    return "\n\n".join(sections) + "\n"


def installed_versions() -> dict[str, str]:
    """Versions of localft and of the libraries that decide a training's numbers, read without importing them."""
    found = {"localft": __version__}
    for package in NAMED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _front_matter(plan: TrainingPlan, job: FineTuningJob) -> str:
    entry = catalog.find(plan.model.public_base)
    method = "full-fine-tuning" if plan.lora is None else "qlora" if plan.quantization == "nf4" else "lora"
    fields: dict[str, object] = {
        "base_model": plan.model.public_base,
        "library_name": "transformers" if plan.lora is None else "peft",
        "pipeline_tag": "text-generation",
        "license": entry.licence if entry else None,
        "model_name": job.model_name,
        "tags": ["localft", "sft", method],
    }
    # Each value is written as JSON, which YAML contains: no value can break out of its line.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items() if value is not None]
    return "\n".join(("---", *lines, "---"))


def _summary(plan: TrainingPlan, job: FineTuningJob) -> str:
    if plan.lora is None:
        what = "All weights of"
    else:
        over = " over its 4-bit (NF4) weights" if plan.quantization == "nf4" else ""
        what = f"A LoRA adapter (rank {plan.lora.rank}, alpha {plan.lora.alpha}){over} for"
    return (
        f"{what} `{plan.model.public_base}`, fine-tuned by localft {plan.localft_version} "
        f"in the job `{job.id}`. Loss was taken on the assistant's messages only, each with the weight that its row gives."
    )


def _data(plan: TrainingPlan, trained_tokens: int) -> str:
    rows = [_file_row("training", plan.training_file)]
    if plan.validation_file is not None:
        rows.append(_file_row("validation", plan.validation_file))
    counts = f"{plan.examples} examples were trained; {trained_tokens} tokens passed in all epochs together."
    return "\n\n".join((_table(("role", "file", "examples", "sha256"), rows), counts, *_origin(plan)))


def _origin(plan: TrainingPlan) -> Iterator[str]:
    """The run whose result or checkpoint was trained further, where it was one."""
    start = Path(plan.model.adapter_path or plan.model.path or "")
    run = RunDirectory(start.parent)
    if not run.plan_file.is_file():
        return
    yield "The training went on with what an earlier run had learned; the data of that run are in its own card."
    place = run.path.name if start == run.model else f"{run.path.name}/{start.name}"
    yield _table(("run", "job", "model"), [(place, *_names(run, start))])


def _names(run: RunDirectory, start: Path) -> tuple[str, str]:
    """Id of the run's job, and the name under which the job knows `start`; empty where its records are gone."""
    try:
        job, total_steps = run.read_job(), run.read_plan().total_steps
    except (CheckpointError, OSError):
        return "", ""
    checkpoint = re.fullmatch(r"checkpoint-(\d+)", start.name)
    name = checkpoint_name(job, int(checkpoint[1]), total_steps) if checkpoint else job.model_name
    return f"`{job.id}`", f"`{name}`"


def _file_row(role: str, file: DataFile) -> tuple[str, ...]:
    return role, Path(file.path).name, str(file.examples), f"`{file.sha256}`"


def _settings(plan: TrainingPlan) -> str:
    knobs = plan.hyperparameters
    rows: list[tuple[str, str, str]] = [
        _knob("batch_size", knobs.batch_size),
        _knob("n_epochs", knobs.n_epochs),
        _knob("learning_rate_multiplier", knobs.learning_rate_multiplier),
        _knob("seed", knobs.seed),
        (
            "learning rate",
            number(plan.learning_rate.value),
            f"{plan.learning_rate.rule}; base {plan.learning_rate.source}",
        ),
        ("steps", str(plan.total_steps), f"{plan.steps_per_epoch} an epoch, {plan.warmup_steps} of warm-up"),
        ("max_length", str(plan.max_length), f"longer rows: {plan.overlong}"),
        ("quantization", plan.quantization, ""),
        ("precision", plan.execution.precision, plan.execution.rules.get("precision", "")),
        ("processes", str(plan.execution.processes), plan.execution.device),
    ]
    return _table(("setting", "value", "rule"), rows)


def _knob(name: str, knob: Resolved) -> tuple[str, str, str]:
    return name, str(knob.value), knob.rule


def _results(plan: TrainingPlan, rows: Sequence[ResultRow]) -> str:
    """The first step, the last, and the epochs' ends between them, thinned where there are many."""
    if not rows:
        return "No step was recorded."
    chosen = {1, rows[-1].step} | {row.step for row in rows if row.step % plan.steps_per_epoch == 0}
    kept = [row for row in rows if row.step in chosen]
    if len(kept) > SHOWN_ROWS:
        stride = -(-len(kept) // (SHOWN_ROWS - 1))
        kept = [*kept[:-1:stride], kept[-1]]
    columns = [name for name in METRICS if any(name in row.metrics for row in kept)]
    cells = [
        (str(row.step), *(format(row.metrics[name], ".4f") if name in row.metrics else "" for name in columns))
        for row in kept
    ]
    return _table(("step", *columns), cells) + "\n\nEvery step is in `results.csv`; the curves are in `metrics.png`."


def _use(plan: TrainingPlan, system_message: Mapping[str, str] | None) -> str:
    about = "The tokenizer and the chat template that the training used are beside the weights."
    if system_message is not None:
        about += " Every training row begins with the system message below, so ask with it."
    code = "\n".join((_loading(plan), _conversation(system_message), _ANSWERING))
    return f"{about}\n\n```python\n{code}\n```"


def _loading(plan: TrainingPlan) -> str:
    if plan.lora is None:
        return _LOADING_WHOLE
    entry = catalog.find(plan.model.public_base)
    if entry is not None and entry.kind == "embedded":
        return _LOADING_ON_EMBEDDED.format(base=json.dumps(entry.id))
    return _LOADING_ADAPTER


def _conversation(system_message: Mapping[str, str] | None) -> str:
    question = {"role": "user", "content": "Hello!"}
    # A JSON string is a Python string too, and stays on its line whatever is in it.
    lines = [json.dumps(message, ensure_ascii=False) for message in (system_message, question) if message is not None]
    if len(lines) == 1:
        return f"messages = [{lines[0]}]"
    return "\n".join(("messages = [", *(f"    {line}," for line in lines), "]"))


_LOADING_WHOLE = """\
from transformers import AutoModelForCausalLM, AutoTokenizer

path = "."  # this directory
model = AutoModelForCausalLM.from_pretrained(path, dtype="auto", device_map="auto")"""

_LOADING_ADAPTER = """\
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

path = "."  # this directory
model = AutoPeftModelForCausalLM.from_pretrained(path, dtype="auto", device_map="auto")"""

_LOADING_ON_EMBEDDED = """\
from localft.catalog import resolve_model
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

path = "."  # this directory
base = resolve_model({base}).path  # a model that comes with localft and is on no hub
model = AutoModelForCausalLM.from_pretrained(base, dtype="auto", device_map="auto")
model = PeftModel.from_pretrained(model, path)"""

_ANSWERING = """\
tokenizer = AutoTokenizer.from_pretrained(path)
inputs = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
).to(model.device)
answer = model.generate(**inputs, max_new_tokens=200)
print(tokenizer.decode(answer[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))"""


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
