import io
import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from localft.data.problems import Problem
from localft.data.report import describe, summed_warnings, text_lines, write_json
from localft.data.validation import FileReport, ValidationReport, validate_file, validate_files

FIXTURES = Path(__file__).parents[1] / "fixtures" / "data"
COUNTS = {"rows": 10, "examples": 10, "tokens": 1000, "trained_tokens": 250, "trained_share": 0.25, "longest": 120}
TOKENS = {
    "training": COUNTS,
    "validation": None,
    "max_length": 8192,
    "batch_size": 1,
    "n_epochs": 10,
    "steps_per_epoch": 10,
    "total_steps": 100,
}


def report_of(errors=(), warnings=(), tokens=None):
    file = FileReport("train.jsonl", "training", 10, list(errors), list(warnings))
    return ValidationReport(valid=not errors, files=(file,), tokens=tokens)


def written(report):
    stream = io.BytesIO()
    write_json(report, stream)
    return stream.getvalue().decode("utf-8")


def schema():
    return json.loads(resources.files("localft.data").joinpath("schemas/validate.schema.json").read_text("utf-8"))


def test_the_published_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_the_json_is_the_reports_dictionary_and_fits_the_published_schema(path):
    report = validate_files(path, path)
    output = json.loads(written(report))
    assert output == report.to_dict()
    jsonschema.validate(output, schema(), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("tokens", [None, TOKENS, {**TOKENS, "validation": COUNTS}])
def test_token_counts_fit_the_published_schema(tokens):
    output = json.loads(written(report_of(tokens=tokens)))
    assert output["tokens"] == tokens
    jsonschema.validate(output, schema(), cls=jsonschema.Draft202012Validator)


def test_an_output_with_a_key_too_many_does_not_fit_the_schema():
    output = {**report_of().to_dict(), "extra": 1}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(output, schema(), cls=jsonschema.Draft202012Validator)


def test_the_keys_stand_in_the_order_of_the_design():
    output = json.loads(written(report_of([Problem(17, "messages[2].weight", "invalid_weight", "expected …")])))
    assert list(output) == ["valid", "files", "tokens"]
    assert list(output["files"][0]) == ["path", "role", "examples", "errors", "warnings"]
    assert list(output["files"][0]["errors"][0]) == ["line", "path", "code", "message"]


def test_a_finding_is_one_line_with_its_place_and_code():
    assert describe("a.jsonl", Problem(17, "messages[2].weight", "invalid_weight", "expected 0")) == (
        "a.jsonl:17: messages[2].weight: expected 0 [invalid_weight]"
    )
    assert describe("a.jsonl", Problem(17, None, "too_deep", "expected")) == "a.jsonl:17: expected [too_deep]"
    assert describe("a.jsonl", Problem(None, None, "empty_file", "expected")) == "a.jsonl: expected [empty_file]"


def test_the_text_shows_the_first_of_each_code_and_counts_the_rest():
    errors = [Problem(line, None, code, "m") for line in range(1, 31) for code in ("unknown_key", "wrong_type")]
    lines = list(text_lines(report_of(errors)))
    assert sum("[unknown_key]" in line for line in lines) == 20
    assert "  … and 10 more of unknown_key; --format json lists all" in lines
    assert "  … and 10 more of wrong_type; --format json lists all" in lines


def test_the_text_goes_by_line_and_ends_with_what_holds_for_the_whole_file():
    places = [(None, "blank_lines"), (1, "b"), (2, "a"), (2, "b"), (3, "a"), (30, "b")]
    found = [Problem(line, None, code, "m") for line, code in (places[0], *sorted(places[1:], key=lambda at: at[1]))]
    lines = list(text_lines(report_of(found)))
    shown = [line.removeprefix("  train.jsonl") for line in lines if line.endswith("]")]
    assert shown == [":1: m [b]", ":2: m [a]", ":2: m [b]", ":3: m [a]", ":30: m [b]", ": m [blank_lines]"]


def test_the_text_of_an_invalid_report_says_to_mend_the_errors():
    text = "\n".join(text_lines(report_of([Problem(1, None, "unknown_key", "m")])))
    assert "train.jsonl: 10 examples, 1 error, 0 warnings" in text
    assert text.endswith("docs/data-format.md and docs/masking.md explain each code.")


def test_the_text_of_a_valid_report_says_what_to_do_next():
    text = "\n".join(text_lines(report_of()))
    assert "  localft show train.jsonl --model MODEL\n" in text
    assert "  localft plan --model MODEL --training-file train.jsonl\n" in text


def test_the_next_commands_can_be_copied_as_they_stand():
    training = FileReport("my data.jsonl", "training", 10, [], [])
    validation = FileReport("held out.jsonl", "validation", 2, [], [])
    text = "\n".join(text_lines(ValidationReport(True, (training, validation)), model="tiny"))
    assert "localft plan --model tiny --training-file 'my data.jsonl' --validation-file 'held out.jsonl'\n" in text


def test_each_of_two_files_is_told_with_its_part() -> None:
    files = (FileReport("a.jsonl", "training", 10, [], []), FileReport("b.jsonl", "validation", 2, [], []))
    text = "\n".join(text_lines(ValidationReport(True, files, {**TOKENS, "validation": COUNTS})))
    assert "a.jsonl (training file): 10 examples" in text and "b.jsonl (validation file): 2 examples" in text
    assert "training file: 1000 tokens" in text and "validation file: 1000 tokens" in text


def test_the_text_tells_the_token_counts_where_there_are_any():
    text = "\n".join(text_lines(report_of(tokens=TOKENS)))
    assert "\n1000 tokens, 250 of them trained (25.0%); the longest example has 120" in text
    assert "with automatic hyperparameters: 10 epochs of 10 steps, 100 in all; 1 example a step" in text


def test_no_finding_breaks_a_line_of_the_text(tmp_path):
    path = tmp_path / "data.jsonl"
    key = "a\nb\x1b[31m\x7f\u0085"
    path.write_text(json.dumps({"messages": [{"role": key, "content": "x", key: 1}], key: 2}))
    report = validate_file(path, "validation")
    assert all("\n" not in describe("f", problem) and "\x1b" not in describe("f", problem) for problem in report.errors)


def test_warnings_are_summed_by_code_with_their_first_lines(tmp_path: Path) -> None:
    row = '{"messages": [{"role": "system", "content": "%d"}, {"role": "assistant", "content": "x"}]}\n'
    file = tmp_path / "train.jsonl"
    file.write_text("".join(row % n for n in range(12)) + "\n")
    summed = list(summed_warnings(validate_files(file)))
    assert summed[0].startswith("train.jsonl: 12 warnings of no_user_message, in lines 1, 2, 3, 4, 5, …; the first: ")
    assert summed[1].startswith("train.jsonl: expected an example on each line") and len(summed) == 2
