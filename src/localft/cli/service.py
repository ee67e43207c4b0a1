"""Where `localft jobs` and `localft files` find what they are about: the store of this machine, or a service elsewhere.

Both answer with the service's own objects, so that a command prints the same whichever it asked.
"""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from localft import settings
from localft.errors import Conflict, LocalftError, NotFound, StoreError, UsageError

if TYPE_CHECKING:
    import httpx

    from localft.jobs.store import Page, Store

Shown = dict[str, Any]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url", metavar="URL", help="A service, such as http://host:8000/v1; default: this machine's store."
    ),
]
ApiKey = Annotated[
    str | None,
    typer.Option("--api-key", help="Token of that service; by default LOCALFT_API_KEY.", show_default=False),
]
Format = Annotated[Literal["text", "json"], typer.Option("--format", help="text for people, json for programs.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many to list.")]
After = Annotated[str | None, typer.Option("--after", metavar="ID", help="Go on behind this one.")]
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_CHUNK = 1 << 20


class Service(ABC):
    """What the commands ask of either."""

    @abstractmethod
    def create_job(self, body: Shown) -> Shown: ...

    @abstractmethod
    def job(self, id: str) -> Shown: ...

    @abstractmethod
    def jobs(self, limit: int, after: str | None) -> Shown: ...

    @abstractmethod
    def events(self, id: str, limit: int, after: str | None) -> Shown: ...

    @abstractmethod
    def checkpoints(self, id: str) -> Shown: ...

    @abstractmethod
    def move_job(self, id: str, verb: Literal["cancel", "pause", "resume"]) -> Shown: ...

    @abstractmethod
    def delete_job(self, id: str) -> None: ...

    @abstractmethod
    def upload(self, path: Path, purpose: str) -> Shown: ...

    @abstractmethod
    def files(self, purpose: str | None, limit: int, after: str | None) -> Shown: ...

    @abstractmethod
    def file(self, id: str) -> Shown: ...

    @abstractmethod
    def delete_file(self, id: str) -> None: ...

    @abstractmethod
    def content(self, id: str) -> Iterator[bytes]: ...

    @abstractmethod
    def deploy(self, name: str, model: str) -> None: ...

    @abstractmethod
    def deployments(self, limit: int, after: str | None) -> Shown: ...

    @abstractmethod
    def delete_deployment(self, name: str) -> None: ...


@contextmanager
def service(base_url: str | None, api_key: str | None) -> Iterator[Service]:
    """The service at the address, or the store of this machine where none is given."""
    if base_url is not None:
        with remote_client(base_url, api_key) as client:
            yield Remote(client)
        return
    if api_key is not None:
        raise UsageError("--api-key is for a service; give its --base-url too, or leave both out.")
    from localft.jobs.store import Store

    with Store.open(settings.home()) as store:
        yield Local(store)


