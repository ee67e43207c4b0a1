"""`localft files`: the files of the store, or of a service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from localft.cli.service import (
    After,
    ApiKey,
    BaseUrl,
    Format,
    Limit,
    Shown,
    print_json,
    print_more,
    print_table,
    service,
    time_of,
)
from localft.errors import UsageError

files = typer.Typer(
    help="Upload, list, show and delete files, in this machine's store or at a service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Purpose = Annotated[
    Literal["fine-tune", "assistants", "batch", "vision", "user_data", "evals"],
    typer.Option("--purpose", help="What the file is for; fine-tune for data to train on."),
]
FileId = Annotated[str, typer.Argument(metavar="ID", help="Id of a file, file-...", show_default=False)]


@files.command()
def upload(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File to upload.", show_default=False)],
    purpose: Purpose = "fine-tune",
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
    output_format: Format = "text",
) -> None:
    """Take a file into the store and print its id."""
    with service(base_url, api_key) as there:
        file = there.upload(path, purpose)
    print_json(file) if output_format == "json" else typer.echo(file["id"])


@files.command("list")
def list_(
    purpose: Annotated[str | None, typer.Option("--purpose", help="Those of one purpose alone.")] = None,
    limit: Limit = 100,
    after: After = None,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
    output_format: Format = "text",
) -> None:
    """List files, the newest first; the results of jobs too."""
    with service(base_url, api_key) as there:
        shown = there.files(purpose, limit, after)
    if output_format == "json":
        print_json(shown)
        return
    _print(shown["data"])
    print_more(shown)


@files.command()
def show(id: FileId, base_url: BaseUrl = None, api_key: ApiKey = None, output_format: Format = "text") -> None:
    """Show what is known of a file."""
    with service(base_url, api_key) as there:
        file = there.file(id)
    print_json(file) if output_format == "json" else _print([file])


@files.command()
def delete(id: FileId, base_url: BaseUrl = None, api_key: ApiKey = None) -> None:
    """Delete a file that no waiting or running job needs."""
    with service(base_url, api_key) as there:
        there.delete_file(id)
    typer.echo(f"{id} is deleted")


@files.command()
def content(
    id: FileId,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; by default it goes to stdout.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file that is there.")] = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Write the content of a file, such as the results of a job."""
    if output is not None and output.exists() and not replace:
        raise UsageError(f"--output {output}: a file is there; name another, or give --replace.", param="output")
    with service(base_url, api_key) as there:
        if output is None:
            for chunk in there.content(id):
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            return
        chunks = there.content(id)
        first = next(chunks, b"")  # an id that is not there leaves no empty file behind
        with output.open("wb") as file:
            file.write(first)
            for chunk in chunks:
                file.write(chunk)
            written = file.tell()
    typer.echo(f"wrote {written:,} bytes to {output}", err=True)


def _print(shown: list[Shown]) -> None:
    head = ("ID", "BYTES", "CREATED", "PURPOSE", "FILENAME")
    rows = [
        (file["id"], str(file["bytes"]), time_of(file["created_at"]), file["purpose"], printable(file["filename"]))
        for file in shown
    ]
    print_table(head, rows)


def printable(text: str) -> str:
    """A stranger's text for a terminal: what is not printable is escaped."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
