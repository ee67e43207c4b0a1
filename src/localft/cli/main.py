"""The `localft` command: finds the subcommand, and turns errors into a sentence and an exit code.

Each subcommand is a function of its name in a module of its name, imported when it is called; `localft --help` imports
none. Exit codes: 0 done, 1 failed or invalid, 2 usage, 75 interrupted and resumable, 130 stopped by Ctrl-C where there is
nothing to resume.
"""

from __future__ import annotations

import io
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
import typer.core

from localft import __version__, settings
from localft.errors import LocalftError, MissingExtra, TrainingInterrupted, install

COMMANDS = {
    "quickstart": "Fine-tune the embedded base model on the bundled sample: offline, on CPU, in about two minutes.",
    "validate": "Check data files and list every problem.",
    "show": "Show the tokens of a data file and which of them are trained.",
    "plan": "Resolve a recipe and print every value with its rule, the steps and the memory.",
    "train": "Run a job.",
    "worker": "Train the jobs of the store.",
    "jobs": "Make, list, follow, cancel, pause, resume, delete jobs; import runs.",
    "files": "Upload, list, show, delete files.",
    "sweep": "Train a recipe with several settings and compare the results.",
    "register": "Register the model of a finished run in MLflow.",
    "serve": "Serve jobs and an OpenAI-compatible API on this machine.",
    "deploy": "Give models names to be served by.",
    "chat": "Talk with a model in the terminal.",
    "models": "List the base models that localft knows.",
    "azure": "Make an Azure ML job of a recipe, check it, submit it.",
}
"""Name and help line of each subcommand, in the order of a user's first day."""

EXTRA_PACKAGES = {
    "train": {
        "accelerate", "bitsandbytes", "datasets", "huggingface_hub", "matplotlib", "peft", "safetensors", "torch",
        "transformers", "trl",
    },
    "azure": {"azure", "marshmallow"},
    "mlflow": {"mlflow"},
}  # fmt: skip
"""Extra -> the packages that it brings, by the names they are imported with."""


@dataclass
class Invocation:
    """What the whole command line was, for subcommands that start it again."""

    arguments: list[str] = field(default_factory=lambda: sys.argv[1:])
    debug: bool = False


class _LazyCommands(typer.core.TyperGroup):
    """Imports a subcommand's module when it is called. Until then a stand-in with its help line is listed."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: _command(name, lambda: None) for name in COMMANDS}
        self._listing = False

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        if self._listing or cmd_name not in self.commands:
            return self.commands.get(cmd_name)
        return _command(cmd_name, getattr(import_module(f"localft.cli.{cmd_name}"), cmd_name))

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(self.commands)

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        self._listing = True
        super().format_help(ctx, formatter)


def _command(name: str, function: Any) -> Any:
    """The command of a function, or the group of commands that a module brings as a Typer of its own."""
    if isinstance(function, typer.Typer):
        group = typer.main.get_group(function)
        group.name = name
        return group
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name, help=COMMANDS[name] if function.__doc__ is None else None)(function)
    command = typer.main.get_command(single)
    command.name = name
    return command


app = typer.Typer(
    name="localft",
    cls=_LazyCommands,
    help="Run an Azure OpenAI fine-tuning job on your own GPU: same file, same knobs, same results, your weights.",
    epilog="A first run: localft quickstart",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"localft {__version__}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
) -> None:
    """Reads what stands before the subcommand."""
    context.ensure_object(Invocation).debug = debug


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs a command line and exits. The one place where an error becomes a sentence and an exit code."""
    _show_what_can_be_shown()
    invocation = Invocation(list(sys.argv[1:] if arguments is None else arguments))
    if not sys.warnoptions:  # what libraries tell their programmers is nothing that a user can mend
        for category in (DeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
    try:
        app(args=invocation.arguments, prog_name="localft", obj=invocation)
    except LocalftError as error:
        _fail(error, invocation)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = next((extra for extra, packages in EXTRA_PACKAGES.items() if package in packages), None)
        if extra is None:
            raise
        _fail(_missing_extra(error, extra), invocation)
    sys.exit(0)


def _show_what_can_be_shown() -> None:
    """Lets a character that the terminal's encoding lacks be written as an escape; it would end the command otherwise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


LAST_WORD_SECONDS = 5.0
"""How long a process leaves the word to the first one: a launcher ends all as soon as one has ended."""


def _fail(error: LocalftError, invocation: Invocation) -> NoReturn:
    """Prints the error, on one process only if all have it, and exits with its code."""
    if invocation.debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, TrainingInterrupted):
        _ignore_signals()
    place = settings.process_group()
    if place.is_main or not error.on_every_process:
        label = "interrupted" if isinstance(error, TrainingInterrupted) else "error"
        print(f"{label}: {error}", file=sys.stderr)
        _leave_last_words(error)
    elif settings.behind_elastic_launcher() and settings.control_directory() is None:
        time.sleep(LAST_WORD_SECONDS)
    sys.exit(leave(error.exit_code, on_every_process=error.on_every_process))


def _ignore_signals() -> None:
    """Holds the exit code from here on: one more Ctrl-C would end the process by the signal while Python and torch clean up.

    Of all handlers only this one outlasts Python's own clean-up.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _leave_last_words(error: LocalftError) -> None:
    """Says to the worker that waits for this process what ended it."""
    file = settings.last_words_file()
    if file is None:
        return
    from localft.jobs.last_words import LastWords, write_last_words

    write_last_words(file, LastWords(error.exit_code, error.code, error.message, error.param))


def leave(exit_code: int, *, on_every_process: bool) -> int:
    """The exit code for this process.

    A launcher takes every code but 0 for a crash and reports it at length. Where our own launch waits behind it and no process
    is left alone, the code goes to it through a file and this process ends quietly.
    """
    control = settings.control_directory()
    if control is None:
        return exit_code
    if settings.process_group().is_main:
        (control / "exit-code").write_text(str(exit_code))
    return 0 if on_every_process else exit_code


def _missing_extra(error: ModuleNotFoundError, extra: str) -> MissingExtra:
    return MissingExtra(
        f"this command needs packages that the bare install leaves out, and {error.name} is not installed: "
        f"{install(extra)}"
    )
