"""`localft models`: the catalogue of base models."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from localft.catalog import CatalogEntry

_GIB = 2**30
_RANK = 16
_TOKENS = 8192


def models(
    output_format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="text for people, json for programs.")
    ] = "text",
) -> None:
    """List the base models that localft knows, with the memory that training them takes.

    Other models work too: by hub id once they are downloaded, or by directory.
    """
    from localft.catalog import entries

    if output_format == "json":
        json.dump([_as_json(entry) for entry in entries()], sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        _print(entries())


def _memory_gib(entry: CatalogEntry, quantization: Literal["none", "nf4"]) -> float:
    """Of LoRA training with rank 16 in bfloat16, with gradient checkpointing and 8192 tokens a micro-batch."""
    from localft.plan.memory import estimate

    return estimate(
        entry.shape,
        rank=_RANK,
        quantization=quantization,
        precision="bfloat16",
        tokens=_TOKENS,
        gradient_checkpointing="full",
    ).total_gib


def _as_json(entry: CatalogEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "hub_id": entry.hub_id,
        "licence": entry.licence,
        "gated": entry.gated,
        "parameters": entry.shape.parameters,
        "context_length": entry.context_length,
        "base_learning_rate": entry.base_learning_rate,
        "base_learning_rate_source": entry.base_learning_rate_source,
        "chat_template": entry.chat_template,
        "memory_gib": {"lora": _memory_gib(entry, "none"), "qlora": _memory_gib(entry, "nf4")},
    }


def _print(entries: tuple[CatalogEntry, ...]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for column in ("id", "from", "licence"):
        table.add_column(column, no_wrap=True)
    for column in ("params", "context", "base lr", "LoRA\nGiB", "QLoRA\nGiB"):
        table.add_column(column, justify="right", no_wrap=True)
    for entry in entries:
        table.add_row(
            Text(entry.id),
            Text(entry.hub_id.partition("/")[0] if entry.hub_id else "localft"),
            Text(entry.licence + (", gated" if entry.gated else "")),
            _short(entry.shape.parameters),
            str(entry.context_length),
            f"{'' if entry.pretraining_learning_rate else '~'}{entry.base_learning_rate:.2g}",
            f"{_memory_gib(entry, 'none'):.1f}",
            f"{_memory_gib(entry, 'nf4'):.1f}",
        )
    console = Console(highlight=False)
    shown = console.width
    wide = console.options.update(max_width=1000)
    console.width = max(shown, console.measure(table, options=wide).maximum)  # a row stays one line, and an id whole
    console.print(table)
    console.width = shown
    console.print(
        Text(
            "from: who gives the model; gated: accept the licence on the hub first. params: M million, B billion. base lr: the "
            "learning rate of the pretraining, or with ~ that of the fallback formula. GiB: memory for training with rank "
            f"{_RANK}, bfloat16, gradient checkpointing and {_TOKENS} tokens a micro-batch. Hub ids and sources: --format json\n"
            "What to do next:\n  localft plan --model ID --training-file FILE"
        )
    )


def _short(parameters: int) -> str:
    return f"{parameters / 1e9:.1f}B" if parameters >= 1e9 else f"{parameters / 1e6:.0f}M"
