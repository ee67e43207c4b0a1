import bz2
import gzip
import json
import lzma
import os
import random
import threading

import pytest

from localft.data import jsonl, validation
from localft.data.jsonl import MAX_LINE_BYTES
from localft.data.validation import validate_file, validate_files
from localft.errors import UsageError


def row(text, **keys):
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "Yes.", **keys}]}


def write(path, rows):
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def codes(problems):
    return [(problem.line, problem.code) for problem in problems]


@pytest.mark.parametrize(("count", "errors"), [(9, [(None, "invalid_n_examples")]), (10, []), (11, [])])
def test_a_training_file_needs_ten_examples(tmp_path, count, errors):
    report = validate_file(write(tmp_path / "train.jsonl", [row(str(i)) for i in range(count)]))
    assert (report.examples, codes(report.errors)) == (count, errors)


def test_the_message_tells_how_many_examples_there_are_and_are_needed(tmp_path):
    report = validate_file(write(tmp_path / "train.jsonl", [row("a"), row("b")]))
    assert report.errors[0].message == (
        "expected at least 10 training examples, found 2; add 8 or more (a validation file may have fewer: give it as "
        "validation_file)"
    )


def test_a_validation_file_needs_one_example(tmp_path):
    assert not validate_file(write(tmp_path / "valid.jsonl", [row("a")]), "validation").errors
    assert codes(validate_file(write(tmp_path / "valid.jsonl", []), "validation").errors) == [(None, "empty_file")]


def test_an_empty_training_file_has_too_few_examples_as_well(tmp_path):
    report = validate_file(write(tmp_path / "train.jsonl", []))
    assert codes(report.errors) == [(None, "empty_file"), (None, "invalid_n_examples")]


def test_invalid_rows_count_as_examples_and_blank_lines_do_not(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join([json.dumps(row(str(i))) for i in range(9)] + ["", "not json", ""]))
    report = validate_file(path)
    assert report.examples == 10
    assert codes(report.errors) == [(11, "invalid_json")]
    assert "1 blank line, the first at line 10" in report.warnings[0].message


def test_lines_are_numbered_as_an_editor_numbers_them(tmp_path):
    path = tmp_path / "valid.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\r\n\r\n" + json.dumps(row("a", weight=2)).encode() + b"\r\n")
    assert codes(validate_file(path, "validation").errors) == [(3, "invalid_weight")]


def test_the_byte_offset_of_invalid_utf8_counts_from_the_start_of_the_file(tmp_path):
    path = tmp_path / "valid.jsonl"
    content = b'\xef\xbb\xbf  {"a": "\xc3\x28"}\n'
    path.write_bytes(content)
    message = validate_file(path, "validation").errors[0].message
    assert f"found byte 0xC3 at byte offset {content.index(0xC3)} of the file" in message


def test_a_line_over_the_limit_is_an_error_with_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 3 << 20)
    monkeypatch.setattr(validation, "MAX_LINE_BYTES", 3 << 20)
    report = validate_file(write(tmp_path / "valid.jsonl", [row("x" * (4 << 20)), row("a")]), "validation")
    assert report.examples == 2
    assert codes(report.errors) == [(1, "line_too_long")]
    assert "at most 3 MiB, found a line of 4.0 MiB" in report.errors[0].message


def test_a_file_over_the_services_limit_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(validation, "SERVICE_FILE_LIMIT_BYTES", 100)
    report = validate_file(write(tmp_path / "valid.jsonl", [row("a"), row("b")]), "validation")
    assert codes(report.warnings) == [(None, "file_too_large")]


def test_rows_in_both_files_are_a_warning_about_the_validation_file(tmp_path):
    training = write(tmp_path / "train.jsonl", [row(str(i)) for i in range(10)])
    held_out = write(tmp_path / "valid.jsonl", [row("new"), row("7"), row("3")])
    report = validate_files(training, held_out)
    assert report.valid
    assert [file.role for file in report.files] == ["training", "validation"]
    assert codes(report.files[0].warnings) == []
    assert codes(report.files[1].warnings) == [(None, "training_validation_overlap")]
    assert "found 2 rows that also stand in" in report.files[1].warnings[0].message
    assert "the first at line 2 (line 8 there)" in report.files[1].warnings[0].message


def test_a_report_is_valid_only_if_both_files_are(tmp_path):
    training = write(tmp_path / "train.jsonl", [row(str(i)) for i in range(10)])
    assert validate_files(training).valid
    assert not validate_files(training, write(tmp_path / "valid.jsonl", [row("a", weight=2)])).valid


def test_a_missing_validation_file_is_a_usage_error_about_that_field(tmp_path):
    training = write(tmp_path / "train.jsonl", [row(str(i)) for i in range(10)])
    with pytest.raises(UsageError) as caught:
        validate_files(training, tmp_path / "nothing.jsonl")
    assert caught.value.param == "validation_file"


def test_a_file_is_not_changed_by_being_validated(tmp_path):
    path = tmp_path / "valid.jsonl"
    content = b'\xef\xbb\xbf{"messages": []}\r\n\r\nnot json\xff'
    path.write_bytes(content)
    validate_file(path, "validation")
    assert path.read_bytes() == content


