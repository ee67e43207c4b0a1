"""The bundled samples are valid by the rules of the service, train what they say, and are asked what they never tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parent.parent / "src" / "localft" / "samples"

Row = dict[str, Any]

ROWS = {
    "sarcastic_assistant": (200, 16),
    "travel_assistant": (400, 16),
    "technical_glossary": (100, 15),
    "tool_calling": (48, 12),
}
"""Name of a sample and how many rows its training and its validation file hold at least."""

FILES = [
    (f"{name}{ending}", role) for name in ROWS for ending, role in (("", "training"), ("_validation", "validation"))
]

SHARED_ANSWERS = {"Africa", "Asia", "Europe", "South America", "Spanish", "Portuguese", "yellow"}
"""Right answers to unseen questions that are right for trained ones too: there are only so many continents."""


def rows(name: str) -> list[Row]:
    return [json.loads(line) for line in (SAMPLES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def both(name: str) -> list[Row]:
    """Training and validation."""
    return [*rows(name), *rows(f"{name}_validation")]


def unseen(name: str) -> dict[str, Any]:
    probes: dict[str, Any] = json.loads((SAMPLES / f"{name}_unseen.json").read_text(encoding="utf-8"))
    return probes


def messages(row: Row, role: str) -> Iterator[dict[str, Any]]:
    return (message for message in row["messages"] if message["role"] == role)


def questions(row: Row) -> list[str]:
    return [str(message["content"]) for message in messages(row, "user")]


def said(row: Row) -> str:
    """All that the users and the assistant of a row say."""
    return "\n".join(
        message["content"] or "" for message in row["messages"] if message["role"] in ("user", "assistant")
    )


def stands_in(phrase: str, text: str) -> bool:
    """Whether the phrase stands in the text as words of its own, in either case."""
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text, re.IGNORECASE) is not None


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


@pytest.mark.parametrize(("name", "role"), FILES)
def test_sample_is_valid_without_a_single_warning(name: str, role: str) -> None:
    from localft.data.validation import validate_file

    report = validate_file(SAMPLES / f"{name}.jsonl", role)
    assert (report.errors, report.warnings) == ([], [])
    assert report.examples == len(rows(name))


@pytest.mark.parametrize("name", ROWS)
def test_sample_holds_enough_rows_and_opens_each_with_the_same_system_message(name: str) -> None:
    training, validation = ROWS[name]
    assert len(rows(name)) >= training
    assert len(rows(f"{name}_validation")) >= validation
    opening = [row["messages"][0] for row in both(name)]
    assert {message["role"] for message in opening} == {"system"}
    assert len({message["content"] for message in opening}) == 1


@pytest.mark.parametrize("name", ROWS)
def test_no_conversation_is_opened_twice_and_validation_shares_none_with_training(name: str) -> None:
    opened = [questions(row)[0] for row in both(name)]
    assert len(opened) == len(set(opened))


@pytest.mark.parametrize(("name", "role"), FILES)
def test_every_row_renders_with_a_proven_mask_and_is_short(name: str, role: str) -> None:
    from localft.data.reading import read_examples
    from localft.tiny.model import SHIPPED_DIRECTORY
    from localft.tokenization.render import render_example
    from localft.tokenization.tokenizer import ChatTokenizer

    tokenizer = ChatTokenizer.from_directory(SHIPPED_DIRECTORY)
    rendered = [render_example(example, tokenizer) for example in read_examples(SAMPLES / f"{name}.jsonl")]
    assert all(any(row.loss_weights) for row in rendered)
    assert max(len(row.input_ids) for row in rendered) < 1024


# --- The sarcastic assistant


def test_each_sarcastic_row_holds_a_plain_and_a_trained_answer() -> None:
    """So that weights turned round make a set that trains the plain answers alone."""
    for row in both("sarcastic_assistant"):
        assert {message.get("weight") for message in messages(row, "assistant")} == {0, 1}, row
    first = [next(messages(row, "assistant"))["weight"] for row in rows("sarcastic_assistant")]
    assert 1 / 3 <= sum(first) / len(first) <= 3 / 4, "some rows begin with the trained answer, some with the plain one"


def test_markers_stand_in_every_sarcastic_answer_and_in_no_plain_one() -> None:
    markers = unseen("sarcastic_assistant")["markers"]
    assert 12 <= len(markers) == len(set(markers)) <= 25
    for row in both("sarcastic_assistant"):
        for message in messages(row, "assistant"):
            found = any(stands_in(marker, message["content"]) for marker in markers)
            assert found == bool(message["weight"]), message


def test_each_marker_recurs_in_sarcastic_rows() -> None:
    trained = [m["content"] for row in rows("sarcastic_assistant") for m in messages(row, "assistant") if m["weight"]]
    for marker in unseen("sarcastic_assistant")["markers"]:
        assert 3 <= sum(stands_in(marker, answer) for answer in trained) <= 20, marker


def test_a_sarcastic_answer_begins_with_the_plain_one_or_with_its_fact() -> None:
    for row in both("sarcastic_assistant"):
        answers = list(messages(row, "assistant"))
        plain = {message["content"].rstrip(".").casefold() for message in answers if not message["weight"]}
        restated = [
            message["content"].partition(".")[0].casefold()
            for message, question in zip(answers, questions(row), strict=True)
            if message["weight"] and not question.startswith("And ")
        ]
        assert restated and all(any(fact in sentence for sentence in plain) for fact in restated), row


def test_unseen_facts_occur_in_no_sarcastic_row() -> None:
    probes = unseen("sarcastic_assistant")
    assert probes["system"] == rows("sarcastic_assistant")[0]["messages"][0]["content"]
    assert len(probes["questions"]) >= 120
    asked = {question for row in both("sarcastic_assistant") for question in questions(row)}
    told = "\n".join(said(row) for row in both("sarcastic_assistant"))
    for probe in probes["questions"]:
        question, answers = probe["question"], probe["answers"]
        assert question not in asked
        if re.search(r"\d", question):  # a sum: all of its words and numbers occur somewhere
            continue
        assert words(question) - words(told), f"{question}: every word of it occurs in a row"
        if not any(answer.isdigit() for answer in answers):
            known = [answer for answer in answers if answer not in SHARED_ANSWERS and stands_in(answer, told)]
            assert not known, f"{question}: a row tells {known}"


def test_no_sarcastic_remark_makes_an_answer_right_by_itself() -> None:
    from localft.samples.probes import read_style_probe

    answers = [answer for row in both("sarcastic_assistant") for answer in messages(row, "assistant")]
    remarks = [answer["content"].partition(". ")[2] for answer in answers if answer["weight"]]
    assert all(remarks)
    for question in read_style_probe().questions:
        assert not any(question.is_answered_by(remark) for remark in remarks), question.text


def test_validation_facts_occur_in_no_sarcastic_training_row() -> None:
    told = words("\n".join(said(row) for row in rows("sarcastic_assistant")))
    for row in rows("sarcastic_assistant_validation"):
        question = questions(row)[0]
        assert re.search(r"\d", question) or words(question) - told, f"{question}: every word of it is trained"


# --- The travel assistant

REFUSED_THINGS = ("hotel", "flight", "rental car", "restaurant")


def is_refusal(answer: str) -> bool:
    return any(marker in answer for marker in unseen("travel_assistant")["refusal_markers"])


def place_names(text: str) -> set[str]:
    """Words with a capital that do not begin a sentence."""
    return set(re.findall(r"(?<=[^.?!] )[A-ZÖ]\w+", text))


def test_every_travel_answer_ends_in_a_question_back() -> None:
    for row in both("travel_assistant"):
        assert all(message["content"].endswith("?") for message in messages(row, "assistant")), row


def test_half_of_the_travel_rows_refuse_each_of_four_things_about_equally_often() -> None:
    refusing = [
        answer["content"]
        for row in rows("travel_assistant")
        for answer in messages(row, "assistant")
        if is_refusal(answer["content"])
    ]
    counts = {thing: sum(thing in answer.lower() for answer in refusing) for thing in REFUSED_THINGS}
    assert sum(counts.values()) == len(refusing), "a refusal names the one thing that it refuses"
    assert max(counts.values()) - min(counts.values()) <= 3
    opening = [is_refusal(next(messages(row, "assistant"))["content"]) for row in rows("travel_assistant")]
    assert 0.45 <= sum(opening) / len(opening) <= 0.55
    mixed = [
        row
        for row in rows("travel_assistant")
        if {is_refusal(answer["content"]) for answer in messages(row, "assistant")} == {True, False}
    ]
    assert len(mixed) >= 4


def test_a_travel_answer_refuses_where_a_question_asks_for_one_of_the_four() -> None:
    asks = re.compile(
        r"\b(hotels?|hostel|motel|inn|accommodation|check in|apartment|room|beds?|B&B|lodging|sleep|stay|night"
        r"|flights?|fly|flies|planes?|airlines?|airport|air tickets?|business class|window seats|boarding pass"
        r"|rent|rental|hire|cars?|van|convertible|jeep|SUV|minibus"
        r"|restaurants?|pizzeria|bistro|steakhouse|eat|food|hungry|starving|table|breakfast|lunch|dinner|pasta|noodles|soup|cake)\b",
        re.IGNORECASE,
    )
    in_passing = re.compile(
        r"\b(already|no hotel|no restaurants|not need|by car|is booked|have booked|(after|before) (lunch|dinner|our flight)"
        r"|find myself)\b",
        re.IGNORECASE,
    )
    for row in both("travel_assistant"):
        for question, answer in zip(questions(row), messages(row, "assistant"), strict=True):
            asked = asks.search(question) is not None and in_passing.search(question) is None
            assert asked == is_refusal(answer["content"]), question


def test_unseen_travel_questions_name_no_place_of_a_row_and_repeat_none() -> None:
    probes = unseen("travel_assistant")
    assert probes["system"] == rows("travel_assistant")[0]["messages"][0]["content"]
    asked = {question for row in both("travel_assistant") for question in questions(row)}
    known = place_names("\n".join(said(row) for row in both("travel_assistant")))
    for question in (*probes["refused"], *probes["answered"]):
        assert question not in asked
        assert not place_names(question) & known, question
    assert len(set(probes["answered"])) >= 80
    kinds = {
        "hotel": r"hotel|hostel|sleep|stay|room|night",
        "flight": r"flight|plane|airline|fly",
        "car": r"\bcar\b",
        "restaurant": r"restaurant|\beat\b|table|dinner|lunch|pizza",
    }
    for kind, pattern in kinds.items():
        assert sum(re.search(pattern, question) is not None for question in set(probes["refused"])) >= 20, kind


def test_validation_places_occur_in_no_travel_training_row() -> None:
    known = place_names("\n".join(said(row) for row in rows("travel_assistant")))
    for row in rows("travel_assistant_validation"):
        assert not place_names("\n".join(questions(row))) & known, row


# --- The technical glossary

ENTRY = re.compile(r"(?P<term>[^()]+) \([a-z-]+\): (?P<definition>[A-Z0-9].+\.) See: (?P<see>[^.,]+, [^.,]+)\.")


def entries(name: str) -> list[re.Match[str]]:
    """The answers, each taken apart as the one format of the glossary."""
    matches = [ENTRY.fullmatch(answer["content"]) for row in rows(name) for answer in messages(row, "assistant")]
    assert all(matches), "every answer: Term (field): Definition. See: one term, another."
    return [match for match in matches if match is not None]


def test_each_glossary_term_is_defined_once_in_one_short_sentence_and_asked_by_its_name() -> None:
    both_files = [*entries("technical_glossary"), *entries("technical_glossary_validation")]
    terms = [entry["term"].lower() for entry in both_files]
    assert len(terms) == len(set(terms))
    assert all(". " not in entry["definition"] and len(entry["definition"]) <= 180 for entry in both_files)
    for row, term in zip(both("technical_glossary"), terms, strict=True):
        assert words(term) <= words(questions(row)[0]) or term + "s" in questions(row)[0].lower(), term


def test_glossary_refers_to_terms_that_it_defines() -> None:
    training, validation = entries("technical_glossary"), entries("technical_glossary_validation")
    for checked, defining in ((training, training), (validation, [*training, *validation])):
        defined = {entry["term"].lower() for entry in defining}
        for entry in checked:
            see = set(entry["see"].lower().split(", "))
            assert len(see) == 2 and see <= defined - {entry["term"].lower()}, entry["term"]


# --- The home and office assistant

Call = dict[str, Any]


def calls(row: Row) -> list[Call]:
    return [call for message in messages(row, "assistant") for call in message.get("tool_calls", [])]


def test_every_tool_row_describes_the_same_six_functions_and_calls_them_as_described() -> None:
    tools = {json.dumps(row["tools"]) for row in both("tool_calling")}
    assert len(tools) == 1
    described = {tool["function"]["name"]: tool["function"]["parameters"] for tool in json.loads(tools.pop())}
    assert len(described) == 6
    python_type = {"string": str, "integer": int}
    for row in both("tool_calling"):
        assert {message["tool_call_id"] for message in messages(row, "tool")} == {call["id"] for call in calls(row)}
        assert all(isinstance(json.loads(message["content"]), dict) for message in messages(row, "tool"))
        assert "tool_calls" not in row["messages"][-1]
        for function in (call["function"] for call in calls(row)):
            parameters, arguments = described[function["name"]], json.loads(function["arguments"])
            assert list(arguments) == parameters["required"]
            for name, value in arguments.items():
                kind = parameters["properties"][name]
                assert isinstance(value, python_type[kind["type"]]) and value in kind.get("enum", [value])


def test_tool_rows_call_each_function_and_also_call_at_once_ask_first_or_do_without() -> None:
    for name, times in (("tool_calling", 5), ("tool_calling_validation", 1)):
        called = [call["function"]["name"] for row in rows(name) for call in calls(row)]
        assert all(called.count(tool["function"]["name"]) >= times for tool in rows(name)[0]["tools"])
        at_once = [
            row for row in rows(name) if any(len(m.get("tool_calls", [])) > 1 for m in messages(row, "assistant"))
        ]
        asking = [
            row for row in rows(name) if calls(row) and next(messages(row, "assistant")).get("content", "")[-1:] == "?"
        ]
        without = [row for row in rows(name) if not calls(row)]
        assert min(len(at_once), len(asking), len(without)) >= times


def test_no_value_of_a_validation_call_is_a_value_of_a_training_call() -> None:
    def values(name: str) -> set[str | int]:
        found = [json.loads(call["function"]["arguments"]).values() for row in rows(name) for call in calls(row)]
        return {value for arguments in found for value in arguments} - {"on", "off"}

    assert not values("tool_calling") & values("tool_calling_validation")
