"""Runs in MLflow: a SQLite store under ``mlruns/`` unless ``MLFLOW_TRACKING_URI`` says otherwise; metrics in batches."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from thecal.physiology.errors import ConfigError, StoreError

FOLDER = "mlruns"
DATABASE = "mlflow.db"
BATCH = 900  # MLflow takes at most 1000 metrics in one call


def store_uri(root: Path | None = None) -> str:
    """The tracking URI: the environment's, or the SQLite store under ``root`` (the working folder by default)."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    return given or f"sqlite:///{(root or Path.cwd()).resolve() / FOLDER / DATABASE}"


def check_store(uri: str) -> None:
    """Make the folder of a SQLite store and see that it can be written, before any work is done.

    Raises:
        StoreError: it cannot.
    """
    if not uri.startswith("sqlite:///"):
        return
    path = Path(uri.removeprefix("sqlite:///"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS thecal_write_check (x INTEGER)")
            connection.execute("DROP TABLE thecal_write_check")
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the tracking store {path} cannot be written ({error}); set MLFLOW_TRACKING_URI") from error


class Tracker:
    """One tracked run, as a context manager: FINISHED on success, KILLED on Ctrl-C, FAILED on any other error.

    Args:
        experiment: name of the experiment.
        name: of the run.
        tags: texts to search by.
        enabled: without it nothing is imported or written.

    Raises:
        StoreError: the store cannot be written or reached (raised on entering, before any work).
        ConfigError: MLflow is not installed.
    """

    def __init__(
        self, experiment: str, name: str, tags: Mapping[str, str] | None = None, *, enabled: bool = True
    ) -> None:
        self._experiment = experiment
        self._name = name
        self._tags = {"simulation_only": "true", **(tags or {})}
        self._enabled = enabled
        self._status: str | None = None
        self.run_id: str | None = None
        self.uri = store_uri()

    def __enter__(self) -> Self:
        if not self._enabled:
            return self
        check_store(self.uri)
        try:
            import mlflow
        except ImportError as error:
            raise ConfigError(f"tracking needs MLflow: install thecal[track] ({error})") from error
        for quiet in ("mlflow", "alembic"):
            logging.getLogger(quiet).setLevel(logging.ERROR)
        try:
            self._client = mlflow.MlflowClient(tracking_uri=self.uri)
            found = self._client.get_experiment_by_name(self._experiment)
            identity = found.experiment_id if found else self._create()
            run = self._client.create_run(identity, run_name=self._name, tags=self._tags)
        except Exception as error:
            raise StoreError(f"the tracking store {self.uri} cannot be used ({type(error).__name__}: {error})") from error
        self.run_id = run.info.run_id
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.run_id is None:
            return
        status = self._status or "FINISHED"
        if kind is not None:
            status = "KILLED" if issubclass(kind, KeyboardInterrupt) else "FAILED"
        self._client.set_terminated(self.run_id, status)

    def killed(self) -> None:
        """Mark the run as ended by the user although what was learnt was saved."""
        self._status = "KILLED"

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters; nested tables become dotted keys, long values are cut at MLflow's limit."""
        from mlflow.entities import Param

        if self.run_id is not None:
            flat = [Param(key, str(value)[:5000]) for key, value in _flat(values)]
            for begin in range(0, len(flat), 100):
                self._client.log_batch(self.run_id, params=flat[begin : begin + 100])

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set tags."""
        if self.run_id is not None:
            for key, value in _flat(values):
                self._client.set_tag(self.run_id, key, str(value)[:5000])

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Log numbers of one step in one call; anything not finite is left out."""
        import math

        from mlflow.entities import Metric

        if self.run_id is None:
            return
        now = int(time.time() * 1000)
        rows = [Metric(key, float(value), now, step) for key, value in values.items() if math.isfinite(value)]
        for begin in range(0, len(rows), BATCH):
            self._client.log_batch(self.run_id, metrics=rows[begin : begin + BATCH])

    def artifact(self, path: str | Path, folder: str | None = None) -> None:
        """Store a file or a folder with the run."""
        if self.run_id is None:
            return
        if Path(path).is_dir():
            self._client.log_artifacts(self.run_id, str(path), folder)
        else:
            self._client.log_artifact(self.run_id, str(path), folder)

    def document(self, values: Any, name: str) -> None:
        """Store plain data as a JSON file with the run."""
        if self.run_id is not None:
            self._client.log_text(self.run_id, json.dumps(values, indent=2, default=str), name)

    def _create(self) -> str:
        """A new experiment; beside a SQLite store its artifacts go into a folder next to the database."""
        place = None
        if self.uri.startswith("sqlite:///"):
            place = (Path(self.uri.removeprefix("sqlite:///")).parent / "artifacts").as_uri()
        return str(self._client.create_experiment(self._experiment, artifact_location=place))


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows.extend(_flat(value, f"{prefix}{key}."))
        else:
            rows.append((f"{prefix}{key}", value))
    return rows
