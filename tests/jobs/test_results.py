"""results.csv: exact bytes, and what a continued run finds in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import step_metrics

from localft.errors import CheckpointError
from localft.jobs.results import HEADER, ResultsWriter, number, read_results, rewind_results, start_results


def write_steps(path: Path, last: int) -> Path:
    start_results(path)
    with ResultsWriter(path) as results:
        for step in range(1, last + 1):
            results.write(step_metrics(step))
    return path


def test_the_header_is_the_services() -> None:
    assert HEADER == (
        "step,train_loss,train_mean_token_accuracy,valid_loss,valid_mean_token_accuracy,"
        "full_valid_loss,full_valid_mean_token_accuracy"
    )


def test_numbers_have_nine_significant_digits_and_missing_ones_are_empty_cells(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    start_results(path)
    with ResultsWriter(path) as results:
        results.write(step_metrics(3))
        results.write(step_metrics(4, valid_loss=1e-7, valid_mean_token_accuracy=1.0))
        results.write(step_metrics(5, full_valid_loss=12345.678901234, full_valid_mean_token_accuracy=2 / 3))
    assert path.read_bytes().decode() == (
        f"{HEADER}\n3,0.333333333,0.5,,,,\n4,0.25,0.5,1e-07,1,,\n5,0.2,0.5,,,12345.6789,0.666666667\n"
    )


def test_nine_digits_tell_neighbouring_float32_values_apart() -> None:
    assert number(1.0000001192092896) != number(1.0)


def test_a_row_can_be_read_as_soon_as_its_step_is_done(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    start_results(path)
    with ResultsWriter(path) as results:
        results.write(step_metrics(1))
        assert [row.step for row in read_results(path)] == [1]


def test_reading_leaves_out_a_line_that_is_still_being_written(tmp_path: Path) -> None:
    path = write_steps(tmp_path / "results.csv", 2)
    path.write_text(path.read_text() + "3,0.33")
    assert [row.step for row in read_results(path)] == [1, 2]


@pytest.mark.parametrize("torn", ["", "7", "7,0.1", "7,0.1,0.5,,,"])
def test_rewinding_drops_what_will_be_trained_again_and_a_torn_line(tmp_path: Path, torn: str) -> None:
    path = write_steps(tmp_path / "results.csv", 6)
    path.write_text(path.read_text() + torn)
    assert rewind_results(path, 4) == 4
    assert path.read_bytes() == write_steps(tmp_path / "other.csv", 4).read_bytes()


def test_rewinding_to_the_start_leaves_the_header_alone_whatever_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("torn hea")
    assert rewind_results(path, 0) == 0
    assert path.read_text() == HEADER + "\n"


def test_rewinding_tells_of_rows_that_the_disk_lost(tmp_path: Path) -> None:
    path = write_steps(tmp_path / "results.csv", 2)
    assert rewind_results(path, 5) == 2


@pytest.mark.parametrize("content", ["step,loss\n1,2\n", HEADER + "\n1,two,,,,,\n", HEADER + "\n1,2\n"])
def test_a_file_that_was_edited_is_an_error_that_names_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "results.csv"
    path.write_text(content)
    with pytest.raises(CheckpointError, match=r"results\.csv.*found"):
        rewind_results(path, 3)
