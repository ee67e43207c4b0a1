"""Forms with a file in them, handed on as they arrive: a file is never whole in memory, and never on disk twice.

The framework's own form reader keeps files in a temporary directory until they are whole. Here each piece of the file goes to
a sink that the route opens, in a thread, a mebibyte at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Protocol
from urllib.parse import unquote_to_bytes

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from localft.api.errors import Problem, Refused, bad_request

MIB = 1024 * 1024
_MAX_FIELD_BYTES = 64 * 1024
_MAX_FIELDS = 32
_OVERHEAD_BYTES = MIB
"""What boundaries, headers and fields may take beside the file."""
_EXTENDED_NAME = re.compile(rb";\s*filename\*\s*=\s*utf-8'[^';]*'([^\s;\"]+)", re.IGNORECASE)
"""A file's name as RFC 5987 writes one that is not ASCII. The parser of options leaves it out."""


class Sink(Protocol):
    """Where a file goes to."""

    def write(self, data: bytes, /) -> object: ...


class _Parts:
    """Collects what the parser tells, as (what, data) in order."""

    def __init__(self, boundary: bytes) -> None:
        self._told: list[tuple[str, bytes]] = []
        self._header = [b"", b""]
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": lambda: self._told.append(("begin", b"")),
                "on_header_field": lambda data, start, end: self._extend(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._extend(1, data[start:end]),
                "on_header_end": self._header_ended,
                "on_headers_finished": lambda: self._told.append(("headers", b"")),
                "on_part_data": lambda data, start, end: self._told.append(("data", data[start:end])),
                "on_part_end": lambda: self._told.append(("end", b"")),
                "on_end": lambda: self._told.append(("whole", b"")),
            },
        )

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes]]:
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise bad_request(f"body: expected multipart/form-data, found an error in it: {error}") from None
        told, self._told = self._told, []
        return iter(told)

    def _extend(self, index: int, data: bytes) -> None:
        self._header[index] += data

    def _header_ended(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._told.append(("disposition", self._header[1]))
        self._header = [b"", b""]


class FileForm:
    """Reads one form: its fields into `fields`, its one file into the sink that `open_sink` makes of the file's name."""

    def __init__(self, file_field: str, limit_bytes: int, open_sink: Callable[[str], Sink]) -> None:
        self.fields: dict[str, str] = {}
        self._file_field = file_field
        self._limit_bytes = limit_bytes
        self._open_sink = open_sink
        self._sink: Sink | None = None
        self._file_bytes = 0
        self._pending = bytearray()
        self._name = ""
        self._filename: str | None = None
        self._is_file = False
        self._value = bytearray()
        self._parts_seen = 0
        self._whole = False

    async def read(self, request: Request) -> None:
        """Reads to the end; Refused says what is wrong with the form."""
        parts = _Parts(_boundary(request))
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._limit_bytes + _OVERHEAD_BYTES:
            raise self._too_large()
        async for chunk in request.stream():
            for what, data in parts.feed(chunk):
                self._take(what, data)
            if len(self._pending) >= MIB:
                await self._hand_on()
        if not self._whole:
            raise bad_request("body: expected a closing boundary, found the form's end before it", code="cut_off")
        if self._sink is None:
            raise bad_request(
                f"{self._file_field}: expected a file, found none",
                param=self._file_field,
                code="missing_required_parameter",
            )
        await self._hand_on()

    async def _hand_on(self) -> None:
        if self._sink is not None and self._pending:
            data, self._pending = bytes(self._pending), bytearray()
            await run_in_threadpool(self._sink.write, data)

    def _take(self, what: str, data: bytes) -> None:
        match what:
            case "begin":
                self._begin()
            case "disposition":
                self._disposition(data)
            case "headers":
                self._headers_ended()
            case "data" if self._is_file:
                self._file_bytes += len(data)
                if self._file_bytes > self._limit_bytes:
                    raise self._too_large()
                self._pending += data
            case "data":
                self._value += data
                if len(self._value) > _MAX_FIELD_BYTES:
                    raise bad_request(f"{self._name[:80]}: expected at most {_MAX_FIELD_BYTES:,} bytes, found more")
            case "end" if not self._is_file:
                self.fields[self._name] = _text(bytes(self._value), self._name)
            case "whole":
                self._whole = True

    def _begin(self) -> None:
        self._name, self._filename, self._is_file = "", None, False
        self._value.clear()
        self._parts_seen += 1
        if self._parts_seen > _MAX_FIELDS:
            raise bad_request(f"body: expected at most {_MAX_FIELDS} parts, found more")

    def _disposition(self, value: bytes) -> None:
        _, options = parse_options_header(value.decode("latin-1"))
        self._name = _text(options.get(b"name", b""), "name")
        if (extended := _EXTENDED_NAME.search(value)) is not None:  # goes before the plain one, RFC 6266
            self._filename = _text(unquote_to_bytes(extended[1]), "filename*")
        elif b"filename" in options:
            self._filename = _text(options[b"filename"], "filename")

    def _headers_ended(self) -> None:
        if not self._name:
            raise bad_request("body: expected each part to have a name in its Content-Disposition, found one without")
        self._is_file = self._name == self._file_field
        if self._is_file and self._sink is not None:
            raise bad_request(f"{self._name}: expected one file, found a second one", param=self._name)
        if self._is_file:
            self._sink = self._open_sink(self._filename or "")

    def _too_large(self) -> Refused:
        message = f"{self._file_field}: expected at most {self._limit_bytes // MIB} MB, found more"
        return Refused(Problem(413, message, "file_too_large", self._file_field))


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise bad_request("Content-Type: expected multipart/form-data with a boundary", code="invalid_content_type")
    if len(boundary) > 256:
        raise bad_request("Content-Type: expected a boundary of at most 256 bytes", code="invalid_content_type")
    return boundary


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise bad_request(f"{where[:80]}: expected UTF-8, found other bytes") from None
