"""What every test runs under: no time limits on examples (kernels compile on first use), no one's tracking server."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("thecal", deadline=None, print_blob=True)
settings.load_profile("thecal")

# A server named in the environment of whoever runs the tests must never receive their runs.
for _name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
    os.environ.pop(_name, None)
