"""Files and uploads: what is kept, what is refused, and that a client's name for a file is never a path."""

from __future__ import annotations

import hashlib
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import openai
import pytest

from localft.api.routes import files as file_routes
from served import TOKEN, Service
from service import rows

BOUNDARY = "a-boundary"


def part(disposition: str, content: bytes) -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


PURPOSE = part('name="purpose"', b"fine-tune")
FILE = part('name="file"; filename="train.jsonl"', b"{}\n")
TYPE = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def on_disk(home: Path) -> set[str]:
    """All files below a home but the database's."""
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and "localft.db" not in path.name}


def test_a_file_comes_back_byte_for_byte_under_every_family(shared: Service) -> None:
    content = bytes(range(256)) * 5000
    clients = [shared.openai(path) for path in ("/v1", "/openai/v1", "/api/projects/p/openai/v1")]
    for client in [*clients, shared.azure()]:
        file = client.files.create(file=("täglich 1.jsonl", content), purpose="fine-tune")
        assert (file.filename, file.bytes, file.status) == ("täglich 1.jsonl", len(content), "processed")
        assert client.files.retrieve(file.id) == file
        assert client.files.content(file.id).read() == content
        assert client.files.wait_for_processing(file.id).id == file.id
        assert client.files.delete(file.id).deleted
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(file.id)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("filename*=UTF-8''f%C3%BCr%20alle.jsonl", "für alle.jsonl"),
        ("filename=\"plain.jsonl\"; filename*=utf-8'de'f%C3%BCr.jsonl", "für.jsonl"),
        ("filename=\"plain.jsonl\"; filename*=iso-8859-1''f%FCr.jsonl", "plain.jsonl"),
    ],
)
def test_an_extended_filename_goes_before_the_plain_one(fresh: Service, disposition: str, name: str) -> None:
    body = form(PURPOSE, part(f'name="file"; {disposition}', b"{}\n"))
    with fresh.http() as client:
        assert client.post("/v1/files", content=body, headers=TYPE).json()["filename"] == name


def test_azures_dated_api_answers_a_creation_with_201_and_where_it_is(fresh: Service) -> None:
    raw = fresh.azure().files.with_raw_response.create(file=("a.jsonl", rows(1)), purpose="fine-tune")
    location = raw.headers["location"]
    assert raw.status_code == 201
    assert "status_details" not in raw.http_response.json()
    with fresh.http() as client:
        assert client.get(location).json()["id"] == raw.parse().id
    raw = fresh.openai().files.with_raw_response.create(file=("a.jsonl", rows(1)), purpose="fine-tune")
    assert raw.status_code == 200 and "location" not in raw.headers


def test_listing_files_ends_and_honours_after_order_and_purpose(fresh: Service) -> None:
    client = fresh.openai()
    made = [client.files.create(file=(f"{i}.jsonl", b"{}\n"), purpose="fine-tune").id for i in range(5)]
    other = client.files.create(file=("b.jsonl", b"{}\n"), purpose="batch").id
    assert [file.id for file in client.files.list(limit=2)] == [other, *reversed(made)]
    assert [file.id for file in client.files.list(limit=2, order="asc", purpose="fine-tune")] == made
    assert [file.id for file in client.files.list(after=made[2])] == [made[1], made[0]]
    with pytest.raises(openai.BadRequestError) as refused:
        client.files.list(after="file-unknown")
    assert refused.value.param == "after"


def test_the_fields_may_stand_behind_the_file(fresh: Service) -> None:
    with fresh.http() as client:
        response = client.post("/v1/files", content=form(FILE, PURPOSE), headers=TYPE)
    assert (response.status_code, response.json()["purpose"]) == (200, "fine-tune")


def test_a_file_may_delete_itself(fresh: Service) -> None:
    anchor: Any = {"anchor": "created_at", "seconds": 7200}
    file = fresh.openai().files.create(file=("a.jsonl", rows(1)), purpose="fine-tune", expires_after=anchor)
    assert file.expires_at == file.created_at + 7200


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (form(FILE), "purpose"),
        (form(PURPOSE), "file"),
        (form(part('name="purpose"', b"fine-tune-results"), FILE), "purpose"),
        (form(part('name="purpose"', b"\xff"), FILE), "purpose"),
        (form(PURPOSE, FILE, FILE), "second"),
        (form(PURPOSE, part("x=1", b"")), "name"),
        (form(PURPOSE, part('name="file"; filename="' + "x" * 2000 + '"', b"")), "filename"),
        (form(PURPOSE, part('name="expires_after[seconds]"', b"1"), FILE), "expires_after"),
        (form(PURPOSE, part('name="expires_after[anchor]"', b"created_at"), FILE), "expires_after"),
        (form(*[part(f'name="f{i}"', b"") for i in range(50)]), "parts"),
        (form(part('name="purpose"', b"x" * 100_000), FILE), "bytes"),
        (PURPOSE + FILE, "boundary"),
        (b"", "boundary"),
        (b"no form at all", "form"),
    ],
)
def test_a_form_that_is_not_right_is_refused_and_nothing_of_it_is_kept(fresh: Service, body: bytes, word: str) -> None:
    before = on_disk(fresh.store.home)
    with fresh.http() as client:
        response = client.post("/v1/files", content=body, headers=TYPE)
    assert response.status_code == 400
    assert word in response.json()["error"]["message"]
    assert on_disk(fresh.store.home) == before


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "multipart/mixed; boundary=b", None])
def test_a_body_that_is_no_form_is_refused(fresh: Service, kind: str | None) -> None:
    with fresh.http() as client:
        response = client.post("/v1/files", content=b"{}", headers={"Content-Type": kind} if kind else {})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_content_type")


