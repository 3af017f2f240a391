"""A tracking store that is set up once and copied, because MLflow takes seconds to make its tables."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_FIRST_RUN = """
from thecal.experiments.tracking.tracker import Tracker
with Tracker("first", "run") as tracker:
    tracker.metrics({"x": 1.0})
"""


@dataclass(frozen=True)
class FirstStore:
    """A store as the first run of a new folder leaves it, and what that run printed."""

    database: Path
    printed: str


@dataclass(frozen=True)
class Store:
    """The store of a test's working folder."""

    folder: Path
    client: Any

    def run(self, run_id: str | None) -> Any:
        """A run as MLflow knows it."""
        assert run_id is not None
        return self.client.get_run(run_id)

    def only_run(self, experiment: str = "thecal") -> Any:
        """The one run of an experiment."""
        found = self.client.get_experiment_by_name(experiment)
        (run,) = self.client.search_runs([found.experiment_id])
        return run

    def artifacts(self, run_id: str | None, folder: str = "") -> set[str]:
        """Paths of the files and folders a run keeps."""
        return {entry.path for entry in self.client.list_artifacts(run_id, folder or None)}


@pytest.fixture(scope="session")
def first_store(tmp_path_factory: pytest.TempPathFactory) -> FirstStore:
    folder = tmp_path_factory.mktemp("first")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_RUN],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return FirstStore(folder / "mlruns" / "mlflow.db", done.stdout + done.stderr)


@pytest.fixture
def store(first_store: FirstStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A fresh working folder with a ready store, as a user without any setting has it."""
    from thecal.experiments.tracking.tracker import open_client, store_uri

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlruns").mkdir()
    shutil.copy(first_store.database, tmp_path / "mlruns" / "mlflow.db")
    return Store(tmp_path, open_client(store_uri()))
