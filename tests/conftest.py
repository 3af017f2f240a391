"""What every test runs under: kernels compiled once for all workers, one thread each, no time limits, no tracking server."""

from __future__ import annotations

import os
from pathlib import Path

# The workers share the cores already; read by Torch and OpenMP as they load, also in programs that a test starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numba
import pytest
from hypothesis import settings

from support.warm import warm_up

# The same examples in every run, so that a failure is the change's own; `--hypothesis-profile=explore` draws new ones.
settings.register_profile("thecal", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("explore", settings.get_profile("thecal"), derandomize=False)
settings.load_profile("thecal")

# A server named in the environment of whoever runs the tests must never receive their runs.
for _name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
    os.environ.pop(_name, None)

_VALIDATION = Path(__file__).parent / "validation"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the kernels before the workers start, which would each compile them anew."""
    options = session.config.option
    if (
        getattr(options, "numprocesses", None)
        and not options.collectonly
        and not hasattr(session.config, "workerinput")
    ):
        problem = warm_up()
        if problem:
            reporter = session.config.pluginmanager.get_plugin("terminalreporter")
            reporter.write_line(f"kernels were not compiled beforehand: {problem}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder says that a test holds the model to published figures, so that `-m validation` runs just those."""
    for item in items:
        if item.path.is_relative_to(_VALIDATION):
            item.add_marker(pytest.mark.validation)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Every test begins with one thread for the simulation; one that wants more asks for them."""
    numba.set_num_threads(1)