def test_a_file_name_that_is_not_text_can_be_reported(tmp_path):
    path = tmp_path / "a\udcff.jsonl"
    try:
        write(path, [row("a")])
    except OSError:
        pytest.skip("this file system takes only names that are text")
    json.dumps(validate_file(path, "validation").to_dict(), ensure_ascii=False).encode("utf-8")


def test_a_comma_behind_the_object_is_named(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(row("a")) + ",\n", "utf-8")
    assert "found a comma behind the object at column" in validate_file(path).errors[0].message


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (gzip.compress(b"{}" * 99, mtime=0), "compressed with gzip; unpack it first (gunzip)"),
        (bz2.compress(b"{}" * 99), "compressed with bzip2; unpack it first (bunzip2)"),
        (lzma.compress(b"{}" * 99), "compressed with xz; unpack it first (unxz)"),
        (b"PK\x03\x04 and more,\n" * 20, "compressed with zip; unpack it first (unzip)"),
        (random.Random(0).randbytes(10_000), "a binary file"),
        (random.Random(0).randbytes(200), "a binary file"),
        ('{"messages": []}\n'.encode("utf-16"), "iconv -f UTF-16 -t UTF-8 FILE > OUT"),
        ('{"messages": []}\n'.encode("utf-16-le"), "a binary file"),
    ],
)
def test_a_file_that_is_no_text_is_one_error_that_says_what_to_do(tmp_path, content, hint):
    path = tmp_path / "train.jsonl"
    path.write_bytes(content)
    report = validate_file(path)
    (only,) = report.errors
    assert hint in only.message and only.line is None and not report.warnings


def test_a_file_that_is_read_from_a_pipe_is_validated_from_its_beginning(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = "".join(f"{json.dumps(entry)}\n" for entry in ROWS).encode()
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    report = validate_file(pipe)
    writer.join()
    assert (report.examples, len(report.errors)) == (12, 0)


def test_a_single_control_character_is_a_matter_of_its_row(tmp_path):
    path = write(tmp_path / "train.jsonl", ROWS)
    path.write_bytes(path.read_bytes().replace(b"user", b"us\0er", 1))
    assert codes(validate_file(path).errors) == [(1, "invalid_json")]


def test_a_csv_file_is_told_once_what_it_seems_to_be(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"prompt,completion\na,b\n")
    first, *others = validate_file(path).errors
    assert "looks like CSV" in first.message
    assert not any("looks like CSV" in problem.message for problem in others)


def test_bytes_that_are_no_text_do_not_look_like_csv(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"\xe2,\x9a,\xff\xfe,\n" * 12)
    assert not any("CSV" in problem.message for problem in validate_file(path).errors)


ROWS = [row(str(i)) for i in range(12)]
OBJECTS = [json.dumps(entry) for entry in ROWS]
ARRAYS = {
    "indented": json.dumps(ROWS, indent=2),
    "indented, behind a byte order mark and blank lines": "\ufeff\n\n" + json.dumps(ROWS, indent=4) + "\r\n\n",
    "an object a line": "[\n" + ",\n".join(OBJECTS) + "\n]\n",
    "an object a line, brackets beside them": "[" + ",\n".join(OBJECTS) + "]",
    "on one line": json.dumps(ROWS),
    "on one line that is too long": json.dumps(ROWS * (MAX_LINE_BYTES // 1000)),
}


@pytest.mark.parametrize("content", ARRAYS.values(), ids=ARRAYS)
def test_an_array_around_all_rows_is_one_error_that_says_what_to_do(tmp_path, content):
    path = tmp_path / "train.jsonl"
    path.write_text(content, "utf-8")
    report = validate_file(path)
    assert (codes(report.errors), codes(report.warnings)) == ([(None, "json_array")], [])
    assert "jq -c '.[]' FILE > OUT" in report.errors[0].message


def test_an_array_around_all_rows_shares_none_of_them_with_another_file(tmp_path):
    path = tmp_path / "array.jsonl"
    path.write_text(ARRAYS["an object a line"], "utf-8")
    report = validate_files(path, path)
    assert [codes(file.errors) for file in report.files] == [[(None, "json_array")]] * 2
    assert not report.files[1].warnings


NO_ARRAYS = {
    "an empty array": ["[]", *OBJECTS],
    "an empty array alone": ["[]"],
    "an array among objects": [json.dumps(ROWS[:1]), *OBJECTS],
    "arrays only": [json.dumps([entry]) for entry in ROWS],
    "an array that is broken, among objects": ["[" + OBJECTS[0], *OBJECTS],
    "an array of text": ["[", '"a",', '"b"', "]"],
    "an array that is broken, alone": ['[{"messages": }]'],
    "an array that does not end": ["[", *(f"{entry}," for entry in OBJECTS)],
}


@pytest.mark.parametrize("lines", NO_ARRAYS.values(), ids=NO_ARRAYS)
def test_any_other_line_that_begins_an_array_is_wrong_as_a_line(tmp_path, lines):
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    report = validate_file(path)
    assert report.examples == len(lines)
    assert (report.errors[0].line, report.errors[0].code) in {(1, "not_an_object"), (1, "invalid_json")}
