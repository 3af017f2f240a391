"""A small real store, and the dashboard's own server over it on a free port, asked as a browser would and as it must not be."""

from __future__ import annotations

import http.client
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from thecal.dashboard.server import HOST, bound, server
from thecal.experiments.studies.config import CompareConfig, EvaluateConfig
from thecal.experiments.studies.evaluate import evaluate, run_compare

POLICIES = ("fixed", "guideline", "pid")
PATIENTS = 3
_SECONDS = 60.0


@cache
def _made() -> Path:
    """A comparison of eight days with faults, and an evaluation, made once by the commands' own functions."""
    place = Path(tempfile.mkdtemp(prefix="thecal-store-"))
    same: dict[str, Any] = {
        "task": "CancerDoseFinding",
        "horizon_d": 8.0,
        "faults": "stress",
        "split": "test",
        "track": False,
    }
    run_compare(CompareConfig(policies=POLICIES, patients=PATIENTS, out=str(place / "small"), **same))
    evaluate(EvaluateConfig(policy="guideline", patients=2, out=str(place / "alone"), **same))
    return place


def store(folder: Path) -> Path:
    """A copy of it in ``folder``, which a test may spoil."""
    return Path(shutil.copytree(_made(), folder / "runs"))


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Site:
    """A running server over the results below ``root``."""

    root: Path
    port: int

    @property
    def address(self) -> str:
        """Of its page."""
        return f"http://{HOST}:{self.port}/"

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request, its path sent as it is; ``_`` in names of headers stands for ``-``."""
        line = http.client.HTTPConnection(HOST, self.port, timeout=_SECONDS)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            line.putrequest(method, path, skip_host="Host" in given, skip_accept_encoding=True)
            for name, value in given.items():
                line.putheader(name, value)
            line.endheaders()
            answer = line.getresponse()
            return Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        finally:
            line.close()

    def get(self, path: str) -> Any:
        """The data of a request that must succeed."""
        answer = self.ask(path)
        assert answer.status == 200, answer.body
        return answer.data

    def id_of(self, place: str) -> str:
        """The id of a run by where it lies."""
        return next(str(run["id"]) for run in self.get("/api/runs")["runs"] if run["place"] == place)


@contextmanager
def served(*roots: Path) -> Iterator[Site]:
    """The server over some folders while the body runs."""
    own, ready = bound(0), threading.Event()
    running = server(roots, ready.set)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [own]})
    thread.start()
    try:
        assert ready.wait(_SECONDS), "the server did not start"
        yield Site(roots[0], own.getsockname()[1])
    finally:
        running.should_exit = True
        thread.join(_SECONDS)
        own.close()
    assert not thread.is_alive()
