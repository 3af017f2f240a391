"""A tracking server that knows just enough of MLflow's protocol to take a run, and can fall silent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RUN = {
    "info": {
        "run_id": "f" * 32, "run_uuid": "f" * 32, "experiment_id": "1", "status": "RUNNING", "start_time": 0,
        "artifact_uri": "mlflow-artifacts:/x", "lifecycle_stage": "active",
    },
    "data": {},
}  # fmt: skip
EXPERIMENT = {
    "experiment_id": "1",
    "name": "thecal",
    "artifact_location": "mlflow-artifacts:/x",
    "lifecycle_stage": "active",
}
ANSWERS: dict[str, Any] = {
    "experiments/get-by-name": {"experiment": EXPERIMENT}, "runs/create": {"run": RUN}, "runs/get": {"run": RUN},
    "runs/update": {"run_info": RUN["info"]}, "runs/log-batch": {},
}  # fmt: skip


class Server(ThreadingHTTPServer):
    """What was asked, with whose name; ``silent`` makes every answer an error."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str]] = []
        self.silent = False

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.partition("?")[0].removeprefix("/api/2.0/mlflow/")
        self.server.asked.append((path, self.headers.get("Authorization", "")))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        code = 500 if self.server.silent else 200
        body = json.dumps(ANSWERS.get(path, {})).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


@contextmanager
def fake_server() -> Iterator[Server]:
    """A server that runs for the length of the body."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
