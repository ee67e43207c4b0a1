import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localft.data.strict_json import MAX_DEPTH, NotJson, child, parse, shown

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values, st.booleans())
def test_clean_json_is_read_as_the_standard_library_reads_it(value, ascii_only):
    assert parse(json.dumps(value, ensure_ascii=ascii_only)) == (value, [])


def codes(text):
    return [(flaw.path, flaw.code) for flaw in parse(text)[1]]


def test_each_duplicate_key_is_named_with_its_place():
    text = '{"a": 1, "b": [{"c": 1, "c": 2, "c": 3}], "a": 2, "d": {"e": 1, "\\u0065": 2}}'
    assert codes(text) == [("a", "duplicate_key"), ("b[0].c", "duplicate_key"), ("d.e", "duplicate_key")]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 309, "1" * 5000])
def test_a_number_that_is_not_finite_is_named(number):
    assert codes(f'{{"a": [0, {number}]}}') == [("a[1]", "invalid_number")]


@pytest.mark.parametrize("number", ["1e308", "1e-999", "-0", "1" * 308, "0.1"])
def test_a_finite_number_is_no_flaw(number):
    assert codes(f"[{number}]") == []


@pytest.mark.parametrize("text", ["\\ud800", "\\uDFFF", "\\ude00\\ud83d", "a\\uD83Db"])
def test_half_a_surrogate_pair_is_named(text):
    assert codes(f'["{text}"]') == [("[0]", "lone_surrogate")]
    assert [code for _, code in codes(f'{{"{text}": 1}}')] == ["lone_surrogate"]


def test_a_whole_surrogate_pair_is_a_character():
    assert parse('"\\ud83d\\ude00"') == ("😀", [])


def test_text_that_looks_like_an_escape_is_no_surrogate():
    assert parse('"\\\\ud83d"') == ("\\ud83d", [])


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_allowed_to_the_limit_and_no_deeper(opening, closing):
    assert codes(opening * MAX_DEPTH + "0" + closing * MAX_DEPTH) == []
    deeper = MAX_DEPTH + 1
    assert codes(opening * deeper + "0" + closing * deeper) == [("", "too_deep")]


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000, "[" * 5000 + "]" * 5000]
)
def test_nesting_that_would_exhaust_the_stack_is_a_finding(text):
    try:
        found = codes(text)
    except NotJson as error:
        found = [("", error.code)]
    assert found == [("", "too_deep")]


@pytest.mark.parametrize(
    "text", ["", "{", "[1,]", "{'a': 1}", "nul", "1 2", '"\t"', "\ufeff{}", "01", "+1", ".5", "0x1", '"\\x"', "{1: 2}"]
)
def test_text_that_is_not_json_says_so(text):
    with pytest.raises(NotJson) as caught:
        parse(text)
    assert caught.value.code == "invalid_json"
    assert caught.value.message.startswith("expected one JSON object, found ")


def test_paths_read_like_code():
    assert child(child(child("", "messages"), 2), "weight") == "messages[2].weight"
    assert child("a", "odd key") == 'a["odd key"]'
    assert child("", "\ud800") == '["\\ud800"]'


@given(st.text(st.characters(), max_size=80))
def test_any_text_can_be_shown_on_one_line_in_utf8(text):
    assert "\n" not in shown(text)
    shown(text).encode("utf-8")