def test_a_file_beyond_the_limit_is_413_whether_its_length_is_told_or_not(
    fresh: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_routes, "MAX_FILE_BYTES", 3_000_000)
    big = form(PURPOSE, part('name="file"; filename="big"', b"x" * 5_000_000))
    before = on_disk(fresh.store.home)
    with fresh.http() as client:
        told = client.post("/v1/files", content=big, headers=TYPE)
        untold = client.post("/v1/files", content=iter([big]), headers=TYPE)
    for response in (told, untold):
        assert (response.status_code, response.json()["error"]["code"]) == (413, "file_too_large")
    assert on_disk(fresh.store.home) == before


def send_part_of_an_upload(service: Service, share: float) -> None:
    """Cuts the connection in the middle of a file."""
    content = form(PURPOSE, part('name="file"; filename="cut.jsonl"', b"x" * 3_000_000))
    place = urlsplit(service.address)
    head = (
        f"POST /v1/files HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: {TYPE['Content-Type']}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection((place.hostname or "", place.port or 0)) as connection:
        connection.sendall(head.encode() + content[: int(len(content) * share)])


def test_an_upload_that_is_cut_off_leaves_nothing(fresh: Service) -> None:
    before = on_disk(fresh.store.home)
    for share in (0.0, 0.1, 0.5, 0.9, 0.99999):
        send_part_of_an_upload(fresh, share)
    deadline = time.monotonic() + 20
    while on_disk(fresh.store.home) != before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert on_disk(fresh.store.home) == before
    assert list(fresh.openai().files.list()) == []


TRAVERSALS = [
    up * depth + target
    for up in ("../", "..\\", "..%2f", "%2e%2e/", "....//")
    for depth in (1, 8)
    for target in ("escaped", "etc/passwd", "localft.db", "token", ".ssh/authorized_keys")
]  # fmt: skip


def test_fifty_names_that_climb_write_nothing_outside_of_the_store(tmp_path: Path, fresh: Service) -> None:
    assert len(TRAVERSALS) == 50
    token = fresh.store.home / "token"
    token.write_text("as it was")
    outside = sorted(tmp_path.rglob("*"))
    outside = [
        path
        for path in outside
        if not path.is_relative_to(fresh.store.home / "files") and "localft.db" not in path.name
    ]
    client = fresh.openai()
    for name in [*TRAVERSALS, "/tmp/localft-escaped", "C:\\escaped", "\x00", "a\nb", "."]:
        disposition = f'name="file"; filename="{name}"'
        with fresh.http() as http:
            response = http.post("/v1/files", content=form(PURPOSE, part(disposition, b"climbed")), headers=TYPE)
            assert response.status_code in (200, 400), name
            escaped = http.get(f"/v1/files/{quote(name, safe='')}/content")
            assert escaped.status_code == 404, name
            assert http.delete(f"/v1/files/{quote(name, safe='')}").status_code in (404, 405), name
        upload = client.uploads.create(bytes=7, filename=name.replace("\x00", "0"), mime_type="x", purpose="fine-tune")
        piece = client.uploads.parts.create(upload.id, data=(name.replace("\x00", "0").replace("\n", ""), b"climbed"))
        client.uploads.complete(upload.id, part_ids=[piece.id])
    kept = {path.name for path in (fresh.store.home / "files").iterdir()}
    assert kept and all(name.startswith("file-") and name[5:].isalnum() for name in kept)
    now = sorted(tmp_path.rglob("*"))
    now = [
        path for path in now if not path.is_relative_to(fresh.store.home / "files") and "localft.db" not in path.name
    ]
    assert now == outside
    assert token.read_text() == "as it was"
    assert not Path("/tmp/localft-escaped").exists()


def test_an_upload_in_parts_becomes_one_file_in_the_order_asked_for(fresh: Service) -> None:
    client, halves = fresh.openai(), (b"first half,", b"second half")
    upload = client.uploads.create(bytes=22, filename="whole.jsonl", mime_type="text/jsonl", purpose="fine-tune")
    second, first = (client.uploads.parts.create(upload.id, data=data) for data in reversed(halves))
    digest = hashlib.md5(b"".join(halves)).hexdigest()
    done = client.uploads.complete(upload.id, part_ids=[first.id, second.id], md5=digest)
    assert done.status == "completed" and done.file is not None
    assert client.files.content(done.file.id).read() == b"".join(halves)


def test_the_clients_own_chunked_upload_works(fresh: Service, tmp_path: Path) -> None:
    content = rows(2000)
    file = tmp_path / "train.jsonl"
    file.write_bytes(content)
    client = fresh.openai()
    done = client.uploads.upload_file_chunked(file=file, mime_type="text/jsonl", purpose="fine-tune", part_size=40_000)
    assert done.file is not None and client.files.content(done.file.id).read() == content


def test_a_cancelled_upload_takes_no_more_parts_and_keeps_none(fresh: Service) -> None:
    client = fresh.openai()
    upload = client.uploads.create(bytes=5, filename="a", mime_type="x", purpose="fine-tune")
    client.uploads.parts.create(upload.id, data=b"hello")
    assert client.uploads.cancel(upload.id).status == "cancelled"
    with pytest.raises(openai.ConflictError):
        client.uploads.parts.create(upload.id, data=b"hello")
    assert list((fresh.store.home / "uploads").iterdir()) == []
