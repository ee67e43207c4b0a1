import pickle

import pytest

from localft.data import jsonl
from localft.data.jsonl import read_lines
from localft.errors import UsageError


def lines_of(tmp_path, content):
    path = tmp_path / "data.jsonl"
    path.write_bytes(content)
    return [(line.number, line.offset, line.raw) for line in read_lines(path)]


def test_lines_have_their_number_and_their_byte_offset(tmp_path):
    assert lines_of(tmp_path, b"a\nbc\n\nd") == [(1, 0, b"a"), (2, 2, b"bc"), (3, 5, b""), (4, 6, b"d")]


def test_crlf_and_white_space_at_the_end_are_no_part_of_a_line(tmp_path):
    assert lines_of(tmp_path, b"a \t\r\n\r\n b\r\n") == [(1, 0, b"a"), (2, 5, b""), (3, 7, b" b")]


def test_a_byte_order_mark_is_taken_off_the_first_line_only(tmp_path):
    mark = b"\xef\xbb\xbf"
    assert lines_of(tmp_path, mark + b"a\n" + mark + b"b") == [(1, 3, b"a"), (2, 5, mark + b"b")]


def test_a_file_of_nothing_but_a_byte_order_mark_has_one_blank_line(tmp_path):
    assert lines_of(tmp_path, b"\xef\xbb\xbf") == [(1, 3, b"")]


def test_other_line_separators_do_not_end_a_line(tmp_path):
    content = "a\u2028b\x85c\x0bd\x0ce".encode()
    assert lines_of(tmp_path, content) == [(1, 0, content)]


@pytest.mark.parametrize("length", [9, 10, 11, 25])
def test_a_line_over_the_limit_is_counted_and_skipped(tmp_path, monkeypatch, length):
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 10)
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"x" * length + b"\nnext\n")
    first, second = read_lines(path)
    assert first.too_long == (length + 1 if length > 10 else 0)
    assert (second.number, second.offset, second.raw) == (2, length + 1, b"next")


def test_a_line_over_the_limit_may_end_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 10)
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"x" * 30)
    assert [line.too_long for line in read_lines(path)] == [30]


@pytest.mark.parametrize(
    ("name", "code"), [("nothing.jsonl", "file_not_found"), ("", "not_a_file"), ("a\0b", "unreadable_file")]
)
def test_a_path_that_is_no_readable_file_is_a_usage_error_that_names_it(tmp_path, name, code):
    path = f"{tmp_path}/{name}"
    with pytest.raises(UsageError) as caught:
        list(read_lines(path, param="validation_file"))
    assert (caught.value.code, caught.value.param, caught.value.exit_code) == (code, "validation_file", 2)
    assert str(caught.value).startswith(path)
    assert pickle.loads(pickle.dumps(caught.value)).code == code


def test_a_file_without_permission_is_a_usage_error(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UsageError, match="Permission denied"):
        list(read_lines(tmp_path / "data.jsonl"))


def test_a_read_error_in_the_middle_of_a_file_is_a_usage_error(tmp_path, monkeypatch):
    class Failing:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def readline(self, size):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(jsonl, "open_data_file", lambda path, param: Failing())
    with pytest.raises(UsageError, match="Input/output error"):
        list(read_lines(tmp_path / "data.jsonl"))
