"""A server on loopback that speaks both interfaces and answers what it was told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DRAFT: dict[str, Any] = {
    "vocal_song": "A",
    "a_from_beat": 32,
    "b_from_beat": 36,
    "tempo": "B",
    "key": "B",
    "sections": [
        {"label": "intro", "beats": 16, "vocals": 0, "drums": 0.8, "bass": 0, "other": 0.2,
         "transition": "fade"},
        {"label": "main", "beats": 96, "vocals": 1, "drums": 0.8, "bass": 0.8, "other": 0.4},
        {"label": "outro", "beats": 32, "vocals": 0, "drums": 0.4, "bass": 0.4, "other": 0.8,
         "transition_beats": 8},
    ],
    "explanation": "A sings over B.",
}  # fmt: skip


@dataclass(frozen=True)
class Reply:
    """One answer: a draft, a text, a status, raw bytes; late if asked."""

    draft: Any = None
    text: str = ""
    status: int = 200
    stop: str = ""
    raw: bytes | None = None
    refusal: str = ""
    wait_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """Where it listens, and what it was asked."""

    url: str
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)


@contextmanager
def serve(replies: Sequence[Reply]) -> Iterator[Server]:
    """Answer the first request with the first reply, and so on; the last one repeats."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append((self.path, dict(self.headers), body))
            reply = replies[min(len(server.requests), len(replies)) - 1]
            ended.wait(reply.wait_s)
            anthropic = self.path.endswith("/messages")
            raw = _error(reply) if reply.status >= 400 else (_anthropic if anthropic else _openai)(reply)
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)
            except ConnectionError:
                return  # the client had no more patience

        def log_message(self, *_: Any) -> None:
            return

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        ended.set()
        http.shutdown()
        thread.join()
        http.server_close()


def _error(reply: Reply) -> bytes:
    """Error pages that repeat the key, as real ones do."""
    error = {"type": "error", "message": reply.text or "no", "code": None}
    return json.dumps({"type": "error", "error": error}).encode()


def _anthropic(reply: Reply) -> bytes:
    if reply.raw is not None:
        return reply.raw
    content: list[dict[str, Any]] = []
    if reply.text:
        content.append({"type": "text", "text": reply.text})
    if reply.draft is not None:
        content.append({"type": "tool_use", "id": "toolu_1", "name": "arrange", "input": reply.draft})
    stop = reply.stop or ("tool_use" if reply.draft is not None else "end_turn")
    return json.dumps(
        {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test", "content": content,
            "stop_reason": {"length": "max_tokens"}.get(stop, stop), "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 10},
        }
    ).encode()  # fmt: skip


def _openai(reply: Reply) -> bytes:
    if reply.raw is not None:
        return reply.raw
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.refusal or reply.stop == "refusal":
        message["refusal"] = reply.refusal or "I can't."
    if reply.draft is not None:
        arguments = reply.draft if isinstance(reply.draft, str) else json.dumps(reply.draft)
        call = {"name": "arrange", "arguments": arguments}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": call}]
    stop = {"refusal": "stop"}.get(reply.stop, reply.stop) or ("tool_calls" if reply.draft else "stop")
    return json.dumps(
        {
            "id": "chat_1", "object": "chat.completion", "created": 1_700_000_000, "model": "test",
            "choices": [{"index": 0, "message": message, "finish_reason": stop, "logprobs": None}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
        }
    ).encode()  # fmt: skip
