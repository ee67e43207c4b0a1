"""The short cut for plain lines never says anything that the rules would not say."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localft.data.plain_chat import plain_example, read_plain
from localft.data.validation import check_line_by_rules

texts = st.text(st.characters() | st.sampled_from('"\\<>[]|{}:,/ \n\ud83d\ude00'), max_size=12) | st.sampled_from(
    ["", " ", "<|im_end|>", "</s>", "a < b", '\\"', "\\", '":"', '","weight":1,"', "\ud800", "é", "日本"]
)
roles = st.sampled_from(["system", "developer", "user", "assistant", "assistant", "user", "tool", "bot"])
weights = st.sampled_from([0, 1, 1, True, 1.0, 2, None, float("nan")])
pairs_of_message = st.lists(
    st.tuples(st.just("role"), roles)
    | st.tuples(st.just("content"), texts)
    | st.tuples(st.just("weight"), weights)
    | st.tuples(st.sampled_from(["name", "content", "extra"]), texts),
    max_size=4,
)
likely_message = st.builds(
    lambda role, content, rest: [("role", role), ("content", content), *rest],
    roles,
    texts,
    st.lists(st.tuples(st.just("weight"), weights), max_size=2),
)


def written(pairs, escape):
    """JSON text of an object whose keys may repeat."""
    return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=escape)}: {v}" for k, v in pairs) + "}"


@st.composite
def lines(draw):
    """Lines near the border between plain and wrong: repeated keys, odd escapes, odd weights, odd roles."""
    escape = draw(st.booleans())
    messages = draw(st.lists(likely_message | pairs_of_message, max_size=4))
    objects = [written([(k, json.dumps(v, ensure_ascii=escape)) for k, v in pairs], escape) for pairs in messages]
    array = "[" + ",".join(objects) + "]"
    extra = draw(st.sampled_from([[], [], [], [("messages", array)], [("tools", "[]")], [("extra", "1")]]))
    return written([*extra, ("messages", array)], escape).encode("utf-8", "surrogatepass")


@settings(max_examples=800, deadline=None)
@given(lines())
def test_a_line_taken_as_plain_has_no_finding_by_the_rules_and_the_same_example(raw):
    plain = read_plain(raw)
    example, errors, warnings = check_line_by_rules(raw, file="f", line=3)
    if plain is not None:
        assert (errors, warnings) == ([], [])
        assert plain_example(plain, "f", 3) == example


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_judged_without_a_crash(raw):
    assert read_plain(raw) is None
    assert check_line_by_rules(raw)[1]


@settings(max_examples=300, deadline=None)
@given(lines(), st.data())
def test_a_damaged_line_taken_as_plain_has_no_finding_by_the_rules(raw, data):
    position = data.draw(st.integers(0, len(raw) - 1))
    byte = data.draw(st.sampled_from(b'"\\{}[],:0 \xff\xc3u'))
    damaged = raw[:position] + bytes([byte]) + raw[position + data.draw(st.integers(0, 1)) :]
    if read_plain(damaged) is not None:
        assert check_line_by_rules(damaged)[1:] == ([], [])


def plain(content='"b"', more=""):
    return f'{{"messages": [{{"role": "user", "content": "a"}}, {{"role": "assistant", "content": {content}{more}}}]}}'.encode()


@pytest.mark.parametrize(
    "content", [r'"\""', r'"\\"', r'"\\\""', r'"\\\\"', r'"a\n\u0022\\"', '"é日本😀"', r'"\ud83d\ude00"']
)
def test_ordinary_chat_is_plain_whatever_its_escapes(content):
    assert read_plain(plain(content)) is not None


@pytest.mark.parametrize(
    "more",
    [
        ', "content": "c"',
        ', "role": "assistant"',
        ', "weight": 1, "weight": 1',
        r', "c\u006fntent": "c"',
        ', "weight": 1.0',
    ],
)
def test_repeated_keys_and_odd_weights_are_left_to_the_rules(more):
    assert read_plain(plain(more=more)) is None


@pytest.mark.parametrize("content", [r'"\ud83d"', '""', '" "', '"<|x|>"', "null", '["b"]', '"\t"'])
def test_content_that_needs_a_word_is_left_to_the_rules(content):
    assert read_plain(plain(content)) is None


def test_a_repeated_messages_key_is_left_to_the_rules():
    line = plain()
    assert read_plain(line[:-1] + b', "messages": []}') is None
    assert read_plain(b'{"messages": [], ' + line[1:]) is None
