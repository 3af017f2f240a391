"""Runs in MLflow: a SQLite store under ``mlruns/`` unless ``MLFLOW_TRACKING_URI`` says otherwise; metrics in batches."""

from __future__ import annotations

import logging
import math
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from thecal.core.errors import ConfigError, StoreError
from thecal.core.extras import importing
from thecal.core.files import as_json
from thecal.experiments.tracking.store import SQLITE, check_store, sqlite_file, store_uri

__all__ = ["Tracker", "check_store", "open_client", "sb3_writer", "store_uri"]
METRICS_AT_ONCE = 900  # MLflow takes at most 1000 metrics, 100 parameters and 100 tags in one call
TEXTS_AT_ONCE = 100
TEXT_LENGTH = 5000  # MLflow refuses longer parameters and tags


def open_client(uri: str) -> Any:
    """An MLflow client of the store at ``uri``, without its chatter, telemetry or system metrics.

    Raises:
        ConfigError: MLflow is not installed.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with importing("tracking", "track"):
        import mlflow
    for quiet in ("mlflow", "alembic"):
        logging.getLogger(quiet).setLevel(logging.ERROR)
    return mlflow.MlflowClient(tracking_uri=uri)


class Tracker:
    """One tracked run, as a context manager: FINISHED on success, KILLED on Ctrl-C, FAILED on any other error.

    Args:
        experiment: name of the experiment.
        name: of the run.
        tags: texts to search by.
        enabled: without it nothing is imported or written.
        uri: of the store; :func:`store_uri` by default.

    Raises:
        StoreError: the store cannot be written or reached (raised on entering, before any work), or fails later.
        ConfigError: MLflow is not installed.
    """

    def __init__(
        self,
        experiment: str,
        name: str,
        tags: Mapping[str, str] | None = None,
        *,
        enabled: bool = True,
        uri: str | None = None,
    ) -> None:
        self._experiment = experiment
        self._name = name
        self._tags = {"simulation_only": "true", **(tags or {})}
        self._enabled = enabled
        self._status: str | None = None
        self.run_id: str | None = None
        self.uri = uri or store_uri()

    def __enter__(self) -> Self:
        if not self._enabled:
            return self
        check_store(self.uri)
        with self._store():
            self._client = open_client(self.uri)
            tags = {key: str(value)[:TEXT_LENGTH] for key, value in self._tags.items()}
            run = self._client.create_run(self._experiment_id(), run_name=self._name, tags=tags)
        self.run_id = str(run.info.run_id)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.run_id is None:
            return
        status = self._status or "FINISHED"
        if kind is not None:
            status = "KILLED" if issubclass(kind, KeyboardInterrupt) else "FAILED"
        try:
            with self._store():
                self._client.set_terminated(self.run_id, status)
        except StoreError as failure:
            if kind is None:
                raise
            # The error that ended the run matters more than that its end could not be noted.
            warnings.warn(str(failure), RuntimeWarning, stacklevel=2)

    def killed(self) -> None:
        """Mark the run as ended by the user although what was learned was saved."""
        self._status = "KILLED"

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters; nested tables become dotted keys, long values are cut at MLflow's limit."""
        if self.run_id is None:
            return
        from mlflow.entities import Param

        self._texts("params", [Param(key, text) for key, text in _flat(values)])

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set tags; nested tables become dotted keys."""
        if self.run_id is None:
            return
        from mlflow.entities import RunTag

        self._texts("tags", [RunTag(key, text) for key, text in _flat(values)])

    def metrics(self, values: Mapping[str, Any], step: int = 0) -> None:
        """Log numbers of one step in one call; what is no finite number is left out."""
        if self.run_id is None:
            return
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        rows = [Metric(key, value, now, step) for key, value in _numbers(values).items()]
        with self._store():
            for begin in range(0, len(rows), METRICS_AT_ONCE):
                self._client.log_batch(self.run_id, metrics=rows[begin : begin + METRICS_AT_ONCE])

    def artifact(self, path: str | Path, folder: str | None = None) -> None:
        """Store a file or a folder with the run."""
        if self.run_id is None:
            return
        with self._store():
            store = self._client.log_artifacts if Path(path).is_dir() else self._client.log_artifact
            store(self.run_id, str(path), folder)

    def document(self, values: Any, name: str) -> None:
        """Store data as a JSON file with the run; a number that is not finite is null."""
        if self.run_id is None:
            return
        with self._store():
            self._client.log_text(self.run_id, as_json(values), name)

    def _texts(self, kind: str, rows: list[Any]) -> None:
        with self._store():
            for begin in range(0, len(rows), TEXTS_AT_ONCE):
                self._client.log_batch(self.run_id, **{kind: rows[begin : begin + TEXTS_AT_ONCE]})

    def _experiment_id(self) -> str:
        """The experiment, made if it is new; beside a SQLite store its artifacts go into a folder next to the database."""
        found = self._client.get_experiment_by_name(self._experiment)
        if found is not None:
            return str(found.experiment_id)
        place = None
        if self.uri.startswith(SQLITE):
            place = (sqlite_file(self.uri).resolve().parent / "artifacts").as_uri()
        return str(self._client.create_experiment(self._experiment, artifact_location=place))

    @contextmanager
    def _store(self) -> Iterator[None]:
        """Turn whatever the store raises into one sentence."""
        try:
            yield
        except ConfigError:
            raise
        except Exception as error:  # MLflow, SQLAlchemy, HTTP and the file system each have their own
            said = str(error).strip().partition("\n")[0]
            raise StoreError(f"the tracking store {self.uri} failed ({type(error).__name__}: {said})") from error


def sb3_writer(tracker: Tracker) -> Any:
    """An SB3 ``KVWriter``: every ``logger.dump()`` becomes one batch; a store that fails is left alone after a warning.

    Append it to ``model.logger.output_formats``.
    """
    from stable_baselines3.common.logger import KVWriter

    class TrackerWriter(KVWriter):
        def __init__(self) -> None:
            self.failed = False

        def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
            """Log the numbers of one dump."""
            if self.failed:
                return
            try:
                tracker.metrics(key_values, step)
            except StoreError as error:
                # Hours of training are worth more than their curve.
                self.failed = True
                warnings.warn(f"training goes on without tracking: {error}", RuntimeWarning, stacklevel=2)

        def close(self) -> None:
            """Nothing is held open."""

    return TrackerWriter()


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers among ``values``: no texts, no truth values, nothing missing."""
    numbers = {
        key: float(value)
        for key, value in values.items()
        if hasattr(value, "__float__") and not isinstance(value, (bool, np.bool_))
    }
    return {key: value for key, value in numbers.items() if math.isfinite(value)}


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows.extend(_flat(value, f"{prefix}{key}."))
        else:
            rows.append((f"{prefix}{key}", str(value)[:TEXT_LENGTH]))
    return rows
