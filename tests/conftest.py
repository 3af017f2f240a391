"""What every test runs under: no time limits on examples (kernels compile on first use), no one's tracking server, markers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("thecal", deadline=None, print_blob=True)
settings.load_profile("thecal")

# A server named in the environment of whoever runs the tests must never receive their runs.
for _name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
    os.environ.pop(_name, None)

_VALIDATION = Path(__file__).parent / "validation"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder says that a test holds the model to published figures, so that `-m validation` runs just those."""
    for item in items:
        if item.path.is_relative_to(_VALIDATION):
            item.add_marker(pytest.mark.validation)
