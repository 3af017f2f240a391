"""One server over one small real store for all tests that only read."""

from __future__ import annotations

import pytest

from support.dashboards import served, store


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    with served(store(tmp_path_factory.mktemp("dashboard"))) as running:
        yield running
