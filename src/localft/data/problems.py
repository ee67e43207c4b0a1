"""What can be found in a data file: the table of stable codes, and the entry that reports one finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. The message says what was expected, what was found and what to do; the place stands beside it."""

    line: int | None
    """1-based; None where the file as a whole is meant."""
    path: str | None
    """Place inside the line's JSON, such as `messages[2].weight`; None where the line as a whole is meant."""
    code: str
    """A key of RULES."""
    message: str

    def to_dict(self) -> dict[str, Any]:
        return {"line": self.line, "path": self.path, "code": self.code, "message": self.message}


class Rule(NamedTuple):
    """What a code stands for. `docs/data-format.md` prints this table; a test keeps the two equal."""

    severity: Severity
    meaning: str
    remedy: str


RULES: dict[str, Rule] = {
    # The file
    "empty_file": Rule("error", "The file holds no example.", "Check that the file was written to the end."),
    "invalid_n_examples": Rule(
        "error",
        "The training file has fewer than 10 examples. A row counts whether or not it is valid; a blank line does not.",
        "Add examples until there are at least 10.",
    ),
    "json_array": Rule(
        "error",
        "The file is one JSON array of rows, on one line or on many. Nothing else is said of such a file.",
        "Write one object a line: `jq -c '.[]' FILE > OUT`.",
    ),
    "not_text": Rule(
        "error",
        "The file is compressed, or binary. Nothing else is said of such a file.",
        "Unpack it; write one JSON object a line.",
    ),
    # The line as text
    "invalid_utf8": Rule(
        "error",
        "Bytes that are not UTF-8; the message names the byte offset. A file in UTF-16 has this one error.",
        "Save the file as UTF-8: `iconv -f UTF-16 -t UTF-8 FILE > OUT`.",
    ),
    "line_too_long": Rule(
        "error",
        "A line of more than 2 MiB: 32 bytes for each of the 65,536 tokens that the service takes in an example.",
        "Write one example a line; split the example.",
    ),
    "invalid_json": Rule("error", "The line is not one JSON value.", "Write each example with a JSON library."),
    "not_an_object": Rule("error", "The line is JSON but not an object.", 'Write `{"messages": [...]}` on each line.'),
    "too_deep": Rule("error", "Arrays and objects nested more than 100 deep.", "Flatten the value."),
    "duplicate_key": Rule(
        "error",
        "A key stands twice in one object, anywhere in the line. JSON readers would silently keep one of the two.",
        "Remove one.",
    ),
    "invalid_number": Rule(
        "error", "`NaN`, `Infinity`, or a number too large for a 64-bit float.", "Write a finite number or null."
    ),
    "lone_surrogate": Rule(
        "error",
        "Half of a UTF-16 surrogate pair, such as `\\ud83d` alone. It is no character and no tokenizer can read it.",
        "Write the whole character, or remove it.",
    ),
    "more_problems": Rule(
        "error", "The line has more than 1000 errors; this entry counts the ones beyond.", "Mend the first ones."
    ),
    # The example
    "other_format": Rule(
        "error",
        "The line has the shape of another format: preference pairs, prompt and completion, ShareGPT, Alpaca.",
        "Convert it to `messages`.",
    ),
    "missing_key": Rule("error", "A required key is absent.", "Add it."),
    "unknown_key": Rule("error", "A key that the format does not have.", "Rename it to the key meant, or remove it."),
    "misplaced_key": Rule("error", "A key that belongs to messages of another role.", "Move or remove it."),
    "wrong_type": Rule("error", "A value of another JSON type than the format asks for.", "Change the value."),
    "empty_array": Rule(
        "error",
        "An array that needs an entry has none: `messages`, `functions` or content parts.",
        "Fill or remove it.",
    ),
    "too_many_functions": Rule("error", "`functions` has more than 128 entries.", "Use at most 128."),
    # The message
    "unknown_role": Rule(
        "error", "A role other than system, developer, user, assistant, tool or function.", "Use one of these."
    ),
    "missing_content": Rule(
        "error",
        "`content` is absent or null, and nothing stands in its place. Only an assistant message with `tool_calls`, "
        "`function_call` or `refusal` may do without; a function message may have null.",
        "Write the content.",
    ),
    "unsupported_content_part": Rule(
        "error", "An image, audio, video or file part. localft trains on text.", "Remove the part, or the row."
    ),
    "unknown_content_part": Rule(
        "error", "A content part whose type is not `text` (or `refusal`).", "Use `text` parts."
    ),
    "invalid_refusal": Rule(
        "error",
        "A `refusal` part outside an assistant message or beside other parts, a refusal given twice, or one beside content.",
        "Let it be all that an assistant message says.",
    ),
    "invalid_weight": Rule(
        "error",
        "`weight` is not the integer 0 or 1 (true, 1.0, 0.5, null and text are not).",
        "Write 0 to keep the message as context only, 1 to train it.",
    ),
    "misplaced_weight": Rule(
        "error", "`weight` on a message that is not the assistant's. Only those are trained.", "Remove it."
    ),
    "missing_assistant_message": Rule(
        "error", "No assistant message, so there is nothing to learn.", "Add one, or remove the row."
    ),
    "no_trained_message": Rule(
        "error", "Every assistant message has weight 0.", "Give one weight 1, or remove the row."
    ),
    # Tools and functions
    "invalid_tool_type": Rule("error", 'The `type` of a tool or tool call is not "function".', 'Write "function".'),
    "invalid_function_name": Rule(
        "error", "A function name that is not 1 to 64 of a-z, A-Z, 0-9, _ and -.", "Rename the function."
    ),
    "arguments_not_a_string": Rule(
        "error", "`arguments` is not a string. The service takes JSON inside a string.", "Write it with `json.dumps`."
    ),
    "arguments_not_an_object": Rule(
        "error", "The string in `arguments` is not a JSON object.", "Write a JSON object; `{}` where there are none."
    ),
    "duplicate_tool_call_id": Rule("error", "Two tool calls of one message share an id.", "Give each its own id."),
    "calls_in_both_forms": Rule(
        "error",
        "A message has `tool_calls` and the deprecated `function_call` as well.",
        "Remove `function_call`; write its call as one of `tool_calls`.",
    ),
    "unknown_tool_call_id": Rule(
        "error", "A tool message answers no earlier tool call of its row.", "Use the id of the call it answers."
    ),
    # Warnings
    "blank_lines": Rule("warning", "Blank lines; they are counted and are no examples.", "Nothing, or remove them."),
    "duplicate_rows": Rule(
        "warning", "Rows that repeat an earlier row byte for byte. They are trained again each time.", "Remove them."
    ),
    "training_validation_overlap": Rule(
        "warning", "Rows of the validation file that also stand in the training file.", "Take them out of one."
    ),
    "file_too_large": Rule(
        "warning", "More than 512 MB: fine here, but the service's file upload refuses it.", "Split it for the service."
    ),
    "special_token_text": Rule(
        "warning",
        "Content that spells a control token, such as `<|im_end|>` or `[INST]`. It is trained as plain text, never as "
        "the token. The service refuses some of these.",
        "Remove it where it was left behind by another tool's template.",
    ),
    "empty_content": Rule(
        "warning",
        "Content without a visible character; a tool's or function's answer may be empty.",
        "Write the content, or remove the row.",
    ),
    "no_user_message": Rule("warning", "No user message.", "Check that the row is what you meant."),
    "calls_without_tools": Rule(
        "warning",
        "An assistant message calls a tool or function, and the row defines none in `tools` or `functions`. The model learns "
        "to call what it has not been told of.",
        "Add the `tools` that the model will be given when it is used.",
    ),
    "last_message_not_assistant": Rule(
        "warning",
        "The row does not end in an assistant message. What stands behind the last one is not trained and is not "
        "context of anything. No schema of the service forbids it, so the row stays valid.",
        "Remove the messages at the end, or add the answer.",
    ),
}
