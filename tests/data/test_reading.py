import json
import pickle

import pytest

from localft.data.jsonl import read_lines
from localft.data.reading import read_example, read_examples, require_valid
from localft.data.validation import validate_files
from localft.errors import DataError


def row(text, **keys):
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "Yes.", **keys}]}


def write(path, rows):
    path.write_text("\n\n".join(json.dumps(row) for row in rows), "utf-8")
    return path


def test_examples_know_their_file_and_line(tmp_path):
    path = write(tmp_path / "train.jsonl", [row("a"), row("b", weight=1), row("c", name="ana")])
    examples = list(read_examples(path))
    assert [(example.file, example.line) for example in examples] == [(str(path), 1), (str(path), 3), (str(path), 5)]
    assert [example.messages[0].content for example in examples] == ["a", "b", "c"]
    assert [example.messages[1].weight for example in examples] == [None, 1, None]


def test_examples_are_read_one_by_one(tmp_path):
    path = write(tmp_path / "train.jsonl", [row("a"), {"messages": []}])
    reading = read_examples(path)
    assert next(reading).line == 1
    with pytest.raises(DataError):
        next(reading)


def test_a_bad_line_raises_with_all_its_errors(tmp_path):
    path = write(tmp_path / "valid.jsonl", [{**row("a", weight=2), "extra": 1}])
    with pytest.raises(DataError) as caught:
        list(read_examples(path, param="validation_file"))
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.code, error.param) == ("invalid_validation_file", "validation_file")
    assert [problem.code for problem in error.report] == ["unknown_key", "invalid_weight"]
    assert f"{path}:1: messages[1].weight: expected the integer 0 or 1, found 2" in str(error)


def test_one_line_can_be_read_alone(tmp_path):
    path = write(tmp_path / "train.jsonl", [row("a"), row("b")])
    assert read_example(path, list(read_lines(path))[2]).messages[0].content == "b"


def test_valid_files_pass(tmp_path):
    require_valid(validate_files(write(tmp_path / "train.jsonl", [row(str(i)) for i in range(10)])))


def test_too_few_examples_have_the_services_code(tmp_path):
    with pytest.raises(DataError, match="found 2; add 8 or more") as caught:
        require_valid(validate_files(write(tmp_path / "train.jsonl", [row("a"), row("b")])))
    assert (caught.value.code, caught.value.param) == ("invalid_n_examples", "training_file")


def test_the_error_of_an_invalid_file_shows_the_first_errors_and_counts_the_rest(tmp_path):
    report = validate_files(write(tmp_path / "train.jsonl", [row(str(i), weight=2) for i in range(25)]))
    with pytest.raises(DataError) as caught:
        require_valid(report)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.code, error.param) == ("invalid_training_file", "training_file")
    lines = str(error).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "… and 5 more; `localft validate` lists them"
    assert len(error.report.files[0].errors) == 25


def test_an_invalid_validation_file_has_a_code_of_its_own(tmp_path):
    training = write(tmp_path / "train.jsonl", [row(str(i)) for i in range(10)])
    with pytest.raises(DataError) as caught:
        require_valid(validate_files(training, write(tmp_path / "valid.jsonl", [row("a", weight=2)])))
    assert (caught.value.code, caught.value.param) == ("invalid_validation_file", "validation_file")


def test_errors_of_both_files_are_raised_together(tmp_path):
    training, validation = tmp_path / "train.jsonl", tmp_path / "valid.jsonl"
    training.write_text("[]\n")
    validation.write_text("{\n")
    with pytest.raises(DataError) as caught:
        require_valid(validate_files(training, validation))
    assert f"{training}:1: " in caught.value.message and f"{validation}:1: " in caught.value.message
    assert (caught.value.code, caught.value.param) == ("invalid_training_file", "training_file")


def test_keys_that_may_be_null_are_read_as_absent(tmp_path):
    empty = {"name": None, "tool_calls": None, "function_call": None, "refusal": None}
    path = write(tmp_path / "train.jsonl", [row("a", **empty), row("a")])
    with_nulls, without = read_examples(path)
    assert with_nulls.messages == without.messages
