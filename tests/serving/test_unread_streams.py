"""A client that stops reading holds nobody up."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

from openai import OpenAI

from chat_service import TOKEN, served
from localft.serving.chats import OwnChats
from localft.serving.engines import Engines

ASKED = [{"role": "user", "content": "Tell me a long story about the sea."}]


def test_a_stream_that_nobody_reads_keeps_no_other_base_model_waiting(tmp_path: Path) -> None:
    chats = OwnChats(Engines(tmp_path / "log", has_room=lambda base, beside: False))
    body = {
        "model": "localft/tiny-base",
        "messages": ASKED,
        "n": 24,
        "stream": True,
        "logprobs": True,
        "top_logprobs": 20,
    }
    sent = json.dumps({**body, "temperature": 2, "max_tokens": 100}).encode()
    with served(tmp_path / "home", chats) as address, socket.socket() as unread:
        where = urlsplit(address)
        unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        unread.connect((where.hostname, where.port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {where.netloc}\r\napi-key: {TOKEN}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
        unread.sendall(head.encode() + sent)
        assert unread.recv(12) == b"HTTP/1.1 200"
        client = OpenAI(base_url=address + "/v1", api_key=TOKEN, max_retries=0)
        answer = client.chat.completions.create(model="localft/tiny-base-phi", messages=ASKED, max_tokens=4)  # type: ignore[arg-type]
        assert answer.usage is not None and answer.usage.completion_tokens <= 4
