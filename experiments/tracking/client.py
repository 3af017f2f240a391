"""MLflow's client of a store, and calls of it that outlast a lock and fail in one sentence."""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from thecal.core.errors import ConfigError, MissingExtraError, StoreError, ThecalError
from thecal.core.extras import importing
from thecal.experiments.tracking.address import client_address, hidden, kind_of, sqlite_file
from thecal.experiments.tracking.schema import WAIT_S, artifact_folder, make_store
from thecal.experiments.tracking.store import check_store, store_uri

Answer = TypeVar("Answer")
SERVER_TRIES = "5"  # again after 2, 4, 8, 16 and 32 s: about as long as a locked file is waited for
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
_RUN = re.compile("[0-9a-f]{32}")


def open_client(uri: str) -> Any:
    """An MLflow client of the store at ``uri``, without its chatter, telemetry or system metrics; a new store is made whole.

    Raises:
        MissingExtraError: MLflow is not installed.
        StoreError: see :func:`thecal.experiments.tracking.address.client_address`.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # where --json prints
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", SERVER_TRIES)
    with importing("tracking", "track"):
        import mlflow
    for quiet in ("mlflow", "alembic"):
        # What goes wrong is raised as well; printed, it would be a traceback, and might show an address.
        logging.getLogger(quiet).setLevel(logging.CRITICAL)

    def open_store(address: str) -> Any:
        return mlflow.MlflowClient(tracking_uri=address)

    address = client_address(uri)
    if kind_of(uri) == "sqlite":
        make_store(sqlite_file(uri), open_store)
    return open_store(address)


def lasting(uri: str, work: Callable[[], Answer], wait_s: float | None = None) -> Answer:
    """What ``work`` gives, tried again while the store is locked.

    Args:
        uri: address of the store, for what is said of it.
        work: calls the store.
        wait_s: how long a lock is outlasted, :data:`WAIT_S` by default.

    Raises:
        StoreError: whatever the store raised, as one sentence.
        MissingExtraError: the store needs a package that is not installed.
    """
    end, pause = time.monotonic() + (WAIT_S if wait_s is None else wait_s), _FIRST_PAUSE_S
    while True:
        try:
            return work()
        except ThecalError:
            raise
        except Exception as error:  # MLflow, SQLAlchemy, HTTP and the file system each have their own
            if not _is_lock(error):
                raise _failure(uri, error) from error
            if time.monotonic() >= end:
                raise StoreError(
                    f"the tracking store {_shown(uri)} is locked by another program for more than {WAIT_S:.0f} s: "
                    "end that program"
                ) from error
        time.sleep(pause)
        pause = min(2.0 * pause, _LONGEST_PAUSE_S)


def find_run(text: str) -> tuple[Any, Any]:
    """The client of the store in force, and a run of it.

    Args:
        text: id of the run.

    Raises:
        ConfigError: no run has that id, or it was deleted.
        StoreError: the store is not there or cannot be read.
        MissingExtraError: MLflow is not installed.
    """
    if text.startswith("runs:"):
        found = re.search("[0-9a-f]{32}", text)
        raise ConfigError(f"{text}: give the id of the run alone{f', {found[0]}' if found else ''}, without runs:/")
    if not _RUN.fullmatch(text):
        raise ConfigError(f"{text}: no such folder or file, and not the id of a run (32 digits and letters a to f)")
    uri = store_uri()
    check_store(uri, write=False)
    client = lasting(uri, lambda: open_client(uri))
    from mlflow.exceptions import MlflowException

    def read() -> Any:
        try:
            return client.get_run(text)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                raise ConfigError(f"{text}: neither a folder nor a run in {_shown(uri)}") from error
            raise

    run = lasting(uri, read)
    if run.info.lifecycle_stage == "deleted":
        raise ConfigError(f"run {text} was deleted: mlflow runs restore --run-id {text}")
    return client, run


def download(client: Any, run: Any, name: str, folder: str | Path) -> Path | None:
    """A copy of a file or folder that a run keeps, in ``folder``; None where it keeps none of that name.

    Raises:
        StoreError: the store cannot be read.
    """
    uri = store_uri()
    if kind_of(uri) == "sqlite":
        # A store that was moved or copied names the folder where it was.
        here = artifact_folder(sqlite_file(uri)) / run.info.run_id / "artifacts" / name
        if here.exists():
            return Path(shutil.copytree(here, Path(folder, name)) if here.is_dir() else shutil.copy(here, folder))

    def read() -> Path | None:
        kept = {entry.path for entry in client.list_artifacts(run.info.run_id)}
        return Path(client.download_artifacts(run.info.run_id, name, str(folder))) if name in kept else None

    return lasting(uri, read)


def _is_lock(error: Exception) -> bool:
    return "database is locked" in str(error) or "database table is locked" in str(error)


def _failure(uri: str, error: Exception) -> ThecalError:
    """The sentence for what a store raised."""
    if isinstance(error, ModuleNotFoundError):
        return MissingExtraError(f"the tracking store needs {error.name}: pip install {error.name}")
    said = hidden(str(error).strip().partition("\n")[0])
    return StoreError(f"the tracking store {_shown(uri)} failed ({type(error).__name__}: {said})")


def _shown(uri: str) -> str:
    return str(sqlite_file(uri)) if kind_of(uri) == "sqlite" else hidden(uri)
