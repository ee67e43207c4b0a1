"""What vLLM is started with and asked, held against a stand-in for its command: vLLM itself needs a GPU."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from localft.errors import UsageError
from localft.serving.models import BaseModel, ServedModel
from localft.serving.vllm import VllmChats, command_line, max_lora_rank
from localft.wire.chat import ChatCompletionRequest

STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in_vllm.py")))


@pytest.fixture
def asked_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    log = tmp_path / "asked.jsonl"
    monkeypatch.setenv("STAND_IN_LOG", str(log))
    return lambda: [json.loads(line) for line in log.read_text().splitlines()]


def adapter(directory: Path, rank: int = 16) -> Path:
    directory.mkdir()
    (directory / "adapter_config.json").write_text(json.dumps({"r": rank, "lora_alpha": 2 * rank}))
    return directory


def request(text: str = "Hi", **more: Any) -> ChatCompletionRequest:
    return ChatCompletionRequest(model="m", messages=[{"role": "user", "content": text}], **more)


def run(tmp_path: Path, trial: Callable[[VllmChats], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        chats = VllmChats(tmp_path / "vllm.log", vllm=STAND_IN)
        try:
            await trial(chats)
        finally:
            await chats.close()

    asyncio.run(whole())


@pytest.mark.parametrize(("rank", "allowed"), [(1, 1), (2, 8), (8, 8), (16, 16), (17, 32), (300, 320), (512, 512)])
def test_the_rank_is_the_next_that_vllm_takes(rank: int, allowed: int) -> None:
    assert max_lora_rank(rank) == allowed


def test_a_rank_beyond_vllms_is_refused() -> None:
    with pytest.raises(UsageError, match="up to rank 512"):
        max_lora_rank(513)


def test_a_base_that_was_trained_in_nf4_is_served_quantised() -> None:
    line = command_line(["vllm"], BaseModel(Path("/m"), nf4=True), port=1, rank=16)
    assert line[-2:] == ["--quantization", "bitsandbytes"]


def test_a_base_and_adapters_are_answered_by_one_vllm_behind_a_key(
    tmp_path: Path, asked_of: Callable[[], list[dict[str, Any]]]
) -> None:
    base = BaseModel(tmp_path)
    one, two = (ServedModel(name, base, adapter(tmp_path / name)) for name in ("one", "two"))

    async def trial(chats: VllmChats) -> None:
        plain = await chats.chat(ServedModel("plain", base, None), request())
        assert (plain["model"], plain["choices"][0]["message"]["content"]) == ("plain", f"by {tmp_path}")
        for served in (one, two, one):
            answer = await chats.chat(served, request(user="x", service_tier="auto"))
            assert answer["model"] == served.name
        chunks = [chunk async for chunk in chats.chat_chunks(two, request(stream=True))]
        assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == "by adapter-2"
        assert {chunk["model"] for chunk in chunks} == {"two"}
        with pytest.raises(UsageError, match="maximum context length"):
            await chats.chat(one, request("too long"))

    run(tmp_path, trial)
    started, *asked = asked_of()
    assert started["updating"] == "True"
    argv = started["argv"]
    assert argv[:4] == ["serve", str(tmp_path), "--host", "127.0.0.1"]
    assert argv[6:] == ["--enable-lora", "--max-lora-rank", "64", "--max-loras", "8"]
    loads = [entry["body"] for entry in asked if entry["path"] == "/v1/load_lora_adapter"]
    assert loads == [
        {"lora_name": f"adapter-{number}", "lora_path": str(served.adapter)} for number, served in ((1, one), (2, two))
    ]
    assert all("service_tier" not in entry["body"] for entry in asked)


def test_an_adapter_of_a_larger_rank_starts_vllm_anew(
    tmp_path: Path, asked_of: Callable[[], list[dict[str, Any]]]
) -> None:
    base = BaseModel(tmp_path)

    async def trial(chats: VllmChats) -> None:
        await chats.chat(ServedModel("base", base, None), request())
        await chats.chat(ServedModel("wide", base, adapter(tmp_path / "wide", rank=200)), request())

    run(tmp_path, trial)
    ranks = [entry["argv"][entry["argv"].index("--max-lora-rank") + 1] for entry in asked_of() if "argv" in entry]
    assert ranks == ["64", "256"]
