"""The last step of a comparison: page and data in its folder, with the scorecard where it was asked for."""

from __future__ import annotations

import json
from contextlib import contextmanager

import numpy as np
import pytest

from thecal.experiments.analysis.compare import summarize
from thecal.experiments.reports.finish import finish_report
from thecal.experiments.reports.store import load_report_data

from support.runs import hand_run
from support.scores import CHECK, some_scores


@pytest.fixture
def found():
    runs = {name: hand_run(24, 4, policy=name) for name in ("fixed", "mine")}
    runs["mine"]["controlled_h"][:] = np.float32(0.5)
    return summarize(runs, "fixed", 0)


def test_page_and_data_are_written(found, tmp_path):
    source = tmp_path / "trained"
    source.mkdir()
    (source / "curve.json").write_text(json.dumps({"frames": [1, 2], "return": [0.1, 0.2], "cost": [0.0, 0.0]}))
    page = finish_report(found, tmp_path / "out", {"git": {"commit": "abc"}}, [tmp_path / "fixed", source], False)
    assert page == tmp_path / "out" / "report.html"
    assert "git commit" in page.read_text(encoding="utf-8")
    data = load_report_data(tmp_path / "out")
    assert data.validation == []
    assert len(data.curves) == 2


def test_the_scorecard_is_run_when_asked_for_and_said_so(found, tmp_path, monkeypatch):
    def reproduced(progress):
        progress(1, 2, "kinetics")
        return some_scores()

    monkeypatch.setattr("thecal.experiments.validation.validate.validate", reproduced)
    monkeypatch.setattr("thecal.experiments.validation.validate.visual_checks", lambda: [CHECK])
    said = []

    @contextmanager
    def bar(title):
        said.append(title)
        yield lambda *how_far: said.append(how_far)

    finish_report(found, tmp_path, {}, [], True, bar)
    assert said == ["reproduce published observations", (1, "kinetics", 2)]
    data = load_report_data(tmp_path)
    assert len(data.validation) == 3
    assert data.checks == [CHECK]
