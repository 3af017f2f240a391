"""The dashboard's server: routes over stored results and the page's own files, on 127.0.0.1 and behind the guard."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from thecal.core.errors import ConfigError, StoreError, ThecalError
from thecal.core.files import as_json
from thecal.dashboard import answers, boards
from thecal.dashboard.guard import Guard
from thecal.dashboard.index import Index, UnknownRunError
from thecal.dashboard.runs import Runs
from thecal.dashboard.tables import Shelf
from thecal.dashboard.whom import outcome_of, ranked, require_policy, whom

HOST = "127.0.0.1"
_TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml", "": "text/plain; charset=utf-8",
}  # fmt: skip
Day = Annotated[int, Query(ge=0, le=100_000)]
Word = Annotated[str, Query(max_length=200)]


def application(roots: Sequence[Path]) -> Guard:
    """The application over the results below some folders, as ASGI."""
    app = FastAPI(title="Thecal", docs_url=None, redoc_url=None, openapi_url=None)
    index, shelf = Index(roots), Shelf()
    runs = Runs(index, shelf)
    _add_errors(app)
    _add_runs(app, index, runs, shelf)
    Thread(target=_warm, args=(index, runs, shelf), daemon=True).start()
    _add_files(app)
    return Guard(app)


def _warm(index: Index, runs: Runs, shelf: Shelf) -> None:
    """Open the newest comparison as its page will, so that the first look waits for no import; whatever fails is told there."""
    with suppress(Exception):
        newest = next(entry for entry in index.entries() if entry.kind == "comparison" and not entry.problem)
        run = runs.get(newest.id)
        answers.run_of(run)
        first = answers.first_patient(run)
        if run.tables and first is not None:
            answers.tracks_of(run, shelf, first, "first")
            run.scene()


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(ThecalError)
    def told(_: Request, error: ThecalError) -> JSONResponse:
        status = 404 if isinstance(error, UnknownRunError) else 400 if isinstance(error, ConfigError) else 422
        return JSONResponse({"error": " ".join(str(error).split())}, status)

    @app.exception_handler(OSError)
    def lost(_: Request, error: OSError) -> JSONResponse:
        return told(_, StoreError(f"a file cannot be read ({error.strerror or error})"))

    @app.exception_handler(RequestValidationError)
    def wrong(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return JSONResponse({"error": f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}"}, 400)


def _add_runs(app: FastAPI, index: Index, runs: Runs, shelf: Shelf) -> None:
    @app.get("/api/runs")
    def listed(request: Request) -> Response:
        text = as_json(answers.listed(index), indent=None)
        tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"etag": tag})
        return _json(text, {"etag": tag, "cache-control": "no-cache"})

    @app.get("/api/runs/{id_}")
    def run(id_: str) -> Response:
        return _json(answers.run_of(runs.get(id_)))

    @app.get("/api/runs/{id_}/patients")
    def patients(id_: str, policy: Word = "", outcome: Word = "") -> Response:
        found = runs.get(id_)
        name = require_policy(found, policy) if policy else next(iter(found.infos))
        return _json(ranked(found, name, outcome_of(found, outcome)))

    @app.get("/api/runs/{id_}/whom")
    def helped(id_: str, policy: Word, outcome: Word = "") -> Response:
        found = runs.get(id_)
        chosen = outcome_of(found, outcome)
        name = require_policy(found, policy)
        return _json(found.kept(f"whom {chosen.key} {name}", lambda: as_json(whom(found, name, chosen), indent=None)))

    @app.get("/api/runs/{id_}/patients/{patient}")
    def patient(id_: str, patient: int) -> Response:
        found = runs.get(id_)
        return _json(answers.patient_of(found, shelf, answers.require_patient(found, patient)))

    @app.get("/api/runs/{id_}/patients/{patient}/tracks")
    def tracks(id_: str, patient: int, part: Word = "first") -> Response:
        found = runs.get(id_)
        body = answers.tracks_of(found, shelf, answers.require_patient(found, patient), part)
        return Response(body, media_type="application/octet-stream", headers={"cache-control": "no-store"})

    @app.get("/api/runs/{id_}/patients/{patient}/events")
    def events(id_: str, patient: int) -> Response:
        found = runs.get(id_)
        return _json(answers.events_of(found, shelf, answers.require_patient(found, patient)))

    @app.get("/api/runs/{id_}/patients/{patient}/chart")
    def chart(id_: str, patient: int) -> Response:
        found = runs.get(id_)
        return _json(answers.chart_of(found, answers.require_patient(found, patient)))

    @app.get("/api/runs/{id_}/patients/{patient}/decisions")
    def decided(
        id_: str, patient: int, policy: Word, show: Word = "changes", first: Day = 0, last: Day | None = None
    ) -> Response:
        found = runs.get(id_)
        answers.require_patient(found, patient)
        return _json(answers.decisions_of(found, shelf, patient, policy, show, first, last))

    @app.get("/api/leaderboards/{id_}")
    def leaderboard(id_: str) -> Response:
        return _json(boards.leaderboard(index.entry(id_, "leaderboard")))

    @app.get("/api/headrooms/{id_}")
    def headroom(id_: str) -> Response:
        return _json(boards.headroom(index.entry(id_, "headroom")))


def _json(value: Any, headers: dict[str, str] | None = None) -> Response:
    text = value if isinstance(value, str) else as_json(value, indent=None)
    return Response(text, media_type="application/json", headers=headers or {"cache-control": "no-store"})


def _add_files(app: FastAPI) -> None:
    """The page's own files, read once: a path is looked up among them, never followed on the disk."""
    shipped = dict(_shipped(files("thecal.dashboard") / "static", ""))

    @app.get("/{path:path}")
    def file(path: str) -> Response:
        content = shipped.get(path or "index.html")
        if content is None:
            return JSONResponse({"error": "there is no such page"}, 404)
        ending = Path(path or "index.html").suffix
        return Response(content, media_type=_TYPES[ending], headers={"cache-control": "no-cache"})


def _shipped(folder: Traversable, before: str) -> list[tuple[str, bytes]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _shipped(entry, f"{before}{entry.name}/")
        elif Path(entry.name).suffix in _TYPES:
            found.append((before + entry.name, entry.read_bytes()))
    return found


def bound(port: int) -> socket.socket:
    """A socket on 127.0.0.1; port 0 takes a free one.

    Raises:
        ConfigError: another program has the port.
    """
    own = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        own.bind((HOST, port))
    except OSError as error:
        own.close()
        raise ConfigError(
            f"port {port} of {HOST} cannot be used ({error.strerror}); choose another with --port, or 0 for any free one"
        ) from error
    return own


def server(roots: Sequence[Path], started: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """A server over the results below some folders; ``started`` is called when the first request can be answered.

    ``run(sockets=[bound(port)])`` answers until a signal ends it, or until ``should_exit`` is set.
    """
    config = uvicorn.Config(
        application(roots), log_level="warning", access_log=False, server_header=False, ws="none", proxy_headers=False
    )
    return _Server(config, started)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told()
