"""Errors of a response speak of the items that were sent; log probabilities wait for the text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from localft.errors import UsageError
from localft.serving.conversations import conversation_row
from localft.serving.models import BaseModel, ServedModel
from localft.serving.responses import Responses
from localft.wire.chat import ChatCompletionRequest
from localft.wire.responses import ResponseRequest

SERVED = ServedModel("m", BaseModel(Path("m")), None)


class Scripted:
    """Chats that check a request as the engine's do and then say the same each time."""

    def __init__(self, *chunks: Any) -> None:
        self.chunks = chunks

    async def chat_chunks(self, served: ServedModel, request: ChatCompletionRequest) -> AsyncGenerator[Any, None]:
        conversation_row(request.messages, request.offered_tools)
        for chunk in self.chunks:
            yield chunk


def response(items: Any, *chunks: Any, **settings: Any) -> Any:
    chats: Any = Scripted(*chunks)
    return asyncio.run(Responses(chats).response(SERVED, ResponseRequest(model="m", input=items, **settings)))


ASKED = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([ASKED, {"type": "function_call_output", "call_id": "none", "output": "1"}], "input[1].call_id"),
        ([ASKED, {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{"}], "input[1].arguments"),
        ([{"role": "user", "content": 5}], "input[0].content"),
    ],
)
def test_what_is_wrong_with_an_item_is_told_of_the_item(items: Any, param: str) -> None:
    with pytest.raises(UsageError) as refused:
        response(items, instructions="Be brief.")
    assert refused.value.param == param
    assert refused.value.message.startswith(param) and "row" not in refused.value.message


def chunk(content: str, token: str | None) -> Any:
    logprobs = {"content": [{"token": token, "logprob": -1.0}]} if token else None
    return {"choices": [{"index": 0, "delta": {"content": content}, "logprobs": logprobs, "finish_reason": None}]}


@pytest.mark.parametrize("text", ["Hi", ""])
def test_log_probabilities_of_tokens_before_the_first_text_are_told(text: str) -> None:
    (item,) = response("Hi", chunk("", "a"), chunk(text, "b"))["output"]
    assert [entry["token"] for entry in item["content"][0]["logprobs"]] == ["a", "b"]
