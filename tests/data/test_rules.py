"""The rules of one line in their finer points; the broad ones stand in tests/fixtures/data."""

import json

import pytest

from localft.data.rules import MAX_ERRORS_PER_LINE, MESSAGE_KEYS
from localft.data.validation import check_line

USER = {"role": "user", "content": "What is the capital of Peru?"}
ANSWER = {"role": "assistant", "content": "Lima."}
TOOLS = [{"type": "function", "function": {"name": "look_up"}}]


def check(*messages, **keys):
    """What is found in a row of these messages; the tools are defined where it calls some."""
    if any("tool_calls" in message or "function_call" in message for message in messages):
        keys = {"tools": TOOLS, **keys}
    _, errors, warnings = check_line(json.dumps({"messages": messages, **keys}).encode())
    return [(problem.path, problem.code) for problem in (*errors, *warnings)]


def call(call_id="call_1", arguments="{}"):
    return {"id": call_id, "type": "function", "function": {"name": "look_up", "arguments": arguments}}


@pytest.mark.parametrize("weight", [0, 1])
def test_weight_zero_and_one_on_an_assistant_message_are_valid(weight):
    assert check(USER, {**ANSWER, "weight": weight}, ANSWER) == []


@pytest.mark.parametrize("weight", [True, False, 1.0, 0.0, 0.5, 2, -1, None, "1", [], {}, 10**30])
def test_any_other_weight_is_an_error(weight):
    assert check(USER, {**ANSWER, "weight": weight}, ANSWER) == [("messages[1].weight", "invalid_weight")]


@pytest.mark.parametrize("role", [role for role in MESSAGE_KEYS if role not in ("assistant", "tool", "function")])
def test_weight_on_a_message_of_another_role_is_an_error(role):
    assert check({"role": role, "content": "a", "weight": 1}, USER, ANSWER) == [
        ("messages[0].weight", "misplaced_weight")
    ]


def test_a_bad_weight_is_reported_under_a_bad_role_too():
    found = check({"role": "bot", "content": "a", "weight": 2}, ANSWER)
    assert found == [("messages[0].role", "unknown_role"), ("messages[0].weight", "invalid_weight")]


@pytest.mark.parametrize(
    "substitute", [{"tool_calls": [call()]}, {"function_call": {"name": "f", "arguments": "{}"}}, {"refusal": "No."}]
)
@pytest.mark.parametrize("content", [{}, {"content": None}, {"content": ""}])
def test_an_assistant_message_may_lack_content_where_it_says_something_else(substitute, content):
    assert check(USER, {"role": "assistant", **content, **substitute}) == []


@pytest.mark.parametrize("role", ["system", "developer", "user", "tool"])
@pytest.mark.parametrize("content", [{}, {"content": None}])
def test_content_cannot_be_absent_on_other_messages(role, content):
    answer_to = {"tool_call_id": "call_1"} if role == "tool" else {}
    found = check(USER, {"role": "assistant", "tool_calls": [call()]}, {"role": role, **answer_to, **content}, ANSWER)
    assert found == [("messages[2].content", "missing_content")]


def test_text_parts_become_the_texts_in_order():
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    example, _, _ = check_line(json.dumps({"messages": [{"role": "user", "content": parts}, ANSWER]}).encode())
    assert example.messages[0].content == ("one", "two")


def test_a_refusal_part_becomes_the_refusal():
    answer = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    example, _, _ = check_line(json.dumps({"messages": [USER, answer]}).encode())
    assert (example.messages[1].content, example.messages[1].refusal) == (None, "No.")


def test_an_example_keeps_what_the_line_says():
    call_turn = {"role": "assistant", "tool_calls": [call(arguments='{ "b": 1, "a": 2 }')], "weight": 0}
    result = {"role": "tool", "tool_call_id": "call_1", "content": " 7\n"}
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"z": 1, "a": [None]}, "strict": None}}]
    line = json.dumps({"messages": [USER, call_turn, result, ANSWER], "tools": tools, "parallel_tool_calls": False})
    example, errors, warnings = check_line(line.encode(), file="train.jsonl", line=17)
    assert (errors, warnings) == ([], [])
    assert (example.file, example.line, example.parallel_tool_calls) == ("train.jsonl", 17, False)
    assert example.messages[1].tool_calls[0].function.arguments == '{ "b": 1, "a": 2 }'
    assert example.messages[1].weight == 0 and not example.messages[1].is_trained
    assert example.messages[2].content == " 7\n"
    assert json.dumps(example.tools) == json.dumps(tools)


def test_a_tool_message_answers_a_call_of_an_earlier_message_only():
    turn, result = (
        {"role": "assistant", "tool_calls": [call()]},
        {"role": "tool", "tool_call_id": "call_1", "content": "7"},
    )
    assert check(USER, turn, result, ANSWER) == []
    assert check(USER, result, turn, ANSWER) == [("messages[1].tool_call_id", "unknown_tool_call_id")]


def test_an_empty_array_of_tool_calls_says_the_same_as_none():
    assert check(USER, {**ANSWER, "tool_calls": []}) == []
    assert check(USER, {"role": "assistant", "tool_calls": []}) == [("messages[1].content", "missing_content")]