class Local(Service):
    """The store of this machine."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create_job(self, body: Shown) -> Shown:
        from localft.jobs.store import JobRequest

        knobs = body["method"]["supervised"]["hyperparameters"]
        renamed = {"hyperparameters": knobs, "recipe": body["localft"], "integrations": tuple(body["integrations"])}
        kept = {key: body[key] for key in ("model", "training_file", "validation_file", "suffix", "seed", "metadata")}
        return self._store.jobs.create(JobRequest(**kept, **renamed)).job.model_dump(mode="json")

    def job(self, id: str) -> Shown:
        return self._store.jobs.get(id).job.model_dump(mode="json")

    def jobs(self, limit: int, after: str | None) -> Shown:
        page = self._store.jobs.page(after, limit)
        return _list([stored.job for stored in page.items], page)

    def events(self, id: str, limit: int, after: str | None) -> Shown:
        page = self._store.jobs.events(id, after, limit)
        return _list(page.items, page)

    def checkpoints(self, id: str) -> Shown:
        page = self._store.jobs.checkpoints(id, limit=10_000)
        return _list(page.items, page)

    def move_job(self, id: str, verb: Literal["cancel", "pause", "resume"]) -> Shown:
        moves = {"cancel": self._store.jobs.cancel, "pause": self._store.jobs.pause, "resume": self._store.jobs.resume}
        return moves[verb](id).job.model_dump(mode="json")

    def delete_job(self, id: str) -> None:
        self._store.jobs.delete(id)

    def upload(self, path: Path, purpose: str) -> Shown:
        with _readable(path), path.open("rb") as content, self._store.files.writer(path.name, purpose) as writer:
            while chunk := content.read(_CHUNK):
                writer.write(chunk)
            return writer.commit().model_dump(mode="json")

    def files(self, purpose: str | None, limit: int, after: str | None) -> Shown:
        page = self._store.files.page(purpose, limit, after)
        return _list(page.items, page)

    def file(self, id: str) -> Shown:
        return self._store.files.get(id).model_dump(mode="json")

    def delete_file(self, id: str) -> None:
        self._store.files.delete(id)

    def content(self, id: str) -> Iterator[bytes]:
        with self._store.files.open(id) as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def deploy(self, name: str, model: str) -> None:
        from localft.jobs.store import Deployment

        self._store.deployments.put(Deployment(name, model))

    def deployments(self, limit: int, after: str | None) -> Shown:
        page = self._store.deployments.page(limit, after)
        data = [{"name": one.name, "model": one.model, "created_at": one.created_at} for one in page.items]
        return {"object": "list", "data": data, "has_more": page.has_more}

    def delete_deployment(self, name: str) -> None:
        self._store.deployments.delete(name)


class Remote(Service):
    """A service over its REST surface."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def create_job(self, body: Shown) -> Shown:
        return self._ask("POST", "fine_tuning/jobs", json=body)

    def job(self, id: str) -> Shown:
        return self._ask("GET", f"fine_tuning/jobs/{_segment(id)}")

    def jobs(self, limit: int, after: str | None) -> Shown:
        return self._ask("GET", "fine_tuning/jobs", params=_given(limit=limit, after=after))

    def events(self, id: str, limit: int, after: str | None) -> Shown:
        return self._ask("GET", f"fine_tuning/jobs/{_segment(id)}/events", params=_given(limit=limit, after=after))

    def checkpoints(self, id: str) -> Shown:
        return self._ask("GET", f"fine_tuning/jobs/{_segment(id)}/checkpoints", params={"limit": 100})

    def move_job(self, id: str, verb: Literal["cancel", "pause", "resume"]) -> Shown:
        return self._ask("POST", f"fine_tuning/jobs/{_segment(id)}/{verb}")

    def delete_job(self, id: str) -> None:
        self._ask("DELETE", f"fine_tuning/jobs/{_segment(id)}")

    def upload(self, path: Path, purpose: str) -> Shown:
        with _readable(path), path.open("rb") as content:
            return self._ask("POST", "files", data={"purpose": purpose}, files={"file": (path.name, content)})

    def files(self, purpose: str | None, limit: int, after: str | None) -> Shown:
        return self._ask("GET", "files", params=_given(purpose=purpose, limit=limit, after=after))

    def file(self, id: str) -> Shown:
        return self._ask("GET", f"files/{_segment(id)}")

    def delete_file(self, id: str) -> None:
        self._ask("DELETE", f"files/{_segment(id)}")

    def content(self, id: str) -> Iterator[bytes]:
        with self._told(), self._client.stream("GET", f"files/{_segment(id)}/content") as answer:
            if not answer.is_success:
                answer.read()
                raise refusal(answer)
            yield from answer.iter_bytes()

    def deploy(self, name: str, model: str) -> None:
        body = {"properties": {"model": {"format": "OpenAI", "name": model}}}
        self._ask("PUT", f"deployments/{_segment(name)}", json=body)

    def deployments(self, limit: int, after: str | None) -> Shown:
        return self._ask("GET", "deployments", params=_given(limit=limit, after=after))

    def delete_deployment(self, name: str) -> None:
        self._ask("DELETE", f"deployments/{_segment(name)}")

    def _ask(self, method: str, path: str, **what: Any) -> Shown:
        with self._told():
            answer = self._client.request(method, path, **what)
        if not answer.is_success:
            raise refusal(answer)
        try:
            body = answer.json() if answer.content else {}
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise StoreError(
                f"{answer.url}: expected an answer in JSON, found {answer.text[:80]!r}; is it a localft service?"
            )
        return body

    @contextmanager
    def _told(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.HTTPError as error:
            raise unreachable(self._client, error) from None


def remote_client(base_url: str, api_key: str | None) -> httpx.Client:
    import httpx

    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise UsageError(f"--base-url is {base_url!r}: {error}.", param="base_url") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(f"--base-url is {base_url!r}; expected such as http://127.0.0.1:8000/v1.", param="base_url")
    if url.path in ("", "/"):
        url = url.copy_with(path="/v1")
    token = api_key or settings.api_key() or _own_token(url.host)
    if token is None:
        raise UsageError("the service wants a token; give --api-key, or set LOCALFT_API_KEY.", param="api_key")
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=httpx.Timeout(60.0))


def unreachable(client: httpx.Client, error: httpx.HTTPError) -> StoreError:
    return StoreError(
        f"{client.base_url}: no service answers ({str(error) or type(error).__name__}); start one with localft serve, or give "
        "another --base-url.",
        code="service_unreachable",
    )


def _own_token(host: str) -> str | None:
    """The token that `localft serve` keeps in LOCALFT_HOME, for a service of this machine and no other."""
    file = settings.home() / "token"
    return file.read_text(encoding="utf-8").strip() if host in _LOOPBACK and file.is_file() else None


def refusal(answer: httpx.Response) -> LocalftError:
    """The service's error as the one that this machine's store would have raised."""
    kinds: dict[int, type[LocalftError]] = {
        400: UsageError,
        404: NotFound,
        409: Conflict,
        413: UsageError,
        422: UsageError,
    }
    try:
        error = answer.json()["error"]
        told = [str(detail["message"]) for detail in error.get("details") or [error]]
        message, code, param = "\n".join(told), error.get("code"), error.get("param")
    except (ValueError, KeyError, TypeError):
        message, code, param = f"{answer.url} answered {answer.status_code}", None, None
    if answer.status_code == 401:
        message = f"the service refuses the token ({message}); give --api-key, or set LOCALFT_API_KEY."
    return kinds.get(answer.status_code, StoreError)(message, code=code, param=param)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        if error.filename is not None and Path(error.filename) == path:
            raise UsageError(
                f"{path}: expected a file to upload, found: {error.strerror}.", code="file_not_found"
            ) from None
        raise


def _segment(id: str) -> str:
    """An id as one part of a path, whatever was typed."""
    from urllib.parse import quote

    if id in ("", ".", ".."):
        raise UsageError(f"{id!r} is no id.")
    return quote(id, safe="")


def _given(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _list(items: Sequence[Any], page: Page[Any]) -> Shown:
    return {"object": "list", "data": [item.model_dump(mode="json") for item in items], "has_more": page.has_more}


def print_json(shown: Shown) -> None:
    json.dump(shown, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what is in them."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def time_of(seconds: int | None) -> str:
    """A moment in this machine's time; empty where there is none."""
    from datetime import datetime

    return "" if seconds is None else datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def print_more(shown: Shown, name: str = "id") -> None:
    """How to see what comes behind, where there is something."""
    if shown["has_more"]:
        typer.echo(f"more: --after {shown['data'][-1][name]}", err=True)
