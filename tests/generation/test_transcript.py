"""Tokens become text as soon as it is certain: whole characters, no stop string, no special token."""

from __future__ import annotations

import pytest

from localft.catalog import resolve_model
from localft.generation.answer import Answer
from localft.generation.sampling import Likelihood
from localft.generation.transcript import Decoder, StopSearch, visible
from localft.tokenization.loading import load_chat_tokenizer
from localft.tokenization.tokenizer import ChatTokenizer


@pytest.fixture(scope="module")
def tokenizer() -> ChatTokenizer:
    return load_chat_tokenizer(resolve_model("localft/tiny-base"))


TEXTS = ["Hello there.", "🙂 héllo 日本語 👩‍👩‍👧 ok", "a\n\n  b", "naïve café", "\u2028", ""]


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_join_to_the_text_and_never_hold_half_a_character(tokenizer: ChatTokenizer, text: str) -> None:
    decoder = Decoder(tokenizer)
    pieces = [decoder.feed(id) for id in tokenizer.encode(text).ids]
    assert "".join(pieces) + decoder.flush() == text
    assert not any("\ufffd" in piece for piece in pieces)


def test_bytes_that_are_no_character_come_out_at_the_end(tokenizer: ChatTokenizer) -> None:
    decoder = Decoder(tokenizer)
    half = tokenizer.encode("🙂").ids[:-1]
    assert [decoder.feed(id) for id in half] == [""] * len(half)
    assert set(decoder.flush()) == {"\ufffd"}


def test_bytes_that_become_no_character_do_not_hold_the_text_back_for_ever(tokenizer: ChatTokenizer) -> None:
    decoder = Decoder(tokenizer)
    first = tokenizer.encode("🙂").ids[0]
    assert "".join(decoder.feed(first) for _ in range(40))


def test_a_special_token_is_marked_and_its_characters_in_text_are_not(tokenizer: ChatTokenizer) -> None:
    decoder = Decoder(tokenizer)
    special = tokenizer.special_tokens.texts["<|eot_id|>"]
    spelled = [id for character in "<|eot_id|>" for id in tokenizer.encode(character).ids]
    text = "".join(decoder.feed(id) for id in [*spelled, special, *tokenizer.encode("ok").ids])
    assert visible(text) == "<|eot_id|>ok"


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_a_stop_string_over_the_borders_of_pieces_ends_the_text_before_it(size: int) -> None:
    search, text = StopSearch(["END", "\n\nUser:"]), "one E EN \n\nUse \n\nUser: two END"
    told = "".join(search.feed(text[at : at + size]) for at in range(0, len(text), size))
    assert told == "one E EN \n\nUse "
    assert search.found


def test_nothing_is_held_back_longer_than_it_may_begin_a_stop_string() -> None:
    search = StopSearch(["aab"])
    assert [search.feed(piece) for piece in ("xa", "a", "a", "c")] == ["x", "", "a", "aac"]
    assert search.feed("aa") + search.flush() == "aa"


def test_of_two_stop_strings_the_one_that_comes_first_counts() -> None:
    search = StopSearch(["bc", "abcd"])
    assert search.feed("xabcd") == "x"


@pytest.mark.parametrize("text", TEXTS)
def test_the_bytes_of_tokens_join_to_the_text(tokenizer: ChatTokenizer, text: str) -> None:
    assert b"".join(tokenizer.bytes_of(id) for id in tokenizer.encode(text).ids) == text.encode()


def test_logprobs_of_what_a_stop_string_cuts_off_are_not_told(tokenizer: ChatTokenizer) -> None:
    answer = Answer(tokenizer, [" is Vienna"], None)
    ids = tokenizer.encode("The capital of Austria is Vienna.").ids
    for id in ids:
        if not answer.is_complete:
            answer.feed(id, Likelihood(id, -0.5, ((id, -0.5),)))
    answer.end()
    delta = answer.take("t", 0)
    assert delta is not None
    assert delta.text == "The capital of Austria"
    assert "".join(token.token for token in delta.logprobs) == delta.text