def test_an_empty_array_of_tools_is_allowed():
    assert check(USER, ANSWER, tools=[]) == []


@pytest.mark.parametrize("length", [1, 64])
def test_a_function_name_has_one_to_sixty_four_characters(length):
    assert check(USER, ANSWER, functions=[{"name": "f" * length}]) == []


def test_a_function_name_may_not_end_in_a_line_feed():
    assert check(USER, ANSWER, functions=[{"name": "f\n"}]) == [("functions[0].name", "invalid_function_name")]


def test_128_functions_are_allowed():
    assert check(USER, ANSWER, functions=[{"name": "f"}] * 128) == []


@pytest.mark.parametrize("key", ["train", "loss", "loss_weight", "trainable"])
def test_another_tools_word_for_weight_is_answered_with_weight(key):
    _, errors, _ = check_line(json.dumps({"messages": [USER, {**ANSWER, key: 1}]}).encode())
    assert 'use "weight": 0 or 1' in errors[0].message


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("contents", "content"), ("Role", "role"), ("toolcalls", "tool_calls"), ("refusals", "refusal")],
)
def test_an_unknown_key_names_the_nearest_known_one(misspelt, meant):
    _, errors, _ = check_line(json.dumps({"messages": [USER, {**ANSWER, misspelt: "x"}]}).encode())
    assert f'did you mean "{meant}"?' in errors[0].message


def test_a_preference_pair_beside_messages_is_an_unknown_key():
    assert check(USER, ANSWER, chosen="a") == [("chosen", "unknown_key")]


def test_a_row_with_a_message_that_is_no_object_reports_the_other_messages_too():
    assert check("Hi", {**ANSWER, "weight": 2}) == [
        ("messages[0]", "wrong_type"),
        ("messages[1].weight", "invalid_weight"),
    ]


def test_every_error_of_a_line_is_reported_at_once():
    found = check({"role": "user", "content": 1, "extra": 2}, {**ANSWER, "weight": 3}, tools=4, more=5)
    assert [code for _, code in found] == ["unknown_key", "wrong_type", "unknown_key", "wrong_type", "invalid_weight"]


def test_errors_beyond_the_limit_of_one_line_are_counted():
    messages = [{"role": "user", "content": 1}] * (MAX_ERRORS_PER_LINE + 7)
    _, errors, _ = check_line(json.dumps({"messages": [*messages, ANSWER]}).encode())
    assert len(errors) == MAX_ERRORS_PER_LINE + 1
    assert (errors[-1].code, errors[-1].path) == ("more_problems", None)
    assert errors[-1].message.startswith("7 more errors")


@pytest.mark.parametrize(
    "text",
    [
        *("<|im_end|>", "<|fim_suffix|>", "<｜end▁of▁sentence｜>", "<s>", "</s>", "<bos>", "<end_of_turn>"),
        *("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "[TOOL_CALLS]"),
    ],
)
def test_text_that_spells_a_control_token_is_a_warning(text):
    assert check({"role": "user", "content": f"Say {text} now"}, ANSWER) == [
        ("messages[0].content", "special_token_text")
    ]


@pytest.mark.parametrize("text", ["a < b", "<p>", "a[0]", "[inst]", "<| |>", "x <|> y", "List<", "1 <s"])
def test_other_brackets_are_no_control_token(text):
    assert check({"role": "user", "content": text}, ANSWER) == []


def test_a_silent_tool_is_no_empty_content():
    turn = {"role": "assistant", "tool_calls": [call()]}
    assert check(USER, turn, {"role": "tool", "tool_call_id": "call_1", "content": ""}, ANSWER) == []


def test_deep_arguments_are_an_error_and_no_crash():
    turn = {"role": "assistant", "tool_calls": [call(arguments="[" * 100_000)]}
    assert check(USER, turn) == [("messages[1].tool_calls[0].function.arguments", "too_deep")]


@pytest.mark.parametrize("defined", [{"tools": TOOLS}, {"functions": [{"name": "look_up"}]}])
def test_a_call_of_what_the_row_does_not_define_is_a_warning(defined):
    calls = {
        "messages[1].tool_calls": {"role": "assistant", "tool_calls": [call()]},
        "messages[1].function_call": {"role": "assistant", "function_call": {"name": "look_up", "arguments": "{}"}},
    }
    for place, turn in calls.items():
        assert check(USER, turn, **defined) == []
        assert check(USER, turn, tools=[]) == [(place, "calls_without_tools")]
        _, errors, warnings = check_line(json.dumps({"messages": [USER, turn]}).encode())
        assert (errors, [(found.path, found.code) for found in warnings]) == ([], [(place, "calls_without_tools")])


def test_nothing_is_said_of_the_one_of_two_equal_keys_that_was_read():
    line = json.dumps({"messages": [USER, ANSWER]})[:-1] + ', "messages": []}'
    _, errors, warnings = check_line(line.encode())
    assert [(found.path, found.code) for found in (*errors, *warnings)] == [("messages", "duplicate_key")]
