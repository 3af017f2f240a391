"""Browser tests run by default and fail without a browser; THECAL_NO_BROWSER=1 deselects them, visibly in the summary."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("THECAL_NO_BROWSER") != "1":
        return
    wanted = [item for item in items if item.get_closest_marker("e2e") is None]
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = wanted
