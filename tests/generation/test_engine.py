"""The engine writes what transformers' `generate` writes, whoever else is in the batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_engine import Asked, Reference, write_adapter, write_long_phi3
from localft.catalog import resolve_model
from localft.generation.engine import Row
from localft.wire.engine import Sampling

QUESTIONS = [
    "What is the capital of France?",
    "Why is the sky blue? Tell me all that you know about it, and then some more of it.",
    "Hi",
    "Who wrote Romeo and Juliet? " * 4,
    "How far is the Moon from Earth?",
    "Name three animals, please.",
]


@pytest.fixture(scope="module", params=["localft/tiny-base", "localft/tiny-base-phi", "tiny_llama", "tiny_phi3"])
def base(request: pytest.FixtureRequest) -> Path:
    if request.param.startswith("localft/"):
        return Path(resolve_model(request.param).path or "")
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def adapters(base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path | None]:
    directory = tmp_path_factory.mktemp("adapters")
    return [None, write_adapter(base, directory / "a", seed=1), write_adapter(base, directory / "b", seed=2, rank=8)]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, int], list[int]]:
    """The ids behind each prompt, by task and choice, as the rows take them."""
    ids: dict[tuple[str, int], list[int]] = {}
    accept = Row.accept

    def noting(self: Row, id: int, likelihood: object) -> object:
        ids.setdefault((self.task.id, self.choice), []).append(id)
        return accept(self, id, likelihood)  # type: ignore[arg-type]

    monkeypatch.setattr(Row, "accept", noting)
    return ids


def reference(asked: Asked, question: str, adapter: Path | None, tokens: int) -> list[int]:
    from localft.wire.engine import Task

    speaker = asked.speaker(adapter)
    prompt = speaker.prompt(Task(id="r", row={"messages": [{"role": "user", "content": question}]}))
    return Reference(asked.base).ids(prompt.ids, sorted(speaker.stop_ids), adapter, tokens)


def test_one_request_alone_is_what_generate_writes(
    base: Path, adapters: list[Path | None], written: dict[tuple[str, int], list[int]]
) -> None:
    asked = Asked(base)
    for adapter in adapters:
        id = asked.ask(QUESTIONS[0], adapter)
        asked.finish()
        assert written[id, 0] == reference(asked, QUESTIONS[0], adapter, 24)


def test_a_mixed_batch_with_joins_and_leaves_is_what_generate_writes(
    base: Path, adapters: list[Path | None], written: dict[tuple[str, int], list[int]]
) -> None:
    asked = Asked(base)
    tasks = []
    for number, question in enumerate(QUESTIONS * 2):
        adapter, tokens = adapters[number % 3], 4 + 5 * (number % 5)
        tasks.append((asked.ask(question, adapter, max_tokens=tokens), question, adapter, tokens))
        asked.steps(number % 4)
    asked.finish()
    expected = {}
    for id, question, adapter, tokens in tasks:
        if (question, adapter) not in expected:
            expected[question, adapter] = reference(asked, question, adapter, 24)
        assert written[id, 0] == expected[question, adapter][:tokens]


def test_rows_that_wait_for_memory_are_what_generate_writes(
    base: Path, adapters: list[Path | None], written: dict[tuple[str, int], list[int]]
) -> None:
    asked = Asked(base)
    asked.engine._budget = 420
    tasks = [(asked.ask(question, adapters[1], max_tokens=20), question) for question in QUESTIONS]
    asked.finish()
    for id, question in tasks:
        assert written[id, 0] == reference(asked, question, adapters[1], 20)


def test_a_prompt_that_is_computed_piece_by_piece_is_what_generate_writes(
    base: Path, written: dict[tuple[str, int], list[int]]
) -> None:
    asked = Asked(base, prompt_tokens=32)
    short = asked.ask("Hi", max_tokens=24)
    question = QUESTIONS[3] * 3
    long = asked.ask(question, max_tokens=12)
    asked.finish()
    assert written[long, 0] == reference(asked, question, None, 12)
    assert written[short, 0] == reference(asked, "Hi", None, 24)


@pytest.mark.parametrize("window", [None, 24])
def test_two_sets_of_rotary_frequencies_are_used_as_generate_uses_them(
    window: int | None, tiny_phi3: Path, tmp_path: Path, written: dict[tuple[str, int], list[int]]
) -> None:
    base = write_long_phi3(tiny_phi3, tmp_path / "long", original=24, window=window)
    asked = Asked(base)
    tasks = []
    for number, question in enumerate(["Hi", QUESTIONS[0], QUESTIONS[1], QUESTIONS[3], "Hello there"]):
        tasks.append((asked.ask(question, max_tokens=60), question))
        asked.steps(number)
    asked.finish()
    lengths = [asked.started(id).prompt_tokens for id, _ in tasks]
    assert min(lengths) < 24 < max(lengths)
    for id, question in tasks:
        assert written[id, 0] == reference(asked, question, None, 60)


def test_a_sliding_window_hides_what_generate_hides(
    tiny_phi3: Path, tmp_path: Path, written: dict[tuple[str, int], list[int]]
) -> None:
    base = write_long_phi3(tiny_phi3, tmp_path / "windowed", original=512, window=16)
    asked = Asked(base)
    tasks = [(asked.ask(question, max_tokens=40), question) for question in QUESTIONS]
    asked.finish()
    for id, question in tasks:
        assert written[id, 0] == reference(asked, question, None, 40)


def test_the_same_seed_gives_the_same_text_whatever_else_is_in_the_batch(
    base: Path, adapters: list[Path | None]
) -> None:
    sampling = Sampling(temperature=1.0, top_p=0.9, seed=11)
    asked = Asked(base)
    alone = asked.ask(QUESTIONS[0], adapters[1], sampling=sampling)
    asked.finish()
    for number, question in enumerate(QUESTIONS):
        asked.ask(question, adapters[number % 3], sampling=Sampling(temperature=1.3))
        asked.steps(2)
    beside = asked.ask(QUESTIONS[0], adapters[1], sampling=sampling)
    other = asked.ask(QUESTIONS[0], adapters[1], sampling=Sampling(temperature=1.0, top_p=0.9, seed=12))
    asked.finish()
    assert asked.text(alone) == asked.text(beside)
    assert asked.text(alone) != asked.text(other)
