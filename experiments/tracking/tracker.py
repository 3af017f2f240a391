"""Runs in MLflow: a SQLite store under ``mlruns/`` unless ``MLFLOW_TRACKING_URI`` says otherwise; metrics in batches."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from thecal.core.errors import ConfigError, StoreError, ThecalError
from thecal.core.files import as_json
from thecal.core.signals import held
from thecal.experiments.tracking import owner
from thecal.experiments.tracking.address import hidden, kind_of, sqlite_file
from thecal.experiments.tracking.client import lasting, open_client
from thecal.experiments.tracking.names import ORIGINAL, Names
from thecal.experiments.tracking.schema import artifact_folder, name_artifacts
from thecal.experiments.tracking.store import check_store, store_uri

__all__ = ["Tracker", "check_store", "open_client", "store_uri"]
Answer = TypeVar("Answer")
METRICS_AT_ONCE = 900  # MLflow takes at most 1000 metrics, 100 parameters and 100 tags in one call
TEXTS_AT_ONCE = 100
BESIDE = "thecal.artifacts_beside_the_database"  # tag of experiments that this made
TEXT_LENGTH = 5000  # MLflow refuses longer parameters and tags
NAME_LENGTH = 500  # and longer names of experiments


class Tracker:
    """One tracked run, as a context manager: FINISHED on success, KILLED on Ctrl-C, FAILED on any other error.

    A store that is locked for a while is waited for, a minute with every call.

    Args:
        experiment: name of the experiment.
        name: of the run.
        tags: texts to search by.
        enabled: without it nothing is imported or written.
        uri: of the store; :func:`store_uri` by default.
        resume: id of a run to go on with, where the store still has it; ``resumed`` says whether it had.

    Raises:
        StoreError: the store cannot be written or reached (raised on entering, before any work), or fails later.
        ConfigError: no experiment can have that name.
        MissingExtraError: MLflow is not installed.
    """

    def __init__(
        self,
        experiment: str,
        name: str,
        tags: Mapping[str, str] | None = None,
        *,
        enabled: bool = True,
        uri: str | None = None,
        resume: str | None = None,
    ) -> None:
        if enabled and not 0 < len(experiment.strip()) <= NAME_LENGTH:
            raise ConfigError(
                f"the name of an experiment has 1 to {NAME_LENGTH} characters, not {len(experiment.strip())}"
            )
        self._experiment = experiment
        self._name = name
        self._tags = {"simulation_only": "true", **(tags or {})}
        self._enabled = enabled
        self._status: str | None = None
        self._resume = resume
        self.resumed = False
        self._lost = False  # the store failed: what comes after does not wait for it once more
        self._beside = False  # the experiment's artifacts belong beside the database
        self._names = Names()
        self.run_id: str | None = None
        self.uri = (uri or store_uri()) if enabled else ""

    def __enter__(self) -> Self:
        if not self._enabled:
            return self
        check_store(self.uri)
        self._client = self._call(lambda: open_client(self.uri))
        try:
            with held():  # a signal waits until it is known which run to end
                self._begin()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def _begin(self) -> None:
        """Make the run, or go on with the one to resume."""
        if self._resume is not None and self._goes_on(self._resume):
            self.run_id, self.resumed = self._resume, True
            self.tags(owner.tags())
            return
        experiment = self._call(self._experiment_id)
        tags = dict(self._named({**self._tags, **owner.tags()}))
        run = self._call(lambda: self._client.create_run(experiment, run_name=_text(self._name), tags=tags))
        self.run_id = str(run.info.run_id)
        self._keep_beside(run)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.run_id is None:
            return
        status = self._status or "FINISHED"
        if kind is not None:
            status = "KILLED" if issubclass(kind, (KeyboardInterrupt, SystemExit)) else "FAILED"
        try:
            self._call(lambda: self._client.set_terminated(self.run_id, status))
        except BaseException as failure:
            if kind is None or error is None:
                raise
            # The error that ended the run matters more than that its end could not be noted.
            try:
                warnings.warn(hidden(str(failure)) or type(failure).__name__, RuntimeWarning, stacklevel=2)
            except RuntimeWarning:  # whoever makes errors of warnings is to see the error as well
                error.add_note(hidden(str(failure)))

    def _goes_on(self, run_id: str) -> bool:
        """Set a run of the store to running again; False where the store has none of this id."""
        from mlflow.exceptions import MlflowException

        def begin() -> bool:
            try:
                self._client.update_run(run_id, "RUNNING")
            except MlflowException as error:
                if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    raise
                return False
            return True

        return self._call(begin)

    def killed(self) -> None:
        """Mark the run as ended by the user although what was learned was saved."""
        self._status = "KILLED"

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters; nested tables become dotted keys, long values are cut at MLflow's limit."""
        if self.run_id is None:
            return
        from mlflow.entities import Param

        self._texts("params", [Param(key, text) for key, text in self._named(_flat(values))])
        self._originals()

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set tags; nested tables become dotted keys."""
        if self.run_id is None:
            return
        from mlflow.entities import RunTag

        self._texts("tags", [RunTag(key, text) for key, text in self._named(_flat(values))])
        self._originals()

    def metrics(self, values: Mapping[str, Any], step: int = 0) -> None:
        """Log numbers of one step in one call; what is no finite number is left out.

        A name that MLflow refuses is changed into one that it takes; a tag of the run then keeps the name as it was.
        """
        if self.run_id is None:
            return
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        rows = [Metric(self._names.safe(key), value, now, step) for key, value in _numbers(values).items()]
        for begin in range(0, len(rows), METRICS_AT_ONCE):
            part = rows[begin : begin + METRICS_AT_ONCE]
            self._call(partial(self._client.log_batch, self.run_id, metrics=part))
        self._originals()

    def artifact(self, path: str | Path, folder: str | None = None) -> None:
        """Store a file or a folder with the run."""
        if self.run_id is None:
            return
        store = self._client.log_artifacts if Path(path).is_dir() else self._client.log_artifact
        self._call(lambda: store(self.run_id, str(path), folder))

    def document(self, values: Any, name: str) -> None:
        """Store data as a JSON file with the run; a number that is not finite is null."""
        if self.run_id is None:
            return
        self._call(lambda: self._client.log_text(self.run_id, as_json(values), name))

    def _texts(self, kind: str, rows: list[Any]) -> None:
        for begin in range(0, len(rows), TEXTS_AT_ONCE):
            part = {kind: rows[begin : begin + TEXTS_AT_ONCE]}
            self._call(partial(self._client.log_batch, self.run_id, **part))

    def _named(self, values: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Texts under names that MLflow takes."""
        return [(self._names.safe(key), _text(value)) for key, value in values.items()]

    def _originals(self) -> None:
        """Keep the names that had to be changed."""
        from mlflow.entities import RunTag

        changed = self._names.taken_changes()
        self._texts("tags", [RunTag(f"{ORIGINAL}{safe}", _text(name)) for safe, name in changed.items()])

    def _experiment_id(self) -> str:
        """The experiment, made if it is new; beside a SQLite store its artifacts go into a folder next to the database."""
        place = self._place()
        found = self._client.get_experiment_by_name(self._experiment)
        if found is None:
            own = {BESIDE: "true"} if place else {}
            try:
                return str(self._client.create_experiment(self._experiment, place, own))
            except Exception:
                # Another process may have made it since.
                found = self._client.get_experiment_by_name(self._experiment)
                if found is None:
                    raise
        if found.lifecycle_stage == "deleted":
            raise StoreError(
                f"the experiment {self._experiment!r} was deleted: name another (--set experiment=NAME), "
                f"or: mlflow experiments restore --experiment-id {found.experiment_id}"
            )
        self._beside = BESIDE in found.tags
        return str(found.experiment_id)

    def _place(self) -> str | None:
        """Where artifacts go beside a SQLite store."""
        return artifact_folder(sqlite_file(self.uri)).as_uri() if kind_of(self.uri) == "sqlite" else None

    def _keep_beside(self, run: Any) -> None:
        """A store whose folder was moved or copied still names the old one; what is new goes where the store is."""
        place = self._place()
        if place and self._beside and not run.info.artifact_uri.startswith(f"{place}/"):
            self._call(
                partial(name_artifacts, sqlite_file(self.uri), run.info.run_id, f"{place}/{run.info.run_id}/artifacts")
            )

    def _call(self, work: Callable[[], Answer]) -> Answer:
        """:func:`lasting` for this store; after a failure nothing waits for it once more."""
        try:
            return lasting(self.uri, work, 0.0 if self._lost else None)
        except ThecalError as error:
            self._lost = True
            if kind_of(self.uri) in ("http", "https"):
                os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
            if self.run_id and kind_of(self.uri) == "sqlite" and not (path := sqlite_file(self.uri)).exists():
                text = f"the tracking store {path} is gone: what was written stays in the folder of --out"
                raise StoreError(text) from error
            raise


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers among ``values``: no texts, no truth values, nothing missing."""
    numbers = {
        key: float(value)
        for key, value in values.items()
        if hasattr(value, "__float__") and not isinstance(value, (bool, np.bool_))
    }
    return {key: value for key, value in numbers.items() if math.isfinite(value)}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows |= _flat(value, f"{prefix}{key}.")
        else:
            rows[f"{prefix}{key}"] = value
    return rows


def _text(value: Any) -> str:
    """A value as text that every store holds: valid Unicode (file names may not be), not too long, no password."""
    return hidden(str(value).encode("utf-8", "backslashreplace").decode())[:TEXT_LENGTH]
