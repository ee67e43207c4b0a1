"""`localft deploy`: names of one's own for models, in this machine's store or at a service."""

from __future__ import annotations

from typing import Annotated

import typer

from localft.cli.service import (
    After,
    ApiKey,
    BaseUrl,
    Format,
    Limit,
    print_json,
    print_more,
    print_table,
    service,
    time_of,
)

deploy = typer.Typer(
    help="Give models names, by which chats may ask for them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="1 to 64 of A-Z a-z 0-9 _ . -", show_default=False)]


@deploy.command()
def create(
    name: Name,
    model: Annotated[
        str,
        typer.Option(
            "--model", help="Base model, fine-tuned model, or name or id of a checkpoint.", show_default=False
        ),
    ],
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Make a deployment, or point the one of that name at another model."""
    with service(base_url, api_key) as there:
        there.deploy(name, model)
    typer.echo(f"{name} is now {model}")


@deploy.command("list")
def list_(
    limit: Limit = 100,
    after: After = None,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
    output_format: Format = "text",
) -> None:
    """List deployments, newest first."""
    with service(base_url, api_key) as there:
        found = there.deployments(limit, after)
    if output_format == "json":
        print_json(found)
        return
    rows = [(one["name"], one["model"], time_of(one["created_at"])) for one in found["data"]]
    print_table(("NAME", "MODEL", "CREATED"), rows)
    print_more(found, "name")


@deploy.command()
def delete(name: Name, base_url: BaseUrl = None, api_key: ApiKey = None) -> None:
    """Delete a deployment. Its model stays."""
    with service(base_url, api_key) as there:
        there.delete_deployment(name)
    typer.echo(f"{name} is deleted")
