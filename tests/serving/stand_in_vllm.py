"""Stands in for the `vllm` command, which needs a GPU: takes the same arguments, answers the same addresses.

It writes what it was asked, a JSON object a line, to the file that STAND_IN_LOG names.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


def note(**entry: object) -> None:
    with Path(os.environ["STAND_IN_LOG"]).open("a") as log:
        log.write(json.dumps(entry) + "\n")


class Handler(BaseHTTPRequestHandler):
    base = ""
    adapters: dict[str, str] = {}  # noqa: RUF012

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.answer(200 if self.path == "/health" else 404, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        note(path=self.path, body=body)
        if self.headers["Authorization"] != f"Bearer {os.environ['VLLM_API_KEY']}":
            self.answer(401, {"error": "Unauthorized"})
        elif self.path == "/v1/load_lora_adapter":
            if not (Path(body["lora_path"]) / "adapter_config.json").is_file():
                return self.answer(404, {"error": {"message": "no such adapter"}})
            self.adapters[body["lora_name"]] = body["lora_path"]
            self.answer(200, {})
        elif body["model"] not in (self.base, *self.adapters):
            self.answer(404, {"error": {"message": f"The model `{body['model']}` does not exist."}})
        elif body["messages"][-1]["content"] == "too long":
            self.answer(400, {"error": {"message": "maximum context length"}})
        elif body.get("stream"):
            self.send_response(200)
            self.end_headers()
            for word in ("by ", body["model"]):
                chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
                chunk["choices"] = [{"index": 0, "delta": {"content": word}, "finish_reason": None}]
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")
        else:
            message = {"role": "assistant", "content": f"by {body['model']}"}
            choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
            self.answer(
                200, {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}
            )

    def answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("serve", choices=["serve"])
    parser.add_argument("base")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--enable-lora", action="store_true", required=True)
    parser.add_argument("--max-lora-rank", type=int, choices=RANKS, required=True)
    parser.add_argument("--max-loras", type=int, required=True)
    parser.add_argument("--quantization", choices=["bitsandbytes"])
    arguments = parser.parse_args()
    note(argv=sys.argv[1:], updating=os.environ.get("VLLM_ALLOW_RUNTIME_LORA_UPDATING"))
    Handler.base = arguments.base
    ThreadingHTTPServer((arguments.host, arguments.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
