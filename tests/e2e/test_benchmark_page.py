"""The leaderboard's page in a real browser: drawings have lines within their frame, and nothing is logged."""

from __future__ import annotations

import re

import pytest

from thecal.experiments.analysis.leaderboard_build import build
from thecal.experiments.reports.benchmark_page import write_leaderboard

from support.benchmarks import entry, level, stored
from support.browser import load, save

pytestmark = pytest.mark.e2e
WELL = {"guideline": 50.0, "fixed": 30.0, "pid": 60.0}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")
    stored(folder, [entry(name) for name in WELL], level(WELL))
    return write_leaderboard(build(folder), folder / "page.html")


def test_it_opens_and_nothing_is_logged(written, tmp_path):
    page = load(written, tmp_path)
    assert page.console == []
    assert page.dom.count("<polyline") == len(WELL)
    points = [
        float(x) for line in re.findall(r'<poly(?:line|gon) points="([^"]+)"', page.dom) for x in re.split("[ ,]", line)
    ]
    assert points
    assert all(0.0 <= value <= 560.0 for value in points)


def test_it_prints(written, tmp_path):
    pages = re.findall(rb"/Type\s*/Page[^s]", save(written, tmp_path / "page.pdf", tmp_path))
    assert 1 <= len(pages) <= 10
