"""Validation keeps its memory whatever the file holds. Measured as the peak of a process of its own."""

import json
import subprocess
import sys

import pytest

from localft.data.jsonl import MAX_LINE_BYTES

MEASURE = """
import resource, sys
from localft.data.report import text_lines, write_json
from localft.data.validation import validate_files
report = validate_files(*sys.argv[2:])
with open(sys.argv[1], "wb") as stream:
    write_json(report, stream)
for line in text_lines(report):
    pass
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak // 1024 if sys.platform == "darwin" else peak)
"""
LIMIT_KILOBYTES = 256 * 1024
SIZE = 100_000_000


def measured(tmp_path, *paths):
    """Peak memory in kB of validating the files and writing both reports, and the JSON report's path."""
    output = tmp_path / "report.json"
    command = [sys.executable, "-c", MEASURE, str(output), *map(str, paths)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout), output


def write_repeatedly(path, block, size=SIZE):
    with open(path, "wb") as file:
        for _ in range(size // len(block) + 1):
            file.write(block)
    return path


def rows(count):
    question = {"role": "user", "content": "word " * 200}
    examples = [{"messages": [question, {"role": "assistant", "content": str(i)}]} for i in range(count)]
    return b"".join(json.dumps(example).encode() + b"\n" for example in examples)


def test_a_valid_file_of_100_mb_stays_under_256_mb(tmp_path):
    path = write_repeatedly(tmp_path / "train.jsonl", rows(2000))
    peak, output = measured(tmp_path, path, path)
    assert json.loads(output.read_bytes())["valid"]
    assert peak < LIMIT_KILOBYTES


def test_a_file_of_100_mb_with_an_error_on_every_line_stays_under_256_mb(tmp_path):
    path = write_repeatedly(tmp_path / "train.jsonl", b"{" + b"x" * 3998 + b"\n")
    peak, output = measured(tmp_path, path)
    assert peak < LIMIT_KILOBYTES
    with open(output, "rb") as stream:
        assert sum(b'"invalid_json"' in line for line in stream) == SIZE // 4000 + 1


@pytest.mark.parametrize("block", [b"{}\n", b"\n"], ids=["short errors", "blank lines"])
def test_many_short_lines_stay_under_256_mb(tmp_path, block):
    path = write_repeatedly(tmp_path / "train.jsonl", block, size=100_000)
    peak, _ = measured(tmp_path, path)
    assert peak < LIMIT_KILOBYTES


def test_a_file_of_100_mb_without_a_line_end_stays_under_256_mb(tmp_path):
    path = write_repeatedly(tmp_path / "train.jsonl", b"[" * 1_000_000)
    peak, output = measured(tmp_path, path)
    assert peak < LIMIT_KILOBYTES
    errors = json.loads(output.read_bytes())["files"][0]["errors"]
    assert [error["code"] for error in errors] == ["line_too_long", "invalid_n_examples"]


def test_a_line_of_many_errors_stays_under_256_mb(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b'{"messages": [' + b"{}," * 100_000 + b'""]}\n')
    peak, output = measured(tmp_path, path)
    assert peak < LIMIT_KILOBYTES
    assert b'"more_problems"' in output.read_bytes()


@pytest.mark.parametrize("block", [b'{"":0},', b"[0],", b'"a",'], ids=["objects", "arrays", "texts"])
def test_the_longest_line_that_is_read_stays_under_256_mb_once_parsed(tmp_path, block):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b'{"messages": {"x": [' + block * ((MAX_LINE_BYTES - 100) // len(block)) + b"0]}}\n")
    peak, output = measured(tmp_path, path)
    assert peak < LIMIT_KILOBYTES
    assert b'"wrong_type"' in output.read_bytes()
