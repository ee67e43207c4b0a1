"""`localft show`: the tokens of each row as the model sees them, the trained ones coloured."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from localft.cli import options

if TYPE_CHECKING:
    from rich.console import Console

    from localft.data.examples import ChatExample
    from localft.tokenization.examples import TokenizedExample
    from localft.tokenization.survey import SurveyedRow
    from localft.tokenization.tokenizer import ChatTokenizer

_ROWS_SHOWN = 3


def show(
    file: Annotated[Path, typer.Argument(help="Chat-JSONL file.", show_default=False)],
    model: Annotated[
        str, typer.Option("--model", help="Catalogue id, hub id, directory of a model, or a finished run.")
    ],
    line: Annotated[
        int | None, typer.Option("--line", min=1, help="Show only the row on this line of the file.")
    ] = None,
    chat_template: Annotated[
        str | None, typer.Option("--chat-template", help="Jinja file to use in place of the model's own template.")
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option("--max-length", min=1, help="Tokens of the longest row. [default: the model's context length]"),
    ] = None,
    overlong: Annotated[
        Literal["refuse", "truncate", "drop"] | None,
        typer.Option("--overlong", help="Rows over it: refuse (the default), truncate or drop."),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option("--rows", min=1, help=f"How many rows to show. [default: {_ROWS_SHOWN}; all with --format json]"),
    ] = None,
    format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="text or json (one object a row).")
    ] = "text",
) -> None:
    """Show the rendered tokens of each row as it will be trained, and which of them are trained.

    Trained tokens are green, context is dim; without colour, trained text stands in ⟦ ⟧. With --format json: ids, weights as
    numbers and tokens. Exit code 1 where a shown row is not valid or is refused.
    """
    from localft.catalog import model_facts, resolve_model
    from localft.runner.tokenizer import as_trained
    from localft.tokenization.loading import load_chat_tokenizer, read_chat_template
    from localft.tokenization.survey import TokenStatistics, survey_rows

    template = read_chat_template(chat_template) if chat_template else None
    planned = resolve_model(model)
    tokenizer = as_trained(load_chat_tokenizer(planned, chat_template=template))
    limit = rows if rows is not None else (None if format == "json" else _ROWS_SHOWN)
    longest = max_length or model_facts(planned).context_length
    rendered = survey_rows(
        islice(_examples(file, line), limit),
        tokenizer,
        file=file,
        max_length=longest,
        overlong=overlong or "refuse",
        statistics=TokenStatistics(),
    )
    if format == "json":
        refused = _print_json(rendered, tokenizer)
    else:
        refused = _print_text(rendered, tokenizer, hint_of_rows=line is None)
        flags = options.about_rows(chat_template, max_length, overlong)
        typer.echo(f"Next: localft plan --model {quote(model)} --training-file {quote(str(file))}{flags}")
    if refused:
        raise typer.Exit(1)


def _examples(file: Path, line: int | None) -> Iterator[ChatExample]:
    from localft.data.jsonl import read_lines
    from localft.data.reading import read_example, read_examples
    from localft.errors import UsageError

    if line is None:
        yield from read_examples(file)
        return
    count = 0
    for numbered in read_lines(file):
        count = numbered.number
        if numbered.number == line:
            if numbered.is_blank:
                raise UsageError(f"{file}:{line}: expected a row, found a blank line", param="line")
            yield read_example(file, numbered)
            return
    raise UsageError(f"--line {line}: {file} ends at line {count}", param="line")


def _print_json(rendered: Iterator[SurveyedRow], tokenizer: ChatTokenizer) -> int:
    from localft.tokenization.show import row_to_dict

    refused = 0
    for row in rendered:
        entry = row_to_dict(row, tokenizer)
        refused += entry.get("refused") is not None
        sys.stdout.write(json.dumps(entry, ensure_ascii=False) + "\n")
    return refused


def _print_text(rendered: Iterator[SurveyedRow], tokenizer: ChatTokenizer, *, hint_of_rows: bool) -> int:
    from rich.console import Console

    from localft.errors import RowRefused
    from localft.tokenization.survey import DroppedRow

    console = Console(highlight=False, soft_wrap=True)
    shown = refused = 0
    spelled = False
    for row in rendered:
        shown += 1
        if isinstance(row, RowRefused):
            refused += 1
            console.print(f"line {row.line}: refused ({row.code})", style="bold red", markup=False)
            console.print(row.message, markup=False)
        elif isinstance(row, DroppedRow):
            console.print(f"line {row.line}: dropped, since {row.reason}", style="bold yellow", markup=False)
        else:
            spelled |= _print_row(row, tokenizer, console)
        console.print()
    if _is_coloured(console):
        console.print("[bold green]green[/]: trained. [dim]dim[/]: context.")
    else:
        console.print("⟦ ⟧: trained. The rest: context.")
    if spelled:
        console.print("\\<...>: text that spells a control token; it stays text.", markup=False)
    if hint_of_rows:
        console.print(f"{shown} row(s) shown; --line N shows one, --rows N more, --format json all of them as numbers.")
    return refused


def _is_coloured(console: Console) -> bool:
    return console.is_terminal and not console.no_color and console.color_system is not None


def _print_row(row: TokenizedExample, tokenizer: ChatTokenizer, console: Console) -> bool:
    """Prints a row; returns whether text in it spells a control token."""
    from rich.text import Text

    from localft.tokenization.show import text_runs, visible

    trained = sum(weight > 0 for weight in row.loss_weights)
    cut = f" (cut from {len(row.input_ids) + row.cut})" if row.cut else ""
    console.print(f"line {row.line}: {len(row.input_ids)} tokens{cut}, {trained} trained", style="bold", markup=False)
    text = Text()
    spelled = False
    for run in text_runs(row, tokenizer):
        spelled |= run.spells_control
        if run.weight == 0:
            text.append(visible(run.text), style="dim")
        elif _is_coloured(console):
            text.append(visible(run.text), style="bold green")
        else:
            text.append(f"⟦{visible(run.text)}⟧")
    console.print(text)
    return spelled
