"""Each file of tests/fixtures/data, one a rule, gives exactly the report that stands beside it."""

import json
from pathlib import Path

import pytest

from localft.data.problems import RULES
from localft.data.validation import validate_file

FIXTURES = Path(__file__).parents[1] / "fixtures" / "data"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.jsonl"))

MADE_IN_A_TEST = {"line_too_long", "more_problems", "file_too_large", "training_validation_overlap"}
"""Codes whose files would be too large to keep, or that take two files."""


def expected_report(name):
    return json.loads((FIXTURES / f"{name}.expected.json").read_text("utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_gives_the_report_beside_it(name):
    expected = expected_report(name)
    report = validate_file(FIXTURES / f"{name}.jsonl", expected["role"]).to_dict()
    report["path"] = Path(report["path"]).name
    assert report == expected


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("valid_")])
def test_a_fixture_called_valid_has_neither_errors_nor_warnings(name):
    expected = expected_report(name)
    assert (expected["errors"], expected["warnings"]) == ([], [])


def test_every_code_has_a_fixture_of_its_name_or_a_test_of_its_own():
    assert set(RULES) - {name for name in NAMES if name in RULES} == MADE_IN_A_TEST


@pytest.mark.parametrize("name", [name for name in NAMES if name in RULES])
def test_a_fixture_named_after_a_code_shows_that_code(name):
    expected = expected_report(name)
    assert name in {problem["code"] for problem in expected[f"{RULES[name].severity}s"]}
